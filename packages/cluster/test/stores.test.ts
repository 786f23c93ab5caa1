import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { openArtifactStore } from "../src/index.js";
import { storeContract } from "./support/store-contract.js";

storeContract(
  "a directory",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "sealflow-store-"));
    return {
      uri: pathToFileURL(join(directory, "artifacts")).href,
      environment: {},
      stop: async () => rmSync(directory, { recursive: true }),
    };
  },
  { checksSignatures: false },
);

it("says which credentials it lacks, and what a URI looks like", () => {
  const open = (uri: string) => openArtifactStore(uri, { environment: {}, fetch, now: Date.now });
  expect(() => open("s3://bucket/runs")).toThrow(/AWS_ACCESS_KEY_ID/);
  expect(() => open("gs://bucket")).toThrow(/GOOGLE_HMAC_ACCESS_ID/);
  for (const uri of ["bucket", "s3://", "azure://account", "https://x/y", "file://relative"])
    expect(() => open(uri)).toThrow(/expected s3:/);
});

it("signs for S3 as the documentation's example does", async () => {
  const store = openArtifactStore("s3://examplebucket", {
    environment: {
      AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
      AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    },
    fetch,
    now: () => Date.UTC(2013, 4, 24),
  });
  const { url } = await store.address("test.txt", { method: "GET", seconds: 86400 });
  // The example's host is examplebucket.s3.amazonaws.com; ours names the region, so that only the form is compared.
  expect(url).toMatch(
    /^https:\/\/examplebucket\.s3\.us-east-1\.amazonaws\.com\/test\.txt\?X-Amz-Algorithm=AWS4-HMAC-SHA256&/,
  );
  expect(url).toContain("X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request");
});

it("takes a conflict for what the store says it is: taken, to be tried again, or an error", async () => {
  const writing = async (...told: string[]) => {
    const answers = told.map((code) => new Response(`<Error><Code>${code}</Code></Error>`, { status: 409 }));
    const store = openArtifactStore("s3://bucket", {
      environment: { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "s" },
      fetch: async () => answers.shift() ?? new Response("", { status: 200 }),
      now: Date.now,
    });
    return { first: await store.put("one", new Uint8Array(1), { ifAbsent: true }), left: answers.length };
  };
  // Of two that write at the same moment both may have failed.
  expect(await writing("ConditionalRequestConflict")).toEqual({ first: true, left: 0 });
  expect(await writing("BlobAlreadyExists", "x")).toEqual({ first: false, left: 1 });
  await expect(writing("ContainerBeingDeleted")).rejects.toMatchObject({
    code: "CLUSTER_STORE_FAILED",
    message: expect.stringContaining("409 ContainerBeingDeleted"),
  });
});
