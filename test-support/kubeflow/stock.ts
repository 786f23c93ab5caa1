/**
 * A server that answers as Kubeflow Pipelines 2.17 does where runs are watched: the routes of its API, flat nodes of the workflow
 * as tasks, the year 1970 for what has not ended, and ML Metadata behind the same address, from recorded answers of the real one.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { JsonObject } from "@sealflow/core";
import type { Run } from "@sealflow/kfp";

/** One call to ML Metadata and its answer, as they go over the wire; both base64. */
export interface Exchange {
  readonly method: string;
  readonly request: string;
  readonly answer: string;
}

/** What is served. Tests change it while the server runs. */
export interface StockState {
  /** By id. */
  readonly runs: Map<string, Run>;
  /** What pipeline versions hold, by id: a spec, or `{pipeline_spec, platform_spec}`. */
  readonly versions: Map<string, JsonObject>;
  /** Recorded answers; undefined: there is no ML Metadata at this address. */
  exchanges: readonly Exchange[] | undefined;
  /** Status of every answer of ML Metadata, where it is to refuse. */
  refusal?: { readonly status: number } | { readonly grpcStatus: number } | undefined;
  /** Content of artifacts, by the path under which Kubeflow's pages hand it out. */
  readonly artifacts?: ReadonlyMap<string, Uint8Array>;
  /** The run that begins when one is created from a version; none: runs are refused. */
  readonly begins?: (name: string, parameters: JsonObject) => Run;
  /** Where calls to ML Metadata go instead, and what they are kept in. */
  readonly recording?: { readonly target: string; readonly exchanges: Exchange[] };
}

/** A running server. */
export interface Stock {
  readonly url: string;
  readonly state: StockState;
  /** Paths that were asked for. */
  readonly asked: string[];
  close(): Promise<void>;
}

/** Starts the server on loopback. */
export async function startStock(state: StockState): Promise<Stock> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    answer(state, request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    state,
    asked,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

async function answer(state: StockState, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? "", "http://stock");
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  if (pathname.startsWith("/ml_metadata.")) {
    await metadata(
      state,
      { method: pathname.split("/").at(-1) ?? "", body: Buffer.concat(chunks) },
      response,
    );
    return;
  }
  const content = state.artifacts?.get(pathname);
  if (content !== undefined) {
    response.writeHead(200, { "content-type": "application/octet-stream" });
    response.end(content);
    return;
  }
  const [, kind, id = "", , version = ""] = pathname.replace("/apis/v2beta1", "").split("/");
  const run = kind === "runs" ? state.runs.get(id) : undefined;
  const spec = kind === "pipelines" ? state.versions.get(version) : undefined;
  if (request.method === "POST") json(response, 200, made(state, pathname, Buffer.concat(chunks).toString()));
  else if (pathname === "/apis/v2beta1/healthz") json(response, 200, { multi_user: false });
  else if (pathname === "/apis/v2beta1/runs") json(response, 200, listed([...state.runs.values()]));
  else if (kind === "pipelines" && version === "") json(response, id === "names" ? 404 : 200, {});
  else if (run !== undefined) json(response, 200, run);
  else if (spec !== undefined) json(response, 200, { pipeline_version_id: version, pipeline_spec: spec });
  else json(response, 404, { code: 5, message: "Not Found", details: [] });
}

/** A pipeline and its one version, and runs of it. */
function made({ begins, runs }: StockState, pathname: string, body: string): object {
  if (pathname !== "/apis/v2beta1/runs") return { pipeline_id: "pipeline", pipeline_version_id: "version" };
  const { display_name: name, runtime_config: config } = JSON.parse(body) as Run;
  const run = begins?.(name, config?.parameters ?? {});
  if (run === undefined) throw new Error("no run was to begin");
  runs.set(run.run_id, run);
  return run;
}

/** Lists leave out what is large. */
function listed(runs: readonly Run[]) {
  return { runs: runs.map(({ run_details: _, ...run }) => run), total_size: runs.length };
}

interface Call {
  readonly method: string;
  readonly body: Buffer;
}

async function metadata(state: StockState, call: Call, response: ServerResponse): Promise<void> {
  const { refusal, recording } = state;
  if (recording !== undefined) {
    send(response, Buffer.from(await recorded(recording, call), "base64"));
    return;
  }
  if (refusal !== undefined && "status" in refusal) json(response, refusal.status, { message: "refused" });
  else if (refusal !== undefined) {
    response.writeHead(200, {
      "content-type": "application/grpc-web+proto",
      "grpc-status": String(refusal.grpcStatus),
      "grpc-message": "not%20now",
    });
    response.end();
  } else if (state.exchanges === undefined) json(response, 404, { message: "Not Found" });
  else {
    const request = call.body.toString("base64");
    const found = state.exchanges.find((each) => each.method === call.method && each.request === request);
    if (found === undefined) json(response, 500, { message: `no answer was recorded for ${call.method}` });
    else send(response, Buffer.from(found.answer, "base64"));
  }
}

async function recorded(
  { target, exchanges }: NonNullable<StockState["recording"]>,
  call: Call,
): Promise<string> {
  const headers = { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" };
  const url = `${target}/ml_metadata.MetadataStoreService/${call.method}`;
  const reply = await fetch(url, { method: "POST", headers, body: new Uint8Array(call.body) });
  const answerText = Buffer.from(await reply.arrayBuffer()).toString("base64");
  exchanges.push({ method: call.method, request: call.body.toString("base64"), answer: answerText });
  return answerText;
}

function send(response: ServerResponse, body: Buffer): void {
  response.writeHead(200, { "content-type": "application/grpc-web+proto" });
  response.end(body);
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}
