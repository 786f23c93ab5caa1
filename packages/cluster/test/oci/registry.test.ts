import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  attachDocument,
  type Descriptor,
  type Login,
  type Manifest,
  mediaTypes,
  parseImage,
  parsePinnedImage,
  RegistryRepository,
  storedLogins,
} from "@sealflow/cluster";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { registryProgram, startRegistry, type TestRegistry } from "../../../../test-support/registry.js";
import { type Gate, startGate } from "./gate.js";

const program = registryProgram();

describe("names of images", () => {
  const digest = `sha256:${"a".repeat(64)}`;
  test.each([
    ["python", { host: "docker.io", name: "library/python" }],
    ["team/loan:1", { host: "docker.io", name: "team/loan", tag: "1" }],
    ["loan.azurecr.io/a/b", { host: "loan.azurecr.io", name: "a/b" }],
    ["localhost/x", { host: "localhost", name: "x" }],
    [`127.0.0.1:5000/x:y@${digest}`, { host: "127.0.0.1:5000", name: "x", tag: "y", digest }],
  ])("%s", (text, expected) => {
    expect(parseImage(text)).toEqual(expected);
  });

  test.each(["", "UPPER/x", "a/b@sha256:12", "a/../b", "a:b:c", "https://r/x", "r.io/x@y@z", "a//b"])(
    "%s is none",
    (text) => {
      expect(() => parseImage(text)).toThrow(expect.objectContaining({ code: "CLUSTER_IMAGE_NAME" }));
    },
  );

  test("an image that must not change is not named by a tag", () => {
    expect(() => parsePinnedImage("python:3.11", "base image")).toThrow(
      expect.objectContaining({ code: "CLUSTER_IMAGE_UNPINNED" }),
    );
    expect(parsePinnedImage(`python@${digest}`, "base image")).toMatchObject({ digest });
  });
});

describe("logins", () => {
  let home = "";
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), "sealflow-logins-"));
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));
  const loginFrom = async (config: object, host = "r.io") => {
    writeFileSync(join(home, "config.json"), JSON.stringify(config));
    return storedLogins({ DOCKER_CONFIG: home })(host);
  };
  const auth = (text: string) => Buffer.from(text).toString("base64");

  test("come from the files of docker login and az acr login", async () => {
    expect(await loginFrom({ auths: { "r.io": { auth: auth("u:p:q") } } })).toEqual({
      kind: "password",
      user: "u",
      password: "p:q",
    });
    expect(await loginFrom({ auths: { "r.io": { identitytoken: "t", auth: auth("x:") } } })).toEqual({
      kind: "refresh-token",
      token: "t",
    });
    const acr = auth("00000000-0000-0000-0000-000000000000:t");
    expect(await loginFrom({ auths: { "https://r.io": { auth: acr } } })).toMatchObject({
      kind: "refresh-token",
    });
    const hub = { auths: { "https://index.docker.io/v1/": { auth: auth("u:p") } } };
    expect(await loginFrom(hub, "docker.io")).toMatchObject({ user: "u" });
    expect(await loginFrom({ auths: { "other.io": { auth: auth("u:p") } } })).toBeUndefined();
    expect(await loginFrom({ credHelpers: { "r.io": "none-such" } })).toBeUndefined();
  });

  test("come from credential helpers", async () => {
    const helper = join(home, "docker-credential-test");
    writeFileSync(
      helper,
      '#!/bin/sh\nread server\necho "{\\"Username\\":\\"$server\\",\\"Secret\\":\\"s\\"}"\n',
      {
        mode: 0o755,
      },
    );
    const path = process.env.PATH;
    process.env.PATH = `${home}:${path}`;
    try {
      const expected = { kind: "password", user: "r.io", password: "s" };
      expect(await loginFrom({ credHelpers: { "r.io": "test" } })).toEqual(expected);
      expect(await loginFrom({ credsStore: "test" })).toEqual(expected);
    } finally {
      process.env.PATH = path;
    }
  });
});

describe.skipIf(program === undefined)("a real registry", () => {
  let registry: TestRegistry;
  let gate: Gate;
  beforeAll(async () => {
    registry = await startRegistry(program ?? "");
    gate = await startGate(registry.host);
  });
  afterAll(async () => {
    await gate?.stop();
    await registry?.stop();
  });
  beforeEach(() => {
    Object.assign(gate, { failures: [], login: undefined, tamper: undefined });
    gate.log.length = 0;
  });

  const repository = (name: string, login?: Login, host = gate.host) =>
    new RegistryRepository({ host, name }, { fetch, logins: async () => login, backoffMs: 1, attempts: 4 });
  const blob = (content: Uint8Array<ArrayBuffer>): { descriptor: Descriptor; content: typeof content } => ({
    descriptor: {
      mediaType: "application/octet-stream",
      digest: `sha256:${createHash("sha256").update(content).digest("hex")}`,
      size: content.length,
    },
    content,
  });
  const fresh = () => blob(Uint8Array.from(randomBytes(5000)));
  const read = async (from: RegistryRepository, descriptor: Descriptor) => {
    const chunks: Buffer[] = [];
    for await (const chunk of await from.blob(descriptor)) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  };

  async function image(name: string): Promise<{ manifest: Manifest; target: RegistryRepository }> {
    const target = repository(name);
    const [config, layer] = [blob(Uint8Array.from(Buffer.from("{}"))), fresh()];
    await target.upload(config);
    await target.upload(layer);
    const manifest: Manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.manifests.oci,
      config: { ...config.descriptor, mediaType: mediaTypes.config },
      layers: [{ ...layer.descriptor, mediaType: mediaTypes.layer }],
    };
    return { manifest, target };
  }

  test("keeps blobs, once, from memory and from files", async () => {
    const [target, content] = [repository("a/one"), fresh()];
    expect(await target.upload(content)).toBe("sent");
    expect(await target.upload(content)).toBe("there");
    expect(await read(target, content.descriptor)).toEqual(Buffer.from(content.content));
    const directory = mkdtempSync(join(tmpdir(), "sealflow-blob-"));
    const large = fresh();
    writeFileSync(join(directory, "blob"), large.content);
    expect(await target.upload({ ...large, content: { file: join(directory, "blob") } })).toBe("sent");
    expect(await read(target, large.descriptor)).toEqual(Buffer.from(large.content));
    rmSync(directory, { recursive: true });
  });

  test("lends blobs between its repositories, without sending them again", async () => {
    const content = fresh();
    await repository("a/lender").upload(content);
    gate.log.length = 0;
    expect(await repository("a/borrower").upload(content, ["a/nobody", "a/lender"])).toBe("mounted");
    expect(gate.log.filter((line) => line.startsWith("PUT"))).toEqual([]);
    expect(await read(repository("a/borrower"), content.descriptor)).toEqual(Buffer.from(content.content));
  });

  test("keeps manifests under their digest, and under a tag when one is given", async () => {
    const { manifest, target } = await image("a/image");
    const stored = await target.put(manifest, "v1");
    expect((await target.manifest(stored.digest)).manifest).toEqual(manifest);
    expect((await target.manifest("v1")).digest).toBe(stored.digest);
    await expect(target.manifest("v2")).rejects.toMatchObject({ code: "CLUSTER_IMAGE_MISSING" });
  });

  test("lists what refers to an image, whether it knows referrers or not; each once", async () => {
    const { manifest, target } = await image("a/subject");
    const { digest, bytes, mediaType } = await target.put(manifest);
    expect(await target.referrers(digest)).toEqual([]);
    const subject = { digest, size: bytes.length, mediaType };
    const attach = (type: string, text: string) =>
      attachDocument(target, subject, { type, bytes: Uint8Array.from(Buffer.from(text)) });
    const first = await attach("application/spdx+json", "{}");
    await attach("application/vnd.in-toto+json", "[]");
    expect((await attach("application/spdx+json", "{}")).digest).toBe(first.digest);
    const found = await target.referrers(digest);
    expect(found.map(({ artifactType }) => artifactType).sort()).toEqual([
      "application/spdx+json",
      "application/vnd.in-toto+json",
    ]);
    const { manifest: back } = await target.manifest(first.digest);
    expect(back.subject?.digest).toBe(digest);
  });

  test("is asked again after busy answers, broken connections and server errors, and not for ever", async () => {
    gate.failures = [503, 0, 429];
    expect(await repository("a/busy").upload(fresh())).toBe("sent");
    gate.failures = [500, 500, 500, 500];
    await expect(repository("a/busy").manifest("x")).rejects.toMatchObject({
      code: "CLUSTER_REGISTRY_REFUSED",
      message: expect.stringContaining("500: TOOMANYREQUESTS slow down"),
    });
    gate.failures = [0, 0, 0, 0];
    await expect(repository("a/busy").manifest("x")).rejects.toMatchObject({
      code: "CLUSTER_REGISTRY_UNREACHABLE",
    });
  });

  test("gives tokens for what is done and no more, for passwords and for refresh tokens", async () => {
    const content = fresh();
    gate.login = "user:pass:word";
    await repository("a/locked", { kind: "password", user: "user", password: "pass:word" }).upload(content);
    await repository("a/locked", { kind: "refresh-token", token: "user:pass:word" }).has(
      content.descriptor.digest,
    );
    const mounting = repository("a/locked2", { kind: "password", user: "user", password: "pass:word" });
    expect(await mounting.upload(content, ["a/locked"])).toBe("mounted");
    for (const wrong of [undefined, { kind: "password", user: "user", password: "no" } as const]) {
      await expect(repository("a/locked", wrong).upload(fresh())).rejects.toMatchObject({
        code: "CLUSTER_REGISTRY_LOGIN",
        hint: expect.stringContaining("docker login"),
      });
    }
  });

  test("is not believed: changed blobs and manifests are refused", async () => {
    const { manifest, target } = await image("a/tampered");
    const { digest } = await target.put(manifest);
    gate.tamper = /blobs|manifests/;
    const [layer] = manifest.layers ?? [];
    await expect(read(target, layer as Descriptor)).rejects.toMatchObject({
      code: "CLUSTER_DIGEST_MISMATCH",
    });
    await expect(target.manifest(digest)).rejects.toMatchObject({ code: "CLUSTER_DIGEST_MISMATCH" });
  });

  test("refuses content that is not what its digest says", async () => {
    const [one, two] = [fresh(), fresh()];
    await expect(repository("a/wrong").upload({ ...one, content: two.content })).rejects.toMatchObject({
      code: "CLUSTER_REGISTRY_REFUSED",
    });
  });

  test("is left at once when the caller gives up", async () => {
    const control = new AbortController();
    const target = new RegistryRepository(
      { host: gate.host, name: "a/stopped" },
      { fetch, logins: async () => undefined, backoffMs: 60_000, signal: control.signal },
    );
    gate.failures = [503, 503];
    setTimeout(() => control.abort(new Error("stop")), 50);
    await expect(target.manifest("x")).rejects.toThrow();
    expect(gate.log).toHaveLength(1);
  });
});
