import { decodeMessage } from "../decode/decode.js";
import { nearest } from "../decode/nearest.js";
import { Findings } from "../finding.js";
import { checkLocks, SEALFLOW_PLATFORM } from "../locks.js";
import { member } from "../record.js";
import type { PipelineSpec, PlatformSpec, SinglePlatformSpec } from "../types.js";

/** The platform that the official backend reads; every other is silently passed over there, also the one of our own. */
const PLATFORM = "kubernetes";

/** Checks the platform document: known platform, entries for executors that are there, known fields in each. */
export function checkPlatform(platform: PlatformSpec, spec: PipelineSpec, findings: Findings): void {
  for (const [name, single] of Object.entries(platform.platforms)) {
    const path = ["platforms", name];
    if (name === SEALFLOW_PLATFORM) {
      checkLocks(single, findings);
      continue;
    }
    if (name !== PLATFORM) {
      findings.error(
        "PIPELINE_PLATFORM_UNKNOWN",
        path,
        `expected ${PLATFORM}, got ${JSON.stringify(name)}`,
        nearest(name, [PLATFORM]) === undefined ? undefined : `Did you mean ${PLATFORM}?`,
      );
      continue;
    }
    checkExecutors(single, spec, findings);
  }
}

function checkExecutors(single: SinglePlatformSpec, spec: PipelineSpec, findings: Findings): void {
  const labels = Object.keys(spec.deploymentSpec.executors ?? {});
  for (const [label, config] of Object.entries(single.deploymentSpec?.executors ?? {})) {
    const path = ["platforms", PLATFORM, "deploymentSpec", "executors", label];
    if (member(spec.deploymentSpec.executors, label) === undefined) {
      const guess = nearest(label, labels);
      findings.error(
        "PIPELINE_EXECUTOR_UNKNOWN",
        path,
        `expected an executor of deploymentSpec, got ${JSON.stringify(label)}`,
        guess === undefined ? undefined : `Did you mean ${guess}?`,
      );
    }
    const inner = new Findings(1);
    decodeMessage(config, "KubernetesExecutor", inner);
    for (const found of inner.all) {
      findings.error(found.code, [...path, ...found.path], found.message, found.hint);
    }
  }
}
