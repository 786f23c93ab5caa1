/** The server that this page came from. */
import { signal } from "@preact/signals";
import { isJsonObject, isSealflowError } from "@sealflow/core";
import { ask, type ClientOptions, KfpClient } from "@sealflow/kfp";

/** True while the server asks for its token. */
export const tokenNeeded = signal(false);

/** Where the server is, for calls of `@sealflow/kfp`. Sessions travel as a cookie. */
export const server: ClientOptions = {
  baseUrl: globalThis.location?.origin ?? "http://localhost",
  fetch: async (input, init) => {
    const answer = await globalThis.fetch(input, init);
    if (answer.status === 401) tokenNeeded.value = true;
    return answer;
  },
};

/** Kubeflow's API. */
export const api = new KfpClient(server);

/** Exchanges the token for a session. @throws SealflowError `KFP_REQUEST_REFUSED` for a wrong one */
export async function openSession(token: string): Promise<void> {
  const { baseUrl } = server;
  await ask({ baseUrl, token }, { method: "POST", path: "/api/session" });
  tokenNeeded.value = false;
}

/** True when nobody answered: the server is down, or the network is. */
export function isUnreachable(error: unknown): boolean {
  return isSealflowError(error) && error.code === "KFP_UNREACHABLE";
}

/** True when what was asked for is not there. */
export function isMissing(error: unknown): boolean {
  return isSealflowError(error) && error.data?.status === 404;
}

/** What an error says to people: its message without the request's path, and its hint. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message.replace(/^(GET|POST|PATCH|DELETE) \/\S+: /, "");
}

/** The fields of a value that should be an object. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return isJsonObject(value) ? value : {};
}
