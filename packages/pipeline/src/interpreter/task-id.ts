import type { TaskPath } from "./types.js";

/** FNV-1a, 128 bit: offset basis and prime (IETF draft-eastlake-fnv, section 5). */
const OFFSET = 0x6c62272e07bb014262b821756295c58dn;
const PRIME = 0x0000000001000000000000000000013bn;
const MASK = (1n << 128n) - 1n;

/**
 * The id of a task in a run (`{{$.pipeline_task_uuid}}`): shaped as a UUID of version 8 (RFC 9562, section 5.8), always
 * the same for the same run and path, so that a replay resolves the same inputs. It identifies; it protects nothing.
 */
export function taskIdOf(runId: string, path: TaskPath): string {
  let hash = OFFSET;
  for (const byte of new TextEncoder().encode(`${runId}\n${path}`))
    hash = ((hash ^ BigInt(byte)) * PRIME) & MASK;
  const hex = hash.toString(16).padStart(32, "0");
  const variant = "89ab"[Number.parseInt(hex[16] ?? "0", 16) & 3];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}
