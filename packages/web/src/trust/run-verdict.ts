/** The verdict on a run's bundle, made once in this page for all who show it. */
import type { BundleVerdict } from "@sealflow/trust";
import { type Reader, useReader } from "../api/resource.js";
import { readAll } from "../artifacts/content.js";
import { type Given, judge, trustFile } from "./verification.js";

/** A verdict and the size of what it is on. */
export interface Judged {
  readonly verdict: BundleVerdict;
  readonly bytes: number;
}

/** Where a run's bundle is. */
export function bundleAddress(runId: string): string {
  return `/api/runs/${encodeURIComponent(runId)}/bundle`;
}

let last: { readonly key: string; readonly trust: Given | undefined; readonly judged: Promise<Judged> };

/**
 * Reads and verifies the bundle of a run that has ended.
 *
 * @param endedAt A resumed run ends again, with another bundle.
 */
export function useVerdict(runId: string, endedAt: number): Reader<Judged> {
  return useReader(async () => {
    const [key, trust] = [`${runId} ${endedAt}`, trustFile.value];
    if (last?.key !== key || last.trust !== trust) last = { key, trust, judged: judgeRun(runId) };
    const { judged } = last;
    // What failed is asked for again.
    judged.catch(() => {
      if (last.judged === judged) last = { ...last, key: "" };
    });
    return judged;
  }, [runId, endedAt, trustFile.value]);
}

async function judgeRun(runId: string): Promise<Judged> {
  const bundle = new Uint8Array(await (await readAll(bundleAddress(runId))).arrayBuffer());
  return { verdict: await judge(bundle), bytes: bundle.length };
}
