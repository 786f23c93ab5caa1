/** Fetch over TLS with whoever has one key: a broker's own certificate needs no authority that vouches for it. */
import { createHash, X509Certificate } from "node:crypto";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import { type TLSSocket, connect as tlsConnect } from "node:tls";
import { type Fetch, SealflowError } from "@sealflow/core";

const CONNECT_MS = 20_000;

/** SHA-256 of the public key in a certificate (PEM or DER), as SubjectPublicKeyInfo, in lower-case hex. */
export function pinOfCertificate(certificate: string | Uint8Array): string {
  const key = new X509Certificate(certificate).publicKey.export({ format: "der", type: "spki" });
  return createHash("sha256").update(key).digest("hex");
}

/**
 * The pin of whoever answers at an address, without believing anything: for showing, and for comparing with what the owner
 * says.
 *
 * @throws SealflowError `CLUSTER_PIN_UNREACHABLE`
 */
export async function pinOfServer(url: string): Promise<string> {
  const socket = await connected(new URL(url)).catch((cause: Error) => {
    throw new SealflowError({ code: "CLUSTER_PIN_UNREACHABLE", message: cause.message, cause });
  });
  const pin = pinOf(socket);
  socket.destroy();
  return pin;
}

/**
 * A fetch that talks to the key of this pin only; redirects are not followed. Bodies are texts or bytes.
 *
 * @returns A fetch that throws `CLUSTER_PIN_MISMATCH` before anything is sent to another key.
 */
export function pinnedFetch(pin: string): Fetch {
  return async (input, init = {}) => {
    const url = new URL(String(input));
    const socket = await connected(url);
    const got = pinOf(socket);
    if (got !== pin) {
      socket.destroy();
      throw anotherKey(url, pin, got);
    }
    return exchanged(url, socket, init);
  };
}

function connected(url: URL): Promise<TLSSocket> {
  if (url.protocol !== "https:") throw unreachable(url, "an address that begins with https:");
  const { hostname } = url;
  const host = hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve, reject) => {
    const socket = tlsConnect({
      host,
      port: Number(url.port || 443),
      // The key is what is checked, before anything is sent.
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    const fail = (cause: Error) => {
      socket.destroy();
      reject(unreachable(url, cause.message));
    };
    socket.setTimeout(CONNECT_MS, () => fail(new Error(`no answer in ${CONNECT_MS / 1000} s`)));
    socket.once("error", fail);
    socket.once("secureConnect", () => {
      socket.setTimeout(0);
      socket.off("error", fail);
      resolve(socket);
    });
  });
}

function pinOf(socket: TLSSocket): string {
  return pinOfCertificate(socket.getPeerCertificate(false).raw);
}

function exchanged(url: URL, socket: TLSSocket, init: RequestInit): Promise<Response> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        createConnection: () => socket,
        method: init.method ?? "GET",
        path: `${url.pathname}${url.search}`,
        headers: { host: url.host, connection: "close", ...Object.fromEntries(new Headers(init.headers)) },
        ...(init.signal == null ? {} : { signal: init.signal }),
      },
      (answer) => {
        const parts: Uint8Array[] = [];
        answer.on("data", (part: Uint8Array) => parts.push(part));
        answer.once("error", reject);
        answer.once("end", () => {
          const { statusCode: status = 0, headers } = answer;
          resolve(new Response(Buffer.concat(parts), { status, headers: headersOf(headers) }));
        });
      },
    );
    request.once("error", reject);
    request.end(init.body == null ? undefined : (init.body as string | Uint8Array));
  });
}

function headersOf(headers: IncomingHttpHeaders): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value]],
  );
}

function anotherKey({ host }: URL, expected: string, got: string): SealflowError {
  return new SealflowError({
    code: "CLUSTER_PIN_MISMATCH",
    message: `${host}: expected a certificate whose key has the SHA-256 ${expected}, got ${got}`,
    hint: "somebody stands in between, or the broker has a new key: ask its owner",
  });
}

function unreachable({ host }: URL, got: string): Error {
  return new Error(`${host}: expected a TLS connection, got ${got}`);
}
