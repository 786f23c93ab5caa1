/** Committing: whether a statement and its secrets are the result of a granted attempt. */
import { canonicalJson, type Digest, fromHex } from "@sealflow/core";
import type { DueTask } from "@sealflow/pipeline";
import { failure } from "../failure.js";
import { commitmentOf } from "../grant.js";
import type { CommitSecrets } from "../protocol/secrets.js";
import { member } from "../record.js";
import type { TaskResultStated } from "../statement/task-statement.js";
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
 * Demands that the secrets open exactly what the statement commits to, and that its artifacts are new in the run.
 *
 * @throws SealflowError `TRUST_COMMIT_COMMITMENT`, `TRUST_COMMIT_ARTIFACT`
 */
export async function requireOpens(
  secrets: CommitSecrets,
  outputs: TaskResultStated["outputs"],
  run: Pick<RunState, "artifacts">,
): Promise<void> {
  const artifacts = Object.values(outputs.artifacts).flat();
  const metadata = new Map(artifacts.map((each) => [each.digest, each.metadata]));
  if (metadata.size !== artifacts.length || artifacts.some(({ digest }) => run.artifacts.has(digest))) {
    throw failure("TRUST_COMMIT_ARTIFACT", "commit", {
      expected: "artifacts that were made for it",
      got: "one that is there already",
    });
  }
  const openings = Object.entries(secrets.artifacts).map(
    ([digest, each]) => [digest, each.metadata] as const,
  );
  await requireOpenings("metadata of artifacts", { commitments: metadata, openings });
  await requireOpenings("parameters", {
    commitments: new Map(Object.entries(outputs.parameters)),
    openings: Object.entries(secrets.parameters),
  });
}

type Opening = CommitSecrets["parameters"][string];

/** As many openings as commitments, each of the one of its name: so there is one for each, and no other. */
async function requireOpenings(
  what: string,
  of: {
    readonly commitments: ReadonlyMap<string, Digest>;
    readonly openings: readonly (readonly [string, Opening])[];
  },
): Promise<void> {
  const { commitments, openings } = of;
  if (openings.length !== commitments.size) {
    throw failure("TRUST_COMMIT_COMMITMENT", `commit, ${what}`, {
      expected: `openings of the ${commitments.size} in the statement`,
      got: `${openings.length}`,
    });
  }
  for (const [name, { value, salt }] of openings) {
    if ((await commitmentOf(value, fromHex(salt))) === commitments.get(name)) continue;
    throw failure("TRUST_COMMIT_COMMITMENT", `commit, ${what}, ${name}`, {
      expected: "value and salt of the commitment in the statement",
      got: "others",
    });
  }
}
