import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BaseBuildInput, buildBase, requirePinnedStages } from "@sealflow/cluster";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const digest = `sha256:${"a".repeat(64)}`;
const dockerfile = `FROM gramineproject/gramine@${digest}\nRUN apt-get install -y python3\n`;
let directory = "";
let context = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "sealflow-base-test-"));
  context = join(directory, "context");
  mkdirSync(join(context, "sub"), { recursive: true });
  writeFileSync(join(context, "Dockerfile"), dockerfile);
  writeFileSync(join(context, "sub", "x"), "x");
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("a Dockerfile", () => {
  test.each([
    dockerfile,
    `# FROM python\nFROM python@${digest} AS build\nFROM scratch\nCOPY --from=build /a /a\nCOPY --from=0 /b /b\n`,
    `FROM --platform=linux/amd64 \\\n  python@${digest} as b\nFROM B\n`,
  ])("that takes everything by digest is fine", (text) => {
    expect(() => requirePinnedStages(text, "Dockerfile")).not.toThrow();
  });

  test.each([
    ["FROM python", 1],
    ["# x\nFROM python:3.11", 2],
    [`FROM python@${digest}\nCOPY --from=busybox:1 /a /a`, 2],
    ["ARG BASE=python\nFROM $BASE", 2],
    [`FROM python@${digest} AS a\nFROM a\nFROM python:latest`, 3],
  ])("that takes something by tag is refused: %j", (text, line) => {
    expect(() => requirePinnedStages(text, "Dockerfile")).toThrow(
      expect.objectContaining({ code: "CLUSTER_IMAGE_UNPINNED", where: { file: "Dockerfile", line } }),
    );
  });
});

describe("ACR Tasks", () => {
  const acr = { subscription: "s-1", resourceGroup: "g 1", registry: "loan" };
  const input = (): BaseBuildInput => ({
    directory: context,
    target: "loan.azurecr.io/team/base:v1",
    builder: "acr",
    acr,
  });

  /** Azure's part of the conversation, by its documented API. */
  function azure(statuses: string[], image: object = { digest }) {
    const seen: { method: string; url: string; body: Uint8Array; auth: string | null }[] = [];
    const answer = (value: unknown, status = 200) => new Response(JSON.stringify(value), { status });
    const fake = async (url: string | URL | Request, init?: RequestInit) => {
      const request = new Request(String(url), init);
      const body = new Uint8Array(await request.arrayBuffer());
      seen.push({
        method: request.method,
        url: String(url),
        body,
        auth: request.headers.get("authorization"),
      });
      if (/listBuildSourceUploadUrl/.test(String(url)))
        return answer({ uploadUrl: "https://blob.example/up?sig=1", relativePath: "tasks/x.tar.gz" });
      if (/blob\.example\/up/.test(String(url))) return new Response("", { status: 201 });
      if (/scheduleRun/.test(String(url)))
        return answer({ name: "cf1", properties: { runId: "cf1", status: "Queued" } });
      if (/listLogSasUrl/.test(String(url))) return answer({ logLink: "https://blob.example/log" });
      if (/blob\.example\/log/.test(String(url))) return new Response("step 1\nno space left\n");
      return answer({ properties: { runId: "cf1", status: statuses.shift(), outputImages: [image] } });
    };
    return { seen, tools: { fetch: fake, token: async () => "T", environment: {}, pollMs: 1 } };
  }

  test("upload the directory, build it, and give the digest of what was pushed", async () => {
    const { seen, tools } = azure(["Queued", "Running", "Succeeded"]);
    const lines: string[] = [];
    const reference = await buildBase(input(), { ...tools, progress: (line) => lines.push(line) });
    expect(reference).toBe(`loan.azurecr.io/team/base@${digest}`);
    const base =
      "https://management.azure.com/subscriptions/s-1/resourceGroups/g%201/providers/Microsoft.ContainerRegistry/registries/loan";
    expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      `POST ${base}/listBuildSourceUploadUrl?api-version=2019-06-01-preview`,
      "PUT https://blob.example/up?sig=1",
      `POST ${base}/scheduleRun?api-version=2019-06-01-preview`,
      ...Array(3).fill(`GET ${base}/runs/cf1?api-version=2019-06-01-preview`),
    ]);
    expect(JSON.parse(Buffer.from(seen[2]?.body ?? []).toString())).toMatchObject({
      type: "DockerBuildRequest",
      imageNames: ["team/base:v1"],
      sourceLocation: "tasks/x.tar.gz",
      dockerFilePath: "Dockerfile",
      isPushEnabled: true,
    });
    // The token is for the resource manager alone: the upload's address carries its own permission.
    expect(seen.map(({ auth }) => auth)).toEqual(["Bearer T", null, ...Array(4).fill("Bearer T")]);
    writeFileSync(join(directory, "sent.tgz"), seen[1]?.body ?? new Uint8Array());
    const names = execFileSync("tar", ["-tzf", join(directory, "sent.tgz")], { encoding: "utf8" });
    expect(names.trim().split("\n")).toEqual(["Dockerfile", "sub/", "sub/x"]);
    expect(lines).toContain("run cf1: Running");
  });

  test("say the end of the log when the build fails, and what is missing when it gave no image", async () => {
    await expect(buildBase(input(), azure(["Failed"]).tools)).rejects.toMatchObject({
      code: "CLUSTER_ACR_BUILD_FAILED",
      message: expect.stringContaining("no space left"),
    });
    await expect(buildBase(input(), azure(["Succeeded"], {}).tools)).rejects.toMatchObject({
      code: "CLUSTER_ACR_BUILD_FAILED",
    });
    const denied = async () =>
      new Response('{"error":{"code":"AuthorizationFailed","message":"no role"}}', { status: 403 });
    await expect(buildBase(input(), { ...azure([]).tools, fetch: denied })).rejects.toMatchObject({
      code: "CLUSTER_ACR_REFUSED",
      message: expect.stringContaining("AuthorizationFailed no role"),
    });
  });
});

describe("Docker and Podman", () => {
  /** A stand-in that writes down its arguments and does what the real one is documented to do with them. */
  function program(name: string, script: string): Record<string, string> {
    const bin = join(directory, `bin-${name}`);
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, name), `#!/bin/sh\necho "$@" >> ${bin}/log\n${script}\n`, { mode: 0o755 });
    return { PATH: `${bin}:${process.env.PATH}`, LOG: `${bin}/log` };
  }
  const tools = { fetch, token: async () => "" };
  const target = "r.io/team/base:v1";

  test("docker buildx pushes, and its metadata name the digest", async () => {
    const take = 'while [ "$1" != --metadata-file ]; do shift; done; printf \'{"containerimage.digest":"';
    const environment = program("docker", `${take}${digest}"}' > "$2"`);
    const reference = await buildBase(
      { directory: context, target, builder: "docker" },
      { ...tools, environment },
    );
    expect(reference).toBe(`r.io/team/base@${digest}`);
    expect(readFileSync(environment.LOG ?? "", "utf8")).toMatch(
      /^buildx build --platform linux\/amd64 .*--push/,
    );
  });

  test("podman builds, then pushes and writes the digest down", async () => {
    const environment = program("podman", `[ "$1" != push ] || printf '${digest}\\n' > "$3"`);
    const reference = await buildBase(
      { directory: context, target, builder: "podman" },
      { ...tools, environment },
    );
    expect(reference).toBe(`r.io/team/base@${digest}`);
    expect(
      readFileSync(environment.LOG ?? "", "utf8")
        .trim()
        .split("\n"),
    ).toHaveLength(2);
  });

  test("their failures come with their last lines; tags that move are refused", async () => {
    const environment = program("podman", "echo no such base >&2; exit 125");
    const input = { directory: context, target, builder: "podman" } as const;
    await expect(buildBase(input, { ...tools, environment })).rejects.toMatchObject({
      code: "CLUSTER_BUILDER_FAILED",
      message: expect.stringContaining("no such base"),
    });
    for (const moving of ["r.io/x", "r.io/x:latest"]) {
      await expect(buildBase({ ...input, target: moving }, { ...tools, environment })).rejects.toMatchObject({
        code: "CLUSTER_IMAGE_UNPINNED",
      });
    }
  });
});
