import type { Digest } from "@sealflow/core";
import { expect, it } from "vitest";
import { runPython } from "../../../../test-support/python.js";
import { provenanceStatement } from "../../src/image/documents.js";

const digest = (byte: string): Digest => `sha256:${byte.repeat(32)}`;

it("says where an image comes from as SLSA's own messages have it", async () => {
  const image = {
    ...{
      name: "registry.example/team/trial",
      digest: digest("01"),
      base: `registry.example/base@${digest("02")}`,
    },
    ...{
      packages: [],
      lock: digest("03"),
      runtime: digest("04"),
      created: "2026-01-01T00:00:00Z",
      version: "1.0.0",
    },
    components: [{ executor: "exec-train", component: digest("05") }],
  };
  const statement: unknown = JSON.parse(provenanceStatement(image, { mrenclave: "ab".repeat(32) }));
  const checked = await runPython(["test-support/attestations.py"], JSON.stringify([{ statement }]));
  expect(JSON.parse(checked)).toEqual(["https://slsa.dev/provenance/v1"]);
});
