/** Where a store's server listens: written when it does, so that others on this machine find it. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isJsonObject } from "@sealflow/core";

/** How long a server may take to answer before it counts as gone, in milliseconds. */
const PATIENCE_MS = 2000;

const fileIn = (directory: string): string => join(directory, "server", "address.json");

/** Says where the server of a store listens. Returns what takes it back. */
export function announceAddress(directory: string, url: string): () => void {
  const file = fileIn(directory);
  writeFileSync(`${file}.new`, `${JSON.stringify({ formatVersion: 1, url, pid: process.pid })}\n`);
  renameSync(`${file}.new`, file);
  return () => rmSync(file, { force: true });
}

/** The address of a store's server, if one is there and answers. */
export async function findServer(directory: string): Promise<string | undefined> {
  const known = readAddress(fileIn(directory));
  if (known === undefined || !isAlive(known.pid)) return undefined;
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const { status } = await fetch(`${known.url}/apis/v2beta1/healthz`, { signal });
    // A server that asks for its token is one.
    return status === 200 || status === 401 ? known.url : undefined;
  } catch {
    return undefined;
  }
}

function readAddress(file: string): { readonly url: string; readonly pid: number } | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (!isJsonObject(value)) return undefined;
    const { url, pid } = value;
    return typeof url === "string" && typeof pid === "number" ? { url, pid } : undefined;
  } catch {
    return undefined;
  }
}

/** A server that was killed leaves its address: another program may listen there now. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
