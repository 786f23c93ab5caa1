import { SealflowErrors } from "@sealflow/core";
import {
  formatPipelineYaml,
  locksOf,
  type PipelineDocument,
  parsePipelineDocument,
  withLocks,
} from "@sealflow/pipeline";
import { describe, expect, it } from "vitest";
import { sample } from "./sample.js";

const digest = `sha256:${"a".repeat(64)}`;
const other = `sha256:${"b".repeat(64)}`;
const text = 'numpy==2.4.0 ; python_version >= "3.11" \\\n    --hash=sha256:00\n# comment: with colon\n';
const plain = parsePipelineDocument(JSON.stringify(sample()));

describe("locks of a document", () => {
  it("survive being written and read, beside settings for Kubernetes", () => {
    const kubernetes = { deploymentSpec: { executors: { "exec-use": { imagePullPolicy: "Always" } } } };
    const document: PipelineDocument = { ...plain, platform: { platforms: { kubernetes } } };
    const locked = withLocks(withLocks(document, { [digest]: text }), { [other]: "x==1\n" });
    const read = parsePipelineDocument(formatPipelineYaml(locked));
    expect(locksOf(read)).toEqual({ [digest]: text, [other]: "x==1\n" });
    expect(read.platform?.platforms.kubernetes).toEqual(kubernetes);
  });

  it("are none in other documents, which stay as they are", () => {
    expect(locksOf(plain)).toEqual({});
    expect(withLocks(plain, {})).toBe(plain);
  });

  it.each([
    ["a name that is no digest", { config: { locks: { latest: text } } }, ".config.locks.latest"],
    ["a text that is none", { config: { locks: { [digest]: 1 } } }, `.config.locks.${digest}`],
    ["a list", { config: { locks: [text] } }, ".config.locks"],
    ["a setting that nobody reads", { config: { lock: {} } }, ".config.lock"],
    ["executors", { deploymentSpec: { executors: {} } }, ".deploymentSpec"],
  ])("are refused with %s", (_, sealflow, place) => {
    const documents = [sample(), { platforms: { sealflow } }].map((each) => JSON.stringify(each));
    try {
      parsePipelineDocument(documents.join("\n---\n"));
    } catch (error) {
      const found = error instanceof SealflowErrors ? error.findings : [error as { code: string }];
      expect(found).toHaveLength(1);
      const [only] = found as { code: string; where?: { path?: string } }[];
      expect(only?.code).toBe("PIPELINE_LOCK_INVALID");
      expect(only?.where?.path).toContain(`platforms.sealflow${place.split(".sha256")[0]}`);
      return;
    }
    expect.unreachable();
  });
});
