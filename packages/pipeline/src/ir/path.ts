/** Steps from the top of a document to a value in it. */
export type DocumentPath = readonly (string | number)[];

/**
 * Text of a path as errors show it: `root.dag.tasks.train.inputs.parameters.seed`, `args[2]`; keys with other characters
 * than letters, digits, `_` and `-` are quoted in brackets. The top itself is `$`.
 */
export function pathText(path: DocumentPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^[A-Za-z0-9_-]+$/.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text === "" ? "$" : text;
}
