import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MetadataClient } from "../src/index.js";

/** An answer as a proxy sends it: headers and body. */
interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

interface Asked {
  readonly path: string;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: Buffer;
}

let server: Server;
let client: MetadataClient;
const asked: Asked[] = [];
let answers: Answer[] = [];

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    asked.push({ path: request.url ?? "", headers: request.headers, body: Buffer.concat(chunks) });
    const { status = 200, headers = {}, body } = answers.shift() ?? { status: 500 };
    response.writeHead(status, { "content-type": "application/grpc-web+proto", ...headers });
    response.end(body);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  client = new MetadataClient({ baseUrl: `http://127.0.0.1:${port}`, token: "secret" });
});
afterAll(() => new Promise((done) => server.close(done)));

type Fields = (writer: BinaryWriter) => void;

function frame(flag: number, content: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flag, 0);
  head.writeUInt32BE(content.length, 1);
  return Buffer.concat([head, content]);
}

const trailers = (text: string) => frame(0x80, Buffer.from(text));
const ok = trailers("grpc-status:0\r\ngrpc-message:\r\n");

function bytesOf(fields: Fields): Uint8Array {
  const writer = new BinaryWriter();
  fields(writer);
  return writer.finish();
}

const answered = (fields: Fields): Answer => ({ body: Buffer.concat([frame(0, bytesOf(fields)), ok]) });

/** Puts a message into a field. */
const inside = (writer: BinaryWriter, number: number, fields: Fields): BinaryWriter =>
  writer.tag(number, WireType.LengthDelimited).bytes(bytesOf(fields));
const word = (writer: BinaryWriter, number: number, value: string) =>
  writer.tag(number, WireType.LengthDelimited).string(value);
const int = (writer: BinaryWriter, number: number, value: number | bigint) =>
  writer.tag(number, WireType.Varint).int64(value);

/** An entry of a map of properties. */
const property = (writer: BinaryWriter, number: number, key: string, value: Fields) =>
  inside(writer, number, (entry) => {
    word(entry, 1, key);
    inside(entry, 2, value);
  });

describe("the client of ML Metadata", () => {
  it("asks for a run's context by type and name, with the credentials", async () => {
    answers = [answered((writer) => inside(writer, 1, (context) => int(context, 1, 7)))];
    expect(await client.runContext("run-1")).toBe(7);
    const { path, headers, body } = asked.at(-1) as Asked;
    expect(path).toBe("/ml_metadata.MetadataStoreService/GetContextByTypeAndName");
    expect(headers).toMatchObject({
      "content-type": "application/grpc-web+proto",
      "x-grpc-web": "1",
      authorization: "Bearer secret",
    });
    // Field 1 "system.PipelineRun", field 2 "run-1", behind a frame's head of five bytes.
    expect(body.toString("latin1")).toBe("\0\0\0\0\u001b\n\u0012system.PipelineRun\u0012\u0005run-1");
    answers = [answered(() => {})];
    expect(await client.runContext("run-2")).toBeUndefined();
  });

  it("reads all pages of executions, in the order of their ids, with every kind of property", async () => {
    answers = [
      answered((page) => {
        inside(page, 1, (execution) => {
          int(execution, 1, 12);
          int(execution, 2, 3);
          int(execution, 3, 5);
          property(execution, 4, "declared", (value) => word(value, 3, "text"));
          property(execution, 5, "whole", (value) => int(value, 1, -4));
          property(execution, 5, "double", (value) => value.tag(2, WireType.Bit64).double(0.5));
          property(execution, 5, "truth", (value) => value.tag(6, WireType.Varint).bool(true));
          property(execution, 5, "other", (value) => inside(value, 5, (any) => word(any, 1, "type")));
          property(execution, 5, "object", (value) =>
            inside(value, 4, (struct) => {
              property(struct, 1, "none", (each) => int(each, 1, 0));
              property(struct, 1, "number", (each) => each.tag(2, WireType.Bit64).double(3));
              property(struct, 1, "list", (each) =>
                inside(each, 6, (list) => {
                  inside(list, 1, (item) => item.tag(4, WireType.Varint).bool(false));
                  inside(list, 1, (item) => inside(item, 5, () => {}));
                }),
              );
              property(struct, 1, "__proto__", (each) => word(each, 3, "a name like any other"));
            }),
          );
          word(execution, 7, "system.ContainerExecution");
          int(execution, 8, 1_700_000_000_123);
          int(execution, 9, 1_700_000_001_123);
          word(execution, 99, "of a later version");
        });
        word(page, 2, "more");
      }),
      answered((page) => inside(page, 1, (execution) => int(execution, 1, 11))),
    ];
    const executions = await client.executions(7);
    expect(executions.map(({ id }) => id)).toEqual([11, 12]);
    const [empty, full] = executions;
    expect(empty).toMatchObject({ type: "", state: "UNKNOWN", createTime: 0 });
    expect(full).toMatchObject({ type: "system.ContainerExecution", state: "CACHED" });
    expect([full?.createTime, full?.updateTime]).toEqual([1_700_000_000_123, 1_700_000_001_123]);
    expect([...(full?.properties.keys() ?? [])]).toEqual(["declared", "whole", "double", "truth", "object"]);
    expect(full?.properties.get("whole")).toBe(-4);
    expect(JSON.stringify(full?.properties.get("object"))).toBe(
      '{"none":null,"number":3,"list":[false,{}],"__proto__":"a name like any other"}',
    );
    expect(asked.slice(-2).map(({ body }) => body.includes("more"))).toEqual([false, true]);
  });

  it("asks for many ids in parts", async () => {
    const event = (id: number) => (writer: BinaryWriter) =>
      inside(writer, 1, (each) => {
        int(each, 1, id);
        int(each, 2, 1);
        inside(each, 3, (path) => inside(path, 1, (step) => word(step, 2, "model")));
        int(each, 4, 4);
      });
    answers = [answered(event(1)), answered(event(2))];
    const events = await client.events(Array.from({ length: 150 }, (_, index) => index + 1));
    expect(events).toEqual([
      { artifactId: 1, executionId: 1, type: "OUTPUT", name: "model" },
      { artifactId: 2, executionId: 1, type: "OUTPUT", name: "model" },
    ]);
    expect(await client.artifacts([])).toEqual([]);
  });

  it.each<[string, Answer, object]>([
    [
      "a status in the trailers",
      { body: trailers("grpc-status:7\r\ngrpc-message:no%20permission\r\n") },
      {
        code: "KFP_CALL_FAILED",
        message: "GetArtifactsByID: no permission",
        data: { grpcStatus: 7 },
      },
    ],
    [
      "a status in the headers",
      { headers: { "grpc-status": "14", "grpc-message": "upstream connect error" } },
      { code: "KFP_CALL_FAILED", data: { grpcStatus: 14 } },
    ],
    [
      "a message without a status",
      { body: frame(0, new Uint8Array()) },
      { code: "KFP_ANSWER_INVALID", message: expect.stringContaining("a status, got none") },
    ],
    ["a status without a message", { body: ok }, { code: "KFP_ANSWER_INVALID" }],
    [
      "a part of a frame",
      { body: Buffer.concat([ok, Buffer.of(0, 0, 0, 1)]) },
      { code: "KFP_ANSWER_INVALID" },
    ],
    ["a frame that is too short", { body: Buffer.of(0, 0, 0, 0, 9, 1) }, { code: "KFP_ANSWER_INVALID" }],
    [
      "a compressed frame",
      { body: Buffer.concat([frame(1, new Uint8Array()), ok]) },
      { code: "KFP_ANSWER_INVALID" },
    ],
    [
      "bytes that are no message",
      { body: Buffer.concat([frame(0, Buffer.of(0x0a, 0x50, 1)), ok]) },
      {
        code: "KFP_ANSWER_INVALID",
        message: expect.stringContaining("GetArtifactsByID: expected a message"),
      },
    ],
    [
      "a login page",
      { headers: { "content-type": "text/html; charset=utf-8" }, body: Buffer.from("<html>") },
      { code: "KFP_ANSWER_INVALID", message: expect.stringContaining("got text/html") },
    ],
    ["a refusal", { status: 403 }, { code: "KFP_REQUEST_REFUSED", data: { status: 403 } }],
  ])("says so of %s", async (_, answer, expected) => {
    answers = [answer];
    await expect(client.artifacts([1])).rejects.toMatchObject(expected);
  });

  it("refuses values that are nested deeper than any parameter", async () => {
    let value: Uint8Array = new Uint8Array();
    for (let depth = 0; depth < 5000; depth++) {
      const inner = value;
      value = bytesOf((writer) => {
        writer.tag(5, WireType.LengthDelimited).bytes(
          bytesOf((struct) => {
            struct.tag(1, WireType.LengthDelimited).bytes(
              bytesOf((entry) => {
                entry.tag(2, WireType.LengthDelimited).bytes(inner);
              }),
            );
          }),
        );
      });
    }
    answers = [
      answered((page) =>
        inside(page, 1, (artifact) =>
          property(artifact, 5, "deep", (each) =>
            inside(each, 4, (struct) =>
              inside(struct, 1, (entry) => entry.tag(2, WireType.LengthDelimited).bytes(value)),
            ),
          ),
        ),
      ),
    ];
    await expect(client.artifacts([1])).rejects.toMatchObject({ code: "KFP_ANSWER_INVALID" });
  });

  it("says that nobody answers, and why", async () => {
    const nobody = new MetadataClient({ baseUrl: "http://127.0.0.1:1" });
    await expect(nobody.runContext("run-1")).rejects.toMatchObject({ code: "KFP_UNREACHABLE" });
    const untrusted = async () => {
      throw new TypeError("fetch failed", { cause: new Error("self-signed certificate") });
    };
    const gateway = new MetadataClient({ baseUrl: "https://kubeflow.example", fetch: untrusted });
    await expect(gateway.runContext("run-1")).rejects.toMatchObject({
      message: "https://kubeflow.example: expected an answer, got none: self-signed certificate",
      hint: expect.stringContaining("NODE_EXTRA_CA_CERTS"),
    });
  });
});
