/** What a file is, told by its first bytes: artifacts have no file names to go by. */

/** Formats that can be shown. */
export type Format = "empty" | "sealed" | "parquet" | "image" | "json" | "csv" | "text" | "binary";

const starts: readonly (readonly [readonly number[], Format])[] = [
  [[0x50, 0x41, 0x52, 0x31], "parquet"],
  [[0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a], "image"],
  [[0xff, 0xd8, 0xff], "image"],
  [[0x47, 0x49, 0x46, 0x38], "image"],
];

/** The format of a file that begins with these bytes. @param whole Whether they are all of it. */
export function formatOf(bytes: Uint8Array, whole: boolean, sealedMagic: readonly number[]): Format {
  if (bytes.length === 0) return "empty";
  if (beginsWith(bytes, sealedMagic)) return "sealed";
  const known = starts.find(([magic]) => beginsWith(bytes, magic));
  if (known !== undefined) return known[1];
  if (isWebp(bytes)) return "image";
  const text = textOf(bytes, whole);
  if (text === undefined) return "binary";
  return textFormat(text, whole);
}

function beginsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.length > 0 && magic.every((byte, index) => bytes[index] === byte);
}

function isWebp(bytes: Uint8Array): boolean {
  const at = (index: number): string => String.fromCharCode(...bytes.subarray(index, index + 4));
  return at(0) === "RIFF" && at(8) === "WEBP";
}

/** The bytes as text; undefined when they are none. The last character may be cut. */
export function textOf(bytes: Uint8Array, whole: boolean): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: !whole });
  } catch {
    return undefined;
  }
}

function textFormat(text: string, whole: boolean): Format {
  const begin = text.trimStart();
  if (/^<(\?xml[^>]*>\s*<)?svg[\s>]/i.test(begin)) return "image";
  if (begin.startsWith("{") || begin.startsWith("[")) {
    if (!whole) return "json";
    try {
      JSON.parse(text);
      return "json";
    } catch {
      return "text";
    }
  }
  return looksLikeCsv(text) ? "csv" : "text";
}

/** Several lines with the same number of commas or tabs, at least one of them each. */
function looksLikeCsv(text: string): boolean {
  const lines = text
    .split("\n")
    .slice(0, 6)
    .filter((line) => line.trim() !== "");
  if (lines.length < 2) return false;
  return [",", "\t", ";"].some((separator) => {
    const counts = lines.slice(0, -1).map((line) => line.replace(/"[^"]*"/g, "").split(separator).length);
    return counts.length > 0 && (counts[0] ?? 0) > 1 && counts.every((count) => count === counts[0]);
  });
}

/** The type under which a browser shows an image. */
export function imageType(bytes: Uint8Array): string {
  if (bytes[0] === 0x89) return "image/png";
  if (bytes[0] === 0xff) return "image/jpeg";
  if (bytes[0] === 0x47) return "image/gif";
  return isWebp(bytes) ? "image/webp" : "image/svg+xml";
}
