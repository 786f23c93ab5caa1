/** Anchors: what an auditor knows of a deployment from elsewhere. A bundle never supplies its own. */
import { intelRoot, type TrustRoot } from "@sealflow/attest";
import { type Digest, equalBytes, fromHex, SealflowError, toHex } from "@sealflow/core";
import { parseDocument } from "yaml";
import { z } from "zod";
import { shape } from "../document.js";

/** What a bundle is held against. Keys are raw, in lower-case hex. */
export interface TrustAnchors {
  readonly domain: string;
  /** Ed25519 key of the policy's signer. */
  readonly policySigner: string;
  /** Ed25519 key of the broker. */
  readonly brokerKey: string;
  /** Roots that evidence may end at. */
  readonly roots: readonly TrustRoot[];
  /** Lowest policy epoch that is accepted; default 1. */
  readonly minimumEpoch?: number;
  /** Digest that the pipeline must have; default any that the policy authorises. */
  readonly spec?: Digest;
  /** Checkpoints of the broker's log that were kept: the log must hold them. */
  readonly checkpoints?: readonly { readonly size: number; readonly root: string }[];
}

const spki = z.string().regex(/^([0-9a-f]{2}){1,512}$/, "SubjectPublicKeyInfo in lower-case hex");
const schema = z.strictObject({
  version: z.literal("sealflow.trust/v1"),
  domain: z.string().min(1).max(255),
  policySigner: shape.bytes32,
  brokerKey: shape.bytes32,
  roots: z.array(z.union([z.literal("intel"), z.strictObject({ simulated: spki })])).min(1),
  minimumEpoch: z.int().min(1).optional(),
  spec: shape.digest.optional(),
  checkpoints: z.array(z.strictObject({ size: z.int().min(1), root: shape.bytes32 })).optional(),
});

/**
 * Reads a trust file, YAML or JSON.
 *
 * @param file For messages.
 * @throws SealflowError `TRUST_ANCHORS_INVALID`
 */
export function parseTrustFile(text: string, file = "trust.yaml"): TrustAnchors {
  const document = parseDocument(text, { uniqueKeys: true, stringKeys: true, schema: "core" });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    throw invalid(file, `YAML or JSON, got ${problem.message.split("\n")[0]}`, problem.linePos?.[0].line);
  }
  const result = schema.safeParse(valueIn(document, file));
  if (!result.success) {
    const [issue] = result.error.issues;
    throw invalid(file, `anchors, got at ${issue?.path.join(".") || "(document)"}: ${issue?.message}`);
  }
  const { roots, domain, policySigner, brokerKey, minimumEpoch, spec, checkpoints } = result.data;
  return {
    ...{ domain, policySigner, brokerKey },
    roots: roots.map((root) => (root === "intel" ? intelRoot : rootFromKey(fromHex(root.simulated)))),
    ...(minimumEpoch === undefined ? {} : { minimumEpoch }),
    ...(spec === undefined ? {} : { spec }),
    ...(checkpoints === undefined ? {} : { checkpoints }),
  };
}

/** The text of a trust file: what a project's first sealed run writes as `trust.yaml`. */
export function formatTrustFile(anchors: TrustAnchors): string {
  const optional = [
    anchors.minimumEpoch === undefined ? [] : [`minimumEpoch: ${anchors.minimumEpoch}`],
    anchors.spec === undefined ? [] : [`spec: ${anchors.spec}`],
    (anchors.checkpoints ?? []).length === 0 ? [] : [`checkpoints: ${JSON.stringify(anchors.checkpoints)}`],
  ].flat();
  const roots = anchors.roots.map((root) =>
    root.kind === "intel" ? "  - intel" : `  - simulated: ${toHex(root.publicKeyInfo)}`,
  );
  return [
    "# Whose word counts when a run of this project is verified. Keep it, and compare it with what others have.",
    "version: sealflow.trust/v1",
    `domain: ${JSON.stringify(anchors.domain)}`,
    `policySigner: ${JSON.stringify(anchors.policySigner)}`,
    `brokerKey: ${JSON.stringify(anchors.brokerKey)}`,
    "roots:",
    ...roots,
    ...optional,
    "",
  ].join("\n");
}

/** A root known by its key: Intel's stays Intel's, however it is named. */
export function rootFromKey(publicKeyInfo: Uint8Array<ArrayBuffer>): TrustRoot {
  return equalBytes(publicKeyInfo, intelRoot.publicKeyInfo)
    ? intelRoot
    : { kind: "simulated", publicKeyInfo };
}

function valueIn(document: ReturnType<typeof parseDocument>, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch {
    throw invalid(file, "no aliases, got some");
  }
}

function invalid(file: string, expected: string, line?: number): SealflowError {
  return new SealflowError({
    code: "TRUST_ANCHORS_INVALID",
    message: `trust file: expected ${expected}`,
    where: { file, ...(line === undefined ? {} : { line }) },
  });
}
