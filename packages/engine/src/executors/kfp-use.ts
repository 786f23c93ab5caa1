/** Whether a component's source needs the real `kfp` package or only what its runtime offers to every component. */

/** Modules that arrive with kfp's own requirements: whoever imports them may rely on kfp having brought them. */
const broughtAlong =
  /^\s*(?:import|from)\s+(?:yaml|kubernetes|google|kfp_server_api|kfp_pipeline_spec|tabulate|click)\b/m;
const importStatement = /^\s*(?:from\s+(kfp[\w.]*)\s+import\s+([^\n#]+)|import\s+(kfp[\w.]*))/gm;

/** Modules of kfp that the built-in runtime stands in for. */
const served = new Set(["kfp", "kfp.dsl", "kfp.dsl.types", "kfp.dsl.types.artifact_types"]);

/**
 * Conservative: true in doubt, since a needless installation costs time once and a missing one fails the task.
 *
 * @param source Python source text; nothing is executed.
 */
export function needsRealKfp(source: string): boolean {
  for (const [, from, names = "", plain] of source.matchAll(importStatement)) {
    const module = from ?? plain ?? "";
    if (module === "kfp" && from !== undefined && !/^\(?\s*dsl\s*\)?(\s+as\s+\w+)?\s*$/.test(names.trim()))
      return true;
    if (module.startsWith("kfp.") || module === "kfp") {
      if (!served.has(module)) return true;
    }
  }
  return broughtAlong.test(source) || /(?<![\w.'"/-])kfp\.(?!dsl\b|__version__)[a-z_]+/i.test(code(source));
}

/** The source without import statements and whole-line comments. */
function code(source: string): string {
  return source.replace(/^\s*(?:#|import\s|from\s)[^\n]*$/gm, "");
}
