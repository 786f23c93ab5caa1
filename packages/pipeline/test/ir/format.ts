/** JSON text with one member a line, so that lines in findings mean something. */
export function formatJson(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
