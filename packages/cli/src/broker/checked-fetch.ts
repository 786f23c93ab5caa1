/** The standard fetch, over connections whose certificate has been checked before anything is sent. */
import { createHash, timingSafeEqual } from "node:crypto";
import { type ClientRequestArgs, request as httpRequest, type IncomingMessage } from "node:http";
import { connect, type TLSSocket } from "node:tls";
import { type Fetch, SealflowError } from "@sealflow/core";

/** How long a broker may be silent: 60 seconds. */
const silenceMs = 60_000;
/** Largest answer: 256 MiB, as large as a bundle may be. */
const largestAnswer = 256 * 1024 * 1024;

/** What a certificate is held against besides its host's name. */
export interface CertificateTrust {
  /** Authorities in PEM; default: the system's. */
  readonly ca?: string | undefined;
  /** SHA-256 of the certificate's SubjectPublicKeyInfo in hex, besides the authorities. */
  readonly pin?: string | undefined;
}

/**
 * A fetch for one broker.
 *
 * @returns It throws `CLI_BROKER_CERTIFICATE` before anything is sent to one with another certificate.
 */
export function checkedFetch(trust: CertificateTrust): Fetch {
  return async (input, init) => {
    const url = new URL(String(input));
    if (url.protocol === "http:") return fetch(url, init);
    return answerOn(await connected(url, trust), url, init);
  };
}

/** A connection whose other end has shown the certificate that is wanted. */
function connected(url: URL, { ca, pin }: CertificateTrust): Promise<TLSSocket> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve, reject) => {
    const options = {
      host,
      port: url.port === "" ? 443 : Number(url.port),
      minVersion: "TLSv1.2" as const,
      ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
      ...(ca === undefined ? {} : { ca }),
    };
    const socket = connect(options, () => {
      if (pin === undefined || hasKey(socket, pin)) return resolve(socket);
      socket.destroy();
      reject(wrongKey(url, pin));
    });
    socket.setTimeout(silenceMs, () => socket.destroy(new Error(`no answer within ${silenceMs / 1000} s`)));
    socket.once("error", (cause: NodeJS.ErrnoException) => reject(certificateError(url, cause) ?? cause));
  });
}

function hasKey(socket: TLSSocket, pin: string): boolean {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return false;
  const key = certificate.publicKey.export({ format: "der", type: "spki" });
  return timingSafeEqual(createHash("sha256").update(key).digest(), Buffer.from(pin, "hex"));
}

function wrongKey({ host }: URL, pin: string): SealflowError {
  return new SealflowError({
    code: "CLI_BROKER_CERTIFICATE",
    message: `broker ${host}: expected a certificate whose key has the SHA-256 ${pin}, got another key`,
    hint: "nothing was sent; somebody else may answer there, or the broker has a new key: ask who runs it",
  });
}

const certificateCodes =
  /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(GET|VERIFY|DECODE)_|ERR_TLS_CERT|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|ERROR_IN_CERT)/;

/** What is wrong with a certificate; undefined for any other error. */
function certificateError({ host }: URL, cause: NodeJS.ErrnoException): SealflowError | undefined {
  if (!certificateCodes.test(cause.code ?? "")) return undefined;
  return new SealflowError({
    code: "CLI_BROKER_CERTIFICATE",
    message: `broker ${host}: expected a certificate that is trusted here, got one that is not (${cause.code}: ${cause.message})`,
    hint: "nothing was sent; --broker-ca FILE names the authority of your own, --broker-pin the certificate's key",
    cause,
  });
}

/** Sends one request on a connection, and reads the whole answer. */
function answerOn(socket: TLSSocket, url: URL, init: RequestInit | undefined): Promise<Response> {
  const body = typeof init?.body === "string" ? init.body : undefined;
  const options: ClientRequestArgs = {
    method: init?.method ?? "GET",
    host: url.hostname,
    port: url.port,
    path: `${url.pathname}${url.search}`,
    createConnection: () => socket,
    headers: {
      host: url.host,
      connection: "close",
      ...(body === undefined
        ? {}
        : { "content-type": "application/json", "content-length": String(Buffer.byteLength(body)) }),
    },
  };
  return new Promise((resolve, reject) => {
    const sent = httpRequest(options, (answer) => {
      collected(answer).then((bytes) => {
        const status = answer.statusCode ?? 0;
        resolve(new Response(Buffer.from(bytes), { status }));
      }, reject);
    });
    sent.once("error", reject);
    sent.end(body);
  });
}

async function collected(answer: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of answer as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > largestAnswer) {
      answer.destroy();
      throw new Error(`an answer of more than ${largestAnswer} bytes`);
    }
    parts.push(part);
  }
  return Buffer.concat(parts);
}
