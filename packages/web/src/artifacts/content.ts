/** Content of artifacts: read in parts, so that a large one is looked at without being loaded. */
import { server } from "../api/client.js";
import type { MadeArtifact } from "../run/model.js";

/** An artifact's place on the server. */
export interface ArtifactPlace {
  readonly runId: string;
  readonly made: MadeArtifact;
  /** A file inside, where the artifact is a directory. */
  readonly path?: string;
}

/** The address of an artifact's content. `view` is shown as a page, which only HTML and Markdown can be. */
export function artifactAddress(
  { runId, made, path }: ArtifactPlace,
  view: Record<string, string> = {},
): string {
  const query = new URLSearchParams({
    ...{ task: made.task, name: made.output, index: String(made.index) },
    ...(path === undefined ? {} : { path }),
    ...view,
  });
  return `/api/runs/${encodeURIComponent(runId)}/artifact?${query}`;
}

/** What an address holds: the beginning of a file and its size, or the names in a directory. */
export type Head =
  | { readonly kind: "file"; readonly bytes: Uint8Array; readonly size: number }
  | { readonly kind: "directory"; readonly names: readonly string[] };

/** Bytes that tell what a file is, and are enough for a first look. */
const HEAD_BYTES = 256 * 1024;

async function request(address: string, headers: Record<string, string>): Promise<Response> {
  const fetch = server.fetch ?? globalThis.fetch;
  const answer = await fetch(address, { headers });
  if (answer.ok || answer.status === 416) return answer;
  const body: unknown = await answer.json().catch(() => undefined);
  const said = body as { readonly message?: unknown } | undefined;
  throw new Error(typeof said?.message === "string" ? said.message : `HTTP ${answer.status}`);
}

/** Reads the beginning. @throws Error with the server's words */
export async function readHead(address: string): Promise<Head> {
  const answer = await request(address, { Range: `bytes=0-${HEAD_BYTES - 1}` });
  if (answer.status === 416) return { kind: "file", bytes: new Uint8Array(), size: 0 };
  if (answer.headers.get("content-type")?.startsWith("application/json")) {
    const { names } = (await answer.json()) as { names: readonly string[] };
    return { kind: "directory", names };
  }
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const size = Number(/\/(\d+)$/.exec(answer.headers.get("content-range") ?? "")?.[1] ?? bytes.length);
  return { kind: "file", bytes, size };
}

/** Reads bytes from `start` (included) to `end` (excluded). */
export async function readRange(address: string, start: number, end: number): Promise<ArrayBuffer> {
  if (end <= start) return new ArrayBuffer(0);
  return (await request(address, { Range: `bytes=${start}-${end - 1}` })).arrayBuffer();
}

/** Reads everything. */
export async function readAll(address: string): Promise<Blob> {
  return (await request(address, {})).blob();
}
