/** Committing: whether a statement and its secrets are the result of a granted attempt. */
import { canonicalJson, type Digest, fromHex } from "@sealflow/core";
import type { DueTask } from "@sealflow/pipeline";
import { failure } from "../failure.js";
import { commitmentOf } from "../grant.js";
import type { CommitSecrets } from "../protocol/secrets.js";
import { member } from "../record.js";
import type { StatedArtifact, TaskResultStated } from "../statement/task-statement.js";
import { inputDigests } from "./granting.js";
import type { GrantedAttempt, RunState } from "./run-state.js";

/** What a statement is held against. */
export interface StatedUnder {
  readonly task: DueTask;
  readonly entry: Pick<GrantedAttempt["entry"], "grant" | "evidence" | "parameters">;
}

/**
 * Demands that a statement speaks of its grant, its evidence and the granted inputs, and of the declared outputs.
 *
 * @throws SealflowError `TRUST_COMMIT_GRANT`, `TRUST_COMMIT_INPUTS`, `TRUST_COMMIT_OUTPUTS`
 */
export function requireStatedUnder(stated: TaskResultStated, { task, entry }: StatedUnder): void {
  const refuse = (code: string, expected: string) =>
    failure(code, `statement of ${task.path}`, { expected, got: "others" });
  if (stated.grant !== entry.grant || stated.evidence !== entry.evidence) {
    throw refuse("TRUST_COMMIT_GRANT", "the grant and evidence of its attempt");
  }
  const listed = Object.entries(inputDigests(task)).filter(([, list]) => list.length > 0);
  const inputs = { parameters: entry.parameters, artifacts: Object.fromEntries(listed) };
  if (canonicalJson(stated.inputs) !== canonicalJson(inputs)) {
    throw refuse("TRUST_COMMIT_INPUTS", "the inputs that were granted");
  }
  const types = Object.entries(stated.outputs.artifacts).every(([name, list]) => {
    const declared = member(task.outputArtifacts, name);
    return (
      declared !== undefined && list.every(({ type }) => type === (declared.artifactType.schemaTitle ?? ""))
    );
  });
  if (!types) throw refuse("TRUST_COMMIT_OUTPUTS", "artifacts of the declared types");
}

/**
 * Demands that the secrets open exactly what the statement commits to.
 *
 * @throws SealflowError `TRUST_COMMIT_COMMITMENT`, `TRUST_COMMIT_ARTIFACT`
 */
export async function requireOpens(
  secrets: CommitSecrets,
  outputs: TaskResultStated["outputs"],
  run: Pick<RunState, "artifacts">,
): Promise<void> {
  const artifacts = Object.values(outputs.artifacts).flat();
  const names = artifacts.map(({ digest }) => digest);
  if (new Set(names).size !== names.length || names.some((digest) => run.artifacts.has(digest))) {
    throw failure("TRUST_COMMIT_ARTIFACT", "commit", {
      expected: "artifacts that were made for it",
      got: "one that is there already",
    });
  }
  requireSame(names, Object.keys(secrets.artifacts));
  requireSame(Object.keys(outputs.parameters), Object.keys(secrets.parameters));
  for (const artifact of artifacts) await requireMetadata(artifact, secrets);
  for (const [name, commitment] of Object.entries(outputs.parameters)) {
    const opened = member(secrets.parameters, name);
    if (opened === undefined || (await commitmentOf(opened.value, fromHex(opened.salt))) !== commitment) {
      throw notOpened(`parameter ${name}`);
    }
  }
}

async function requireMetadata(artifact: StatedArtifact, secrets: CommitSecrets): Promise<void> {
  const { value, salt } = member(secrets.artifacts, artifact.digest)?.metadata ?? { value: {}, salt: "" };
  const commitment: Digest | undefined = salt === "" ? undefined : await commitmentOf(value, fromHex(salt));
  if (commitment !== artifact.metadata) throw notOpened(`metadata of ${artifact.digest}`);
}

function requireSame(stated: readonly string[], opened: readonly string[]): void {
  if (stated.length === opened.length && stated.every((each) => opened.includes(each))) return;
  throw failure("TRUST_COMMIT_COMMITMENT", "commit", {
    expected: `secrets of ${stated.length} artifacts or parameters, those of the statement`,
    got: `${opened.length}, or others`,
  });
}

function notOpened(what: string): Error {
  return failure("TRUST_COMMIT_COMMITMENT", `commit, ${what}`, {
    expected: "value and salt of the commitment in the statement",
    got: "others",
  });
}
