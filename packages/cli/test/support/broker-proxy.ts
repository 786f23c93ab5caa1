/** The broker behind somebody who sees what tasks ask it: TLS with the broker's own key, so that pods believe that they speak with it. */
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { checkedFetch } from "../../../cluster/src/index.js";
import type { ConfidentialWorld } from "./confidential-world.js";

/** One question of a task. */
export interface Question {
  /** `challenges`, `requests`, `commits`, … */
  readonly what: string;
  /** Of the task. */
  readonly path: string;
}

/** Whoever is in between: passes a question on and answers, or loses it. */
export type Between = (question: Question, pass: () => Promise<Response>) => Promise<Response | undefined>;

/** Starts it; gives its address. */
export async function brokerProxy(world: ConfidentialWorld, between: Between) {
  const onwards = checkedFetch({ pin: world.brokerPin });
  const tls = { key: readFileSync(world.path("broker.key")), cert: readFileSync(world.path("broker.crt")) };
  const server = createServer(tls, async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    const { method = "GET", url = "" } = request;
    const headers = { "content-type": "application/json" };
    const pass = () => onwards(`${world.broker}${url}`, { method, headers, ...(body && { body }) });
    const answer = await between({ what: url.split("/").at(-1) ?? "", path: pathIn(body) }, pass);
    if (answer === undefined) return response.destroy();
    response.writeHead(answer.status, headers).end(Buffer.from(await answer.arrayBuffer()));
  });
  await new Promise<void>((resolve) => server.listen(0, world.places.host, resolve));
  const { port } = server.address() as AddressInfo;
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `https://${world.places.host}:${port}`, stop };
}

function pathIn(body: string): string {
  if (body === "") return "";
  const { path, transcript } = JSON.parse(body);
  return String(path ?? transcript?.path ?? "");
}
