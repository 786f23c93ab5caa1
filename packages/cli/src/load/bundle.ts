/** A user's TypeScript as one module that Node can import, whatever Node's version knows of TypeScript. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, extname, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { SealflowError, throwFindings } from "@sealflow/core";
import type { BuildFailure, Loader, Message, Plugin, PluginBuild } from "esbuild";

// Required rather than imported: an import would look through the whole of it for names that it might export.
const { build, transform } = createRequire(import.meta.url)("esbuild") as typeof import("esbuild");

const loaders: Readonly<Record<string, Loader>> = {
  ".ts": "ts",
  ".mts": "ts",
  ".cts": "ts",
  ".tsx": "tsx",
  ".js": "js",
  ".mjs": "js",
};
const typescript = new Set([".ts", ".mts", ".cts", ".tsx"]);

/** Where the bundle will lie, and how imports resolve. */
export interface BundleOptions {
  /** The file that the code will be written to; source maps are relative to it. */
  readonly outfile: string;
  /** Export conditions besides `node` and `import`. */
  readonly conditions: readonly string[];
  /** Directory that file names in messages are relative to. */
  readonly cwd: string;
}

/**
 * Bundles a module and the local files that it imports. Packages stay outside: each import of one becomes the URL of
 * the very file that the importing file would get, so that the bundle may lie anywhere. Packages that ship TypeScript
 * are taken in. Every file keeps its own `import.meta.url`.
 *
 * @returns JavaScript with an inline source map.
 * @throws SealflowError `CLI_TYPESCRIPT_INVALID` with all findings: syntax errors, imports that do not resolve.
 */
export async function bundleModule(file: string, options: BundleOptions): Promise<string> {
  try {
    const result = await build({
      absWorkingDir: options.cwd,
      entryPoints: [file],
      outfile: options.outfile,
      bundle: true,
      write: false,
      format: "esm",
      platform: "node",
      target: "node20.19",
      conditions: [...options.conditions],
      sourcemap: "inline",
      sourcesContent: false,
      keepNames: true,
      logLevel: "silent",
      plugins: [packagesOutside, ownMetaUrl],
    });
    return result.outputFiles[0]?.text ?? "";
  } catch (error) {
    if (isBuildFailure(error)) throwMessages(error.errors, relative(options.cwd, file));
    throw error;
  }
}

/** Marks resolutions made by the plugin itself. */
const inner = Symbol("resolving");

const packagesOutside: Plugin = {
  name: "packages-outside",
  setup(plugin) {
    plugin.onResolve({ filter: /^[^./]/ }, async (args) => {
      if (args.kind === "entry-point" || args.pluginData === inner || args.path.startsWith("node:"))
        return undefined;
      const { path, importer, resolveDir, kind } = args;
      const found = await plugin.resolve(path, { importer, resolveDir, kind, pluginData: inner });
      if (found.errors.length > 0) return ownPackage(path) ?? { errors: found.errors };
      if (found.external || typescript.has(extname(found.path)))
        return { path: found.path, external: found.external };
      return { path: pathToFileURL(found.path).href, external: true };
    });
  },
};

/** Sealflow's own packages are there for a pipeline even where the project has not installed them. */
function ownPackage(specifier: string): { path: string; external: true } | undefined {
  if (!specifier.startsWith("@sealflow/")) return undefined;
  try {
    return { path: import.meta.resolve(specifier), external: true };
  } catch {
    return undefined;
  }
}

const ownMetaUrl: Plugin = {
  name: "own-meta-url",
  setup(plugin: PluginBuild) {
    plugin.onLoad({ filter: /\.([mc]?ts|tsx|m?js)$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const loader = loaders[extname(path)] ?? "js";
      if (!source.includes("import.meta")) return { contents: source, loader };
      const { code } = await transform(source, {
        loader,
        sourcefile: path,
        sourcemap: "inline",
        sourcesContent: false,
        target: "node20.19",
        define: {
          "import.meta.url": JSON.stringify(pathToFileURL(path).href),
          "import.meta.filename": JSON.stringify(path),
          "import.meta.dirname": JSON.stringify(dirname(path)),
        },
      });
      return { contents: code, loader: "js" };
    });
  },
};

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && "errors" in error && Array.isArray(error.errors);
}

function throwMessages(messages: readonly Message[], file: string): void {
  throwFindings(messages.map(toFinding), {
    code: "CLI_TYPESCRIPT_INVALID",
    message: `${file}: expected a module that can be loaded, got ${messages.length} errors`,
    where: { file },
  });
}

function toFinding({ text, location }: Message): SealflowError {
  return new SealflowError({
    code: "CLI_TYPESCRIPT_INVALID",
    message: text,
    ...(location === null
      ? {}
      : { where: { file: location.file, line: location.line, column: location.column + 1 } }),
    ...(text.startsWith("Could not resolve")
      ? { hint: "install the package, or mend the path of the import" }
      : {}),
  });
}

/** Path of a `file:` URL or the path itself. */
export function pathOf(urlOrPath: string): string {
  return urlOrPath.startsWith("file:") ? fileURLToPath(urlOrPath) : urlOrPath;
}
