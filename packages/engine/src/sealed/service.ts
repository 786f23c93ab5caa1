/**
 * The broker's task messages and the quoting of simulated enclaves, over a Unix socket that only this user can reach. What
 * arrives is judged by the broker; the socket protects nothing.
 */
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromHex, isJsonObject, isSealflowError, type JsonObject, SealflowError } from "@sealflow/core";
import type { TaskBroker } from "@sealflow/trust";
import type { EnclavePlatform } from "./platform.js";

/** Largest message: a commit's secrets with large values. */
const maxBytes = 32 * 1024 * 1024;

/** Longest path that a Unix socket can have on every system, less some. */
const maxSocketPath = 90;

/** What was started under a token. */
interface Launch {
  readonly measurement: Uint8Array;
}

/** A running service. */
export class TaskService {
  readonly address: string;
  readonly #directory: string;
  readonly #server: Server;
  readonly #broker: TaskBroker;
  readonly #platform: EnclavePlatform;
  readonly #launches = new Map<string, Launch>();

  private constructor(directory: string, parts: { broker: TaskBroker; platform: EnclavePlatform }) {
    this.#directory = directory;
    this.address = `unix:${join(directory, "s")}`;
    this.#broker = parts.broker;
    this.#platform = parts.platform;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  /** @param near Where the socket goes, if its path is short enough there; else the system's temporary directory. */
  static async start(
    near: string,
    parts: { readonly broker: TaskBroker; readonly platform: EnclavePlatform },
  ): Promise<TaskService> {
    const parent = near.length <= maxSocketPath - 20 ? near : tmpdir();
    mkdirSync(parent, { recursive: true });
    const directory = mkdtempSync(join(parent, "b-"));
    chmodSync(directory, 0o700);
    const service = new TaskService(directory, parts);
    await new Promise<void>((resolve, reject) => {
      service.#server.once("error", reject);
      service.#server.listen(join(directory, "s"), resolve);
    });
    return service;
  }

  /** Notes what is about to be started; the token is what the task asks for quotes with. */
  launch(measurement: Uint8Array): { readonly token: string; readonly end: () => void } {
    const token = randomBytes(32).toString("hex");
    this.#launches.set(token, { measurement });
    return { token, end: () => void this.#launches.delete(token) };
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let status = 200;
    let answer: unknown;
    try {
      answer = await this.#answer(request, await bodyOf(request));
    } catch (error) {
      status = isSealflowError(error) ? 403 : 500;
      answer = { error: isSealflowError(error) ? error.toJSON() : internal() };
    }
    const text = JSON.stringify(answer);
    response.writeHead(status, { "content-type": "application/json" }).end(text);
  }

  async #answer(request: IncomingMessage, body: JsonObject): Promise<unknown> {
    if (request.method !== "POST") throw unknownRoute(request);
    if (request.url === "/v1/quotes") return this.#quote(request, body);
    const [, runId, what] = /^\/v1\/runs\/([0-9a-f-]{36})\/([a-z]+)$/.exec(request.url ?? "") ?? [];
    if (runId === undefined || body.runId !== runId) throw unknownRoute(request);
    // The broker reads messages strictly: nothing is assumed of their form here.
    const message = body as never;
    if (what === "challenges") return this.#broker.challenge(message);
    if (what === "requests") return this.#broker.request(message);
    if (what === "commits") return this.#broker.commit(message);
    if (what === "failures") return this.#broker.fail(message);
    throw unknownRoute(request);
  }

  async #quote(request: IncomingMessage, { reportData }: JsonObject): Promise<unknown> {
    const token = /^Bearer ([0-9a-f]{64})$/.exec(request.headers.authorization ?? "")?.[1];
    const launch = token === undefined ? undefined : this.#launches.get(token);
    if (launch === undefined || typeof reportData !== "string" || !/^[0-9a-f]{128}$/.test(reportData)) {
      const message =
        "quote: expected a running task's token and 64 bytes of report data, got something else";
      throw new SealflowError({ code: "ENGINE_SEALED_QUOTE", message });
    }
    return this.#platform.evidence({ measurement: launch.measurement, reportData: fromHex(reportData) });
  }
}

async function bodyOf(request: IncomingMessage): Promise<JsonObject> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw malformed(`at most ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    if (isJsonObject(value)) return value;
  } catch {
    // Said below.
  }
  throw malformed("a JSON object");
}

function malformed(expected: string): SealflowError {
  return new SealflowError({ code: "TRUST_DOCUMENT_MALFORMED", message: `message: expected ${expected}` });
}

function unknownRoute(request: IncomingMessage): SealflowError {
  const message = `message: expected a route of the broker's protocol, got ${request.method} ${request.url}`;
  return new SealflowError({ code: "TRUST_DOCUMENT_MALFORMED", message });
}

function internal(): JsonObject {
  return { code: "ENGINE_SEALED_INTERNAL", message: "broker: met an unexpected error" };
}
