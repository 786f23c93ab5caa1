/** The socket. */
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createSecureContext } from "node:tls";
import { serve } from "@hono/node-server";
import { SealflowError } from "@sealflow/core";

/** A socket that is listened on. */
export interface Listening {
  readonly url: string;
  close(): Promise<void>;
}

/** Certificate chain and private key, PEM. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** @throws SealflowError `SERVER_ADDRESS_UNAVAILABLE`, `SERVER_TLS_INVALID` */
export function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  { host, port, tls }: { host: string; port: number; tls?: TlsFiles },
): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, hostname: host, port, ...socketOptions(tls) }, (address) => {
      const name = host.includes(":") ? `[${host}]` : host;
      resolve({
        url: `${tls === undefined ? "http" : "https"}://${name}:${address.port}`,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            if ("closeAllConnections" in server) server.closeAllConnections();
          }),
      });
    });
    server.on("error", (cause: NodeJS.ErrnoException) => reject(unavailable(host, port, cause)));
  });
}

function socketOptions(tls: TlsFiles | undefined) {
  if (tls === undefined) return { createServer: createHttpServer };
  try {
    createSecureContext(tls);
  } catch (cause) {
    throw new SealflowError({
      code: "SERVER_TLS_INVALID",
      message: `TLS: expected a certificate chain and its private key in PEM, got ${cause instanceof Error ? cause.message : cause}`,
      hint: "check that both files belong together",
      cause,
    });
  }
  return { createServer: createHttpsServer, serverOptions: { ...tls, minVersion: "TLSv1.2" as const } };
}

function unavailable(host: string, port: number, cause: NodeJS.ErrnoException): SealflowError {
  return new SealflowError({
    code: "SERVER_ADDRESS_UNAVAILABLE",
    message: `address ${host}:${port}: expected to listen there, got ${cause.code ?? cause.message}`,
    hint:
      cause.code === "EADDRINUSE"
        ? "Something listens there: give another port with --port."
        : "Check --host and --port.",
    cause,
  });
}
