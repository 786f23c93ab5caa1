/** What a bundle shows: exactly what it must, and with the values that were committed to. */
import { canonicalJson, type Digest, fromHex, type JsonValue } from "@sealflow/core";
import type { DueTask } from "@sealflow/pipeline";
import { commitmentOf } from "../grant.js";
import { member } from "../record.js";
import type { TaskResultStated } from "../statement/task-statement.js";
import type { BundleChecks } from "./checks.js";
import type { Opened } from "./format.js";
import { publicInputs } from "./public-inputs.js";
import type { PublicView } from "./public-view.js";

interface Place {
  readonly checks: BundleChecks;
  readonly where: string;
}

/** Demands that the inputs are those of the task, and that those that follow from what is public are shown to do so. */
export async function requireInputsShown(
  of: {
    readonly due: DueTask;
    readonly other: DueTask | undefined;
    readonly commitments: Readonly<Record<string, Digest>>;
    readonly opened: Opened;
  },
  place: Place,
): Promise<void> {
  const { due, other, commitments, opened } = of;
  const { checks, where } = place;
  const named = { code: "TRUST_BUNDLE_INPUTS", what: "the task's inputs were granted", where };
  checks.same(named, listed(due.inputs.parameters), listed(commitments));
  const values = publicInputs(due, other);
  const shown = {
    code: "TRUST_BUNDLE_OPENING",
    what: "the inputs that follow from what is public are shown",
    where,
  };
  checks.same(shown, listed(values), listed(opened.inputs));
  for (const [name, value] of Object.entries(values)) {
    const opening = member(opened.inputs, name);
    const same = { code: "TRUST_BUNDLE_VALUE", what: `input ${name} is what the run gives it`, where };
    checks.same(same, canonicalJson(value), canonicalJson(opening?.value ?? null));
    if (opening !== undefined)
      await requireOpens(opening, { name, commitment: member(commitments, name) }, place);
  }
}

/** Demands that exactly the outputs that may be shown are shown, each as it was committed to. */
export async function requireOutputsShown(
  of: {
    readonly view: PublicView;
    readonly path: string;
    readonly outputs: TaskResultStated["outputs"];
    readonly opened: Opened;
  },
  place: Place,
): Promise<void> {
  const { view, path, outputs, opened } = of;
  const { checks, where } = place;
  const parameters = Object.keys(outputs.parameters).filter((name) => view.shows(path, name));
  const artifacts = Object.entries(outputs.artifacts).flatMap(([name, list]) =>
    view.shows(path, name) ? list : [],
  );
  const shown = { code: "TRUST_BUNDLE_OPENING", what: "what may be shown is shown, and nothing else", where };
  checks.same(shown, [...parameters].sort().join(", "), listed(opened.parameters));
  const digests = artifacts.map(({ digest }) => digest);
  checks.same(shown, digests.sort().join(", "), listed(opened.metadata));
  for (const [name, opening] of Object.entries(opened.parameters)) {
    await requireOpens(opening, { name, commitment: member(outputs.parameters, name) }, place);
  }
  for (const { digest, metadata } of artifacts) {
    const opening = member(opened.metadata, digest);
    if (opening !== undefined)
      await requireOpens(opening, { name: `metadata of ${digest}`, commitment: metadata }, place);
  }
}

async function requireOpens(
  opening: { readonly value: JsonValue; readonly salt: string },
  { name, commitment }: { readonly name: string; readonly commitment: Digest | undefined },
  { checks, where }: Place,
): Promise<void> {
  const subject = { code: "TRUST_BUNDLE_COMMITMENT", what: `${name} is what was committed to`, where };
  checks.same(subject, commitment ?? "none", await commitmentOf(opening.value, fromHex(opening.salt)));
}

function listed(record: Readonly<Record<string, unknown>>): string {
  return Object.keys(record).sort().join(", ");
}
