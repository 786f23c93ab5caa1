/** Artifacts in object stores, read from stand-ins on this machine. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import type { PipelineDocument } from "@sealflow/pipeline";
import { afterEach, describe, expect, it, vi } from "vitest";
import { signedHeaders } from "../src/remote/aws-signature.js";
import { documentOf, type TestComponent, task } from "./pipelines.js";
import { engineOf } from "./running.js";
import { keptDirectory } from "./temporary.js";

describe("signedHeaders", () => {
  // The example "GET Bucket Lifecycle". Source: AWS, "Signature Calculations for the Authorization Header", Amazon S3 API Reference.
  it("signs as the published example", () => {
    const headers = signedHeaders({
      url: new URL("https://examplebucket.s3.amazonaws.com/?lifecycle="),
      region: "us-east-1",
      credentials: {
        accessKeyId: "AKIAIOSFODNN7EXAMPLE",
        secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
      },
      now: Date.UTC(2013, 4, 24),
    });
    expect(headers.authorization).toBe(
      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    );
  });
});

const servers: Server[] = [];
afterEach(() => {
  vi.unstubAllEnvs();
  for (const server of servers.splice(0)) server.close();
});

interface Answer {
  readonly status?: number;
  readonly body: string | Buffer;
  readonly headers?: Record<string, string>;
}

/** A server on this machine; what it was asked is kept. */
async function standIn(answer: (request: IncomingMessage) => Answer) {
  const asked: { url: string; authorization: string | undefined }[] = [];
  const server = createServer((request, response) => {
    asked.push({ url: request.url ?? "", authorization: request.headers.authorization });
    const { status = 200, body, headers = {} } = answer(request);
    response.writeHead(status, headers).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push(server);
  return { asked, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const read: TestComponent = {
  source: `import os
from kfp.dsl import Dataset, Input
def read(data: Input[Dataset]) -> list:
    if os.path.isdir(data.path):
        return [data.uri, sorted(os.path.relpath(os.path.join(d, f), data.path) for d, _, fs in os.walk(data.path) for f in fs)]
    return [data.uri, open(data.path).read() if os.path.exists(data.path) else None]
`,
  inputArtifacts: ["data"],
  outputs: { Output: "LIST" },
};

/** A pipeline that imports a URI and lets two tasks read it. */
function importing(
  artifactUri: string,
  { reader = read, type = "system.Dataset" }: { reader?: TestComponent; type?: string } = {},
): PipelineDocument {
  const artifactType = { schemaTitle: type, schemaVersion: "0.0.1" };
  const importer = {
    executor: { importer: { artifactUri: { constant: artifactUri }, typeSchema: artifactType } },
  };
  return documentOf({
    components: {
      get: { source: "", outputArtifacts: ["artifact"], ...importer },
      read: reader,
    },
    tasks: {
      get: task("get"),
      read: task("read", { artifacts: { data: "get.artifact" } }),
      again: task("read", { artifacts: { data: "get.artifact" }, after: ["read"] }),
    },
    outputs: { all: ["read.Output", "LIST"] },
  });
}

describe("artifacts in object stores", () => {
  it("of S3 are downloaded once, with a signed request, and keep their URI", async () => {
    const { asked, address } = await standIn(({ url }) =>
      url === "/bucket/a%20b/data.csv" ? { body: "1,2" } : { status: 404, body: "" },
    );
    vi.stubEnv("AWS_ENDPOINT_URL_S3", address);
    vi.stubEnv("AWS_ACCESS_KEY_ID", "key");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
    const { run } = engineOf();
    const { summary, notices } = await run(importing("s3://bucket/a b/data.csv"));
    expect(summary.outputs).toEqual({ all: ["s3://bucket/a b/data.csv", "1,2"] });
    expect(notices).toEqual([]);
    expect(asked).toHaveLength(1);
    expect(asked[0]?.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=key\/\d{8}\/us-east-1\/s3\/aws4_request/,
    );
  });

  it("count by content for the cache", async () => {
    let body = "1";
    const { address } = await standIn(() => ({ body }));
    vi.stubEnv("AWS_ENDPOINT_URL_S3", address);
    const { run } = engineOf();
    const values = [];
    for (const next of ["1", "1", "2"]) {
      body = next;
      const { summary, events } = await run(importing("s3://bucket/x"));
      const cached = events.some(
        (event) => event.type === "task-finished" && event.path === "read" && event.cached,
      );
      values.push([(summary.outputs.all as unknown[])[1], cached]);
    }
    expect(values).toEqual([
      ["1", false],
      ["1", true],
      ["2", false],
    ]);
  });

  it("are directories where there is no object but some below", async () => {
    const listing = (token: string, keys: string[]) =>
      `<R>${keys.map((key) => `<Contents><Key>${key}</Key></Contents>`).join("")}${token}</R>`;
    const { address } = await standIn(({ url = "" }) => {
      if (url.includes("continuation-token=more")) return { body: listing("", ["d/sub/b&amp;c"]) };
      if (url.includes("list-type=2"))
        return {
          body: listing("<NextContinuationToken>more</NextContinuationToken>", ["d/", "d/a"]),
        };
      return url === "/bucket/d" ? { status: 404, body: "" } : { body: "x" };
    });
    vi.stubEnv("AWS_ENDPOINT_URL", address);
    const { run } = engineOf();
    const { summary } = await run(importing("minio://bucket/d"));
    expect(summary.outputs).toEqual({ all: ["minio://bucket/d", ["a", "sub/b&c"]] });
  });

  it("of Google Cloud Storage are read with a token", async () => {
    const { asked, address } = await standIn(({ url = "" }) =>
      url === "/storage/v1/b/bucket/o/a%2Fx?alt=media" ? { body: "text" } : { status: 404, body: "" },
    );
    vi.stubEnv("STORAGE_EMULATOR_HOST", address);
    vi.stubEnv("GOOGLE_OAUTH_ACCESS_TOKEN", "token");
    const { run } = engineOf();
    const { summary } = await run(importing("gs://bucket/a/x"));
    expect(summary.outputs).toEqual({ all: ["gs://bucket/a/x", "text"] });
    expect(asked).toEqual([{ url: "/storage/v1/b/bucket/o/a%2Fx?alt=media", authorization: "Bearer token" }]);
  });

  it.each([
    ["s3://bucket/x", { status: 403, body: "" }, "the server answered 403"],
    ["s3://bucket/x", { status: 404, body: "" }, "there is no such object"],
    ["hdfs://host/model", { body: "" }, "hdfs:// is not read here"],
    ["oci://no image", { body: "" }, "expected an image as oci://HOST/NAME:TAG"],
  ])("that can't be had stay URIs, and the run says why: %s %o", async (uri, answer, reason) => {
    const { address } = await standIn(() => answer);
    vi.stubEnv("AWS_ENDPOINT_URL", address);
    const { run } = engineOf();
    const { summary, notices } = await run(importing(uri));
    expect(summary.outputs).toEqual({ all: [uri, null] });
    expect(notices).toEqual([expect.stringContaining(`${uri} was not downloaded: ${reason}`)]);
  });

  it("never leave their directory", async () => {
    const { address } = await standIn(({ url = "" }) =>
      url.includes("list-type=2")
        ? { body: "<R><Key>d/../../../evil</Key></R>" }
        : url === "/bucket/d"
          ? { status: 404, body: "" }
          : { body: "x" },
    );
    vi.stubEnv("AWS_ENDPOINT_URL", address);
    const { run } = engineOf();
    const { notices } = await run(importing("s3://bucket/d"));
    expect(notices[0]).toContain("has no place in a directory");
  });
});

describe("models in container images", () => {
  /** An image of two layers in a registry that wants a token. */
  async function registry(change: (blob: Buffer) => Buffer = (blob) => blob) {
    const directory = keptDirectory("image");
    const layer = (name: string, files: Record<string, string>): Buffer => {
      const root = join(directory, name);
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(join(root, dirname(path)), { recursive: true });
        writeFileSync(join(root, path), text);
      }
      return execFileSync("tar", ["-cz", "-C", root, "."]);
    };
    const layers = [
      layer("a", { "models/config.json": "old", "etc/passwd": "x" }),
      layer("b", { "models/config.json": "new", "models/sub/weights": "w" }),
      layer("c", { "bin/sh": "" }),
    ];
    rmSync(directory, { recursive: true });
    const digestOf = (blob: Buffer | string) => `sha256:${createHash("sha256").update(blob).digest("hex")}`;
    const blobs = new Map<string, Buffer>(layers.map((blob) => [digestOf(blob), change(blob)]));
    const manifest = JSON.stringify({
      schemaVersion: 2,
      layers: layers.map((blob) => ({ digest: digestOf(blob) })),
    });
    const index = { manifests: [{ digest: digestOf(manifest), platform: { architecture: "amd64" } }] };
    let address = "";
    const made = await standIn(({ url = "", headers }) => {
      if (url.startsWith("/token")) return { body: JSON.stringify({ token: `for ${url}` }) };
      if (headers.authorization === undefined) {
        const challenge = `Bearer realm="${address}/token",service="s",scope="repository:org/model:pull"`;
        return { status: 401, body: "", headers: { "www-authenticate": challenge } };
      }
      if (url === "/v2/org/model/manifests/1.0") return { body: JSON.stringify(index) };
      if (url === `/v2/org/model/manifests/${digestOf(manifest)}`) return { body: manifest };
      return { body: blobs.get(url.split("/").at(-1) ?? "") ?? "" };
    });
    address = made.address;
    return { ...made, uri: `oci://${address.replace("http://", "")}/org/model:1.0` };
  }

  const listed: TestComponent = {
    source: `import os
from kfp.dsl import Input, Model
def read(data: Input[Model]) -> list:
    names = sorted(os.path.relpath(os.path.join(d, f), data.path) for d, _, fs in os.walk(data.path) for f in fs)
    return [names, os.path.exists(data.path + "/config.json") and open(data.path + "/config.json").read()]
`,
    inputArtifacts: ["data"],
    outputs: { Output: "LIST" },
  };

  it("are read from the registry: later layers win, other files stay behind", async () => {
    const { uri, asked } = await registry();
    const { run } = engineOf();
    const { summary, notices } = await run(importing(uri, { reader: listed, type: "system.Model" }));
    expect(notices).toEqual([]);
    expect(summary.outputs.all).toEqual([["config.json", "sub/weights"], "new"]);
    const [token] = asked.filter(({ url }) => url.startsWith("/token"));
    expect(token?.url).toBe("/token?service=s&scope=repository%3Aorg%2Fmodel%3Apull");
  });

  it("are not used when a layer is not what its digest says", async () => {
    const { uri } = await registry((blob) => Buffer.concat([blob, Buffer.from("x")]));
    const { summary, notices } = await engineOf().run(
      importing(uri, { reader: listed, type: "system.Model" }),
    );
    expect(notices).toEqual([expect.stringMatching(/was not downloaded: expected content with sha256:/)]);
    expect(summary.outputs.all).toEqual([[], false]);
  });
});
