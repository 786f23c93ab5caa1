/** The socket. */
import { createServer as createHttpServer } from "node:http";
import { serve } from "@hono/node-server";
import { SealflowError } from "@sealflow/core";

/** A socket that is listened on. */
export interface Listening {
  readonly url: string;
  close(): Promise<void>;
}

/** @throws SealflowError `SERVER_ADDRESS_UNAVAILABLE` */
export function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  { host, port }: { host: string; port: number },
): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, hostname: host, port, createServer: createHttpServer }, (address) => {
      const name = host.includes(":") ? `[${host}]` : host;
      resolve({
        url: `http://${name}:${address.port}`,
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
