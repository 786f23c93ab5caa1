/** The standard fetch, over TLS connections whose other end has been checked before anything is sent. */
import { createHash, X509Certificate } from "node:crypto";
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from "node:tls";
import { type Fetch, SealflowError } from "@sealflow/core";

/** How long the other end may be silent: 60 seconds. */
const SILENCE_MS = 60_000;
/** Largest answer: 256 MiB, as large as a bundle may be. */
const LARGEST_ANSWER = 256 * 1024 * 1024;

/** What a certificate is held against; with neither, the system's authorities and the host's name. */
export interface CertificateTrust {
  /** Authorities in PEM, in place of the system's. */
  readonly ca?: string | undefined;
  /**
   * SHA-256 of the certificate's public key (SubjectPublicKeyInfo) in lower-case hex. Without `ca` it is all that counts: a
   * service's own certificate needs nobody who vouches for it, nor a name or dates. With `ca` both are required.
   */
  readonly pin?: string | undefined;
}

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
  const socket = await connected(new URL(url), { rejectUnauthorized: false }).catch((cause: Error) => {
    throw new SealflowError({ code: "CLUSTER_PIN_UNREACHABLE", message: cause.message, cause });
  });
  const pin = pinOf(socket);
  socket.destroy();
  return pin;
}

/**
 * A fetch that trusts certificates as it is told. Redirects are not followed; bodies are texts or bytes. Plain HTTP is
 * for trust in nothing in particular only: callers allow it on this machine alone.
 *
 * @returns A fetch that throws `CLUSTER_CERTIFICATE_REFUSED` before anything is sent to one with another certificate.
 */
export function checkedFetch(trust: CertificateTrust): Fetch {
  const { ca, pin } = trust;
  const authority = ca === undefined ? { rejectUnauthorized: pin === undefined } : { ca };
  return async (input, init = {}) => {
    const url = new URL(String(input));
    if (url.protocol === "http:" && ca === undefined && pin === undefined) return fetch(url, init);
    const socket = await connected(url, authority);
    if (pin !== undefined) requirePin(url, socket, pin);
    return exchanged(url, socket, init);
  };
}

function connected(url: URL, authority: ConnectionOptions): Promise<TLSSocket> {
  if (url.protocol !== "https:") throw unreachable(url, "an address that does not begin with https:");
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve, reject) => {
    const socket = tlsConnect({
      ...{ host, port: Number(url.port || 443), minVersion: "TLSv1.2", ...authority },
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    socket.setTimeout(SILENCE_MS, () =>
      socket.destroy(new Error(`${url.host}: no answer within ${SILENCE_MS / 1000} s`)),
    );
    socket.once("error", (cause: NodeJS.ErrnoException) => {
      reject(untrusted(url, cause) ?? unreachable(url, cause.message, cause));
    });
    socket.once("secureConnect", () => resolve(socket));
  });
}

function requirePin(url: URL, socket: TLSSocket, pin: string): void {
  const got = pinOf(socket);
  if (got === pin) return;
  socket.destroy();
  throw anotherKey(url, pin, got);
}

function pinOf(socket: TLSSocket): string {
  return pinOfCertificate(socket.getPeerCertificate(false).raw);
}

/** Sends one request on a connection, and reads the whole answer. */
function exchanged(url: URL, socket: TLSSocket, init: RequestInit): Promise<Response> {
  const body = init.body == null ? undefined : (init.body as string | Uint8Array);
  const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        createConnection: () => socket,
        ...{ method: init.method ?? "GET", path: `${url.pathname}${url.search}` },
        headers: {
          ...{ host: url.host, connection: "close", ...length },
          ...Object.fromEntries(new Headers(init.headers)),
        },
        ...(init.signal == null ? {} : { signal: init.signal }),
      },
      (answer) => responseOf(answer).then(resolve, reject),
    );
    request.once("error", reject);
    request.end(body);
  });
}

async function responseOf(answer: IncomingMessage): Promise<Response> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of answer as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > LARGEST_ANSWER) {
      answer.destroy();
      throw new Error(`expected an answer of at most ${LARGEST_ANSWER} bytes, got more`);
    }
    parts.push(part);
  }
  const { statusCode: status = 0, headers } = answer;
  // A response without a body may not be made with one, not even an empty one.
  const body = status === 204 || status === 304 ? null : Buffer.concat(parts);
  return new Response(body, { status, headers: headersOf(headers) });
}

function headersOf(headers: IncomingHttpHeaders): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value]],
  );
}

function anotherKey({ host }: URL, expected: string, got: string): SealflowError {
  return new SealflowError({
    code: "CLUSTER_CERTIFICATE_REFUSED",
    message: `${host}: expected a certificate whose key has the SHA-256 ${expected}, got ${got}`,
    hint: "nothing was sent; somebody stands in between, or the service has a new key: ask its owner, by another way",
  });
}

const certificateCodes =
  /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(GET|VERIFY|DECODE)_|ERR_TLS_CERT|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|ERROR_IN_CERT)/;

/** What is wrong with a certificate; undefined for any other error. */
function untrusted({ host }: URL, cause: NodeJS.ErrnoException): SealflowError | undefined {
  if (!certificateCodes.test(cause.code ?? "")) return undefined;
  return new SealflowError({
    code: "CLUSTER_CERTIFICATE_REFUSED",
    message: `${host}: expected a certificate that is trusted here, got one that is not (${cause.code}: ${cause.message})`,
    hint: "nothing was sent; name the authority of your own (--broker-ca FILE), or the certificate's key (--broker-pin)",
    cause,
  });
}

function unreachable({ host }: URL, got: string, cause?: Error): Error {
  return new Error(`${host}: expected a TLS connection, got ${got}`, { cause });
}
