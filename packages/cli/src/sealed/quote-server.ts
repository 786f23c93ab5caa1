/**
 * A service that vouches for simulated enclaves of one image: whoever has the token gets quotes that say it was measured as
 * that image. It stands for hardware that is not there, and protects nothing.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { pinOfCertificate } from "@sealflow/cluster";
import { fromHex, isJsonObject } from "@sealflow/core";
import type { EnclavePlatform } from "@sealflow/engine";

/** What is served, and where. */
export interface QuoteServerOptions {
  readonly platform: EnclavePlatform;
  /** 32 bytes: what pods are said to be measured as. */
  readonly measurement: Uint8Array;
  readonly token: string;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** PEM. Without it the service speaks plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** A running service. */
export interface QuoteServer {
  readonly url: string;
  /** SHA-256 of the certificate's key (SPKI), hex; absent without TLS. */
  readonly pin?: string;
  close(): Promise<void>;
}

const mostBytes = 4096;

/** Starts the service. */
export async function startQuoteServer(options: QuoteServerOptions): Promise<QuoteServer> {
  const { tls, host, port } = options;
  const listener: RequestListener = (request, response) => void answer(options, request, response);
  const server: Server = tls === undefined ? createServer(listener) : createTlsServer({ ...tls }, listener);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const bound = (server.address() as AddressInfo).port;
  const name = host.includes(":") ? `[${host}]` : host;
  return {
    url: `${tls === undefined ? "http" : "https"}://${name}:${bound}`,
    ...(tls === undefined ? {} : { pin: pinOfCertificate(tls.cert) }),
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function answer(
  { platform, measurement, token }: QuoteServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const end = (status: number, value: object) => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
  };
  const refuse = (status: number, message: string) =>
    end(status, { error: { code: "CLI_QUOTE_REFUSED", message } });
  try {
    const text = await bodyOf(request);
    if (request.method !== "POST" || request.url !== "/v1/quotes") return refuse(404, "quote: no such route");
    if (!sameToken(request.headers.authorization ?? "", token)) return refuse(403, "quote: another token");
    const reportData = reportDataOf(text);
    if (reportData === undefined) return refuse(400, "quote: expected 64 bytes of report data");
    end(200, await platform.evidence({ measurement, reportData }));
  } catch {
    refuse(400, "quote: expected a request of at most 4 KiB");
  }
}

function sameToken(header: string, token: string): boolean {
  const [given, wanted] = [header, `Bearer ${token}`].map((text) =>
    createHash("sha256").update(text).digest(),
  );
  return given !== undefined && wanted !== undefined && timingSafeEqual(given, wanted);
}

function reportDataOf(text: string): Uint8Array | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const hex = isJsonObject(value) ? value.reportData : undefined;
  return typeof hex === "string" && /^[0-9a-f]{128}$/.test(hex) ? fromHex(hex) : undefined;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) {
    text += chunk;
    if (text.length > mostBytes) throw new Error("too long");
  }
  return text;
}
