/** A gate in front of a registry: asks for tokens, fails on demand, changes what passes. */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Gate {
  readonly host: string;
  /** `METHOD PATH` of every request. */
  readonly log: string[];
  /** Answers these statuses, one per request, before letting anything through. 0 cuts the connection. */
  failures: number[];
  /** When set, requests need a token, and the token service needs this login (`user:password`). */
  login: string | undefined;
  /** Changes the bodies of answers to paths that match. */
  tamper: RegExp | undefined;
  stop(): Promise<void>;
}

/** Starts a gate before `127.0.0.1:PORT`. */
export async function startGate(upstream: string): Promise<Gate> {
  const gate: Gate = {
    host: "",
    log: [],
    failures: [],
    login: undefined,
    tamper: undefined,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
  const tokens = new Map<string, string>();
  const server = createServer((incoming, outgoing) => {
    const url = new URL(incoming.url ?? "/", `http://${gate.host}`);
    if (url.pathname === "/token") return answerToken(gate, tokens, incoming, outgoing);
    gate.log.push(`${incoming.method} ${url.pathname}${url.search}`);
    const failure = gate.failures.shift();
    if (failure !== undefined) return fail(failure, incoming, outgoing);
    if (gate.login !== undefined && !allowed(incoming, tokens, url))
      return challenge(gate, url, incoming, outgoing);
    pass(gate, upstream, incoming, outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(gate, { host: `127.0.0.1:${(server.address() as AddressInfo).port}` });
}

function fail(status: number, incoming: IncomingMessage, outgoing: ServerResponse): void {
  if (status === 0) {
    incoming.socket.destroy();
    return;
  }
  incoming.resume();
  outgoing.writeHead(status, { "retry-after": "0" });
  outgoing.end('{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}');
}

const repositoryOf = (url: URL) =>
  /^\/v2\/(.+)\/(?:manifests|blobs|referrers)\//.exec(url.pathname)?.[1] ?? "";

function allowed(incoming: IncomingMessage, tokens: Map<string, string>, url: URL): boolean {
  const scope = tokens.get((incoming.headers.authorization ?? "").replace("Bearer ", "")) ?? "";
  const write = incoming.method !== "GET" && incoming.method !== "HEAD";
  return scope.split(" ").some((part) => {
    const [, name, actions = ""] = part.split(":");
    return name === repositoryOf(url) && (!write || actions.includes("push"));
  });
}

function challenge(gate: Gate, url: URL, incoming: IncomingMessage, outgoing: ServerResponse): void {
  incoming.resume();
  const realm = `Bearer realm="http://${gate.host}/token",service="test",scope="repository:${repositoryOf(url)}:pull"`;
  outgoing.writeHead(401, { "www-authenticate": realm });
  outgoing.end('{"errors":[{"code":"UNAUTHORIZED"}]}');
}

function answerToken(
  gate: Gate,
  tokens: Map<string, string>,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): void {
  let body = "";
  incoming.on("data", (chunk) => {
    body += chunk;
  });
  incoming.on("end", () => {
    const form = new URLSearchParams(
      incoming.method === "POST" ? body : new URL(incoming.url ?? "", "http://x").search,
    );
    const basic = Buffer.from(
      (incoming.headers.authorization ?? "").replace("Basic ", ""),
      "base64",
    ).toString();
    const good =
      form.get("grant_type") === "refresh_token"
        ? form.get("refresh_token") === gate.login
        : basic === gate.login;
    if (!good) {
      outgoing.writeHead(401).end("{}");
      return;
    }
    const token = `t${tokens.size}`;
    tokens.set(token, form.get("scope") ?? "");
    outgoing.writeHead(200).end(JSON.stringify(form.has("grant_type") ? { access_token: token } : { token }));
  });
}

function pass(gate: Gate, upstream: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const [host, port] = upstream.split(":");
  const headers = { ...incoming.headers, host: gate.host };
  const { authorization: _, ...rest } = headers;
  const onward = request(
    { host, port, method: incoming.method, path: incoming.url, headers: rest },
    (answer) => {
      const change = gate.tamper?.test(incoming.url ?? "") === true;
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on("data", (chunk: Buffer) => {
        if (change) chunk[0] = (chunk[0] ?? 0) ^ 1;
        outgoing.write(chunk);
      });
      answer.on("end", () => outgoing.end());
    },
  );
  onward.on("error", () => outgoing.destroy());
  incoming.pipe(onward);
}
