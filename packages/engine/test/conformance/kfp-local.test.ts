import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { runPython } from "../../../../test-support/python.js";

const path = (name: string): string => fileURLToPath(new URL(`../../../../${name}`, import.meta.url));

describe("the documented differences from kfp.local", () => {
  it.skipIf(!process.env.SEALFLOW_SLOW)(
    "are those that it has",
    async () => {
      const found = await runPython([path("test-support/conformance/kfp_local.py")]);
      expect(found).toBe(readFileSync(path("docs/reference/kfp-local-differences.md"), "utf8"));
    },
    600_000,
  );
});
