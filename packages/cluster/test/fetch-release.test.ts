/** The way of a release's archive: from a mirror, unpacked, rendered, and held against its digest. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fetchRelease, objectsDigest, parseObjects, type Release, readManifests } from "../src/index.js";

const settings = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: kubeflow}\n";
const release: Release = {
  ...{ version: "1.0", archive: "http://127.0.0.1:1/none.tar.gz", kustomizations: ["base"] },
  digest: objectsDigest(parseObjects(settings, "settings.yaml")),
  kubernetes: { from: "1.29", to: "1.37" },
};

let directory: string;
let server: Server;
let mirror = "";
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "sealflow-mirror-"));
  mkdirSync(join(directory, "release-1.0", "base"), { recursive: true });
  writeFileSync(join(directory, "release-1.0", "base", "settings.yaml"), settings);
  writeFileSync(join(directory, "release-1.0", "base", "kustomization.yaml"), "resources: [settings.yaml]\n");
  execFileSync("tar", ["-czf", join(directory, "release.tar.gz"), "-C", directory, "release-1.0"]);
  server = createServer((request, response) => {
    if (request.url === "/release.tar.gz") response.end(readFileSync(join(directory, "release.tar.gz")));
    else if (request.url !== "/never") response.writeHead(404).end();
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  rmSync(directory, { recursive: true, force: true });
});

function hasKustomize(): boolean {
  return ["kustomize", "kubectl"].some((program) => {
    try {
      return execFileSync(program, ["version", "--client"], { stdio: "pipe" }).includes("v5.");
    } catch {
      return false;
    }
  });
}

describe.skipIf(!hasKustomize())("a release from a mirror", () => {
  it("is what its digest says, or is not taken", async () => {
    const from = { mirror: `${mirror}/release.tar.gz`, fetch };
    expect(await fetchRelease(release, from)).toMatchObject([{ kind: "ConfigMap" }]);
    const digest = `sha256:${"0".repeat(64)}`;
    await expect(fetchRelease(release, { ...from, digest })).rejects.toMatchObject({
      code: "CLUSTER_MANIFESTS_DIGEST",
      message: `manifests: expected objects with ${digest}, got ${release.digest}`,
    });
  });
});

describe("a release that can't be had", () => {
  it("is said to be so, with the reason and the way without it", async () => {
    const refused = fetchRelease(release, { mirror: `${mirror}/other.tar.gz`, fetch });
    await expect(refused).rejects.toMatchObject({
      code: "CLUSTER_MANIFESTS_UNREACHABLE",
      message: `${mirror}/other.tar.gz: expected the release's archive, got the server answered 404`,
      hint: expect.stringContaining("--mirror URL"),
    });
    await expect(fetchRelease(release, { mirror: "ftp://mirror.example/x", fetch })).rejects.toThrow(
      /scheme/,
    );
  });

  it("is not waited for by somebody who leaves", async () => {
    const leaving = new AbortController();
    const waiting = fetchRelease(release, { mirror: `${mirror}/never`, fetch, signal: leaving.signal });
    leaving.abort(new Error("left"));
    await expect(waiting).rejects.toThrow("left");
  });
});

it("takes no manifests without objects, nor objects without a name", async () => {
  const file = join(directory, "manifests.yaml");
  for (const [text, message] of [
    ["", `${file}: expected Kubernetes objects, got none`],
    ["apiVersion: v1\nkind: Secret\nmetadata: {}\n", `${file}: expected a name of the Secret, got none`],
  ] as const) {
    writeFileSync(file, text);
    await expect(readManifests([file])).rejects.toMatchObject({
      code: "CLUSTER_MANIFESTS_INVALID",
      message: `manifests: ${message}`,
    });
  }
});
