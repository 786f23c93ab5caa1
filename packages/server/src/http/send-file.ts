/** Files as answers: streamed, whole or one range of bytes (RFC 9110, section 14). */
import { createReadStream, statSync } from "node:fs";
import { Readable } from "node:stream";

/** Headers of an answer with a file. */
export interface FileHeaders {
  readonly type: string;
  /** Name under which a browser saves it; undefined to show it. */
  readonly saveAs?: string;
  /** Policy for content that is shown. */
  readonly policy?: string;
}

/** Streams a regular file. @param range The request's `Range` header. */
export function sendFile(path: string, range: string | undefined, headers: FileHeaders): Response {
  const { size } = statSync(path);
  // Of nothing there is no range: an empty file is answered whole.
  const asked = size === 0 ? undefined : readRange(range, size);
  const common = {
    "Content-Type": headers.type,
    "Accept-Ranges": "bytes",
    ...(headers.saveAs === undefined ? {} : { "Content-Disposition": attachment(headers.saveAs) }),
    ...(headers.policy === undefined ? {} : { "Content-Security-Policy": headers.policy }),
  };
  if (asked === "unsatisfiable") {
    return new Response(null, { status: 416, headers: { ...common, "Content-Range": `bytes */${size}` } });
  }
  const { start, end } = asked ?? { start: 0, end: size - 1 };
  const length = Math.max(0, end - start + 1);
  const answer = { ...common, "Content-Length": String(length) };
  // Node's and the standard's streams are one and the same here; only their type declarations differ.
  const body =
    length === 0
      ? null
      : (Readable.toWeb(createReadStream(path, { start, end })) as ReadableStream<Uint8Array>);
  if (asked === undefined) return new Response(body, { headers: answer });
  return new Response(body, {
    status: 206,
    headers: { ...answer, "Content-Range": `bytes ${start}-${end}/${size}` },
  });
}

/** One range in bytes, both ends included. What is not such a range is passed over, as the standard says. */
function readRange(
  header: string | undefined,
  size: number,
): { start: number; end: number } | "unsatisfiable" | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? "");
  const [first = "", last = ""] = match?.slice(1) ?? [];
  if (match === null || (first === "" && last === "")) return undefined;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== "" && last !== "" && Number(last) < start) return undefined;
  return start >= size || end < start ? "unsatisfiable" : { start, end };
}

/** RFC 6266: a plain name for all, and the true one for those who read it. */
function attachment(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9._-]/g, "_");
  return `attachment; filename="${plain}"; filename*=UTF-8''${encodeURIComponent(name).replace(/['()*]/g, percent)}`;
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
