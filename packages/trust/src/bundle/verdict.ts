/** What a verification says. */
import type { EnclaveIdentity, EvidenceKind, PlatformIdentity, SgxVerdict } from "@sealflow/attest";
import type { Digest, JsonObject, JsonValue } from "@sealflow/core";
import type { SkipProof } from "../protocol/messages.js";
import type { BundleCheck } from "./checks.js";
import type { RunBundle } from "./format.js";

/** A parameter in a statement; its value where the bundle shows it. */
export interface VerifiedParameter {
  readonly commitment: Digest;
  readonly value?: JsonValue;
}

/** An input artifact: who made it, or that it came from outside. */
export interface VerifiedInput {
  readonly digest: Digest;
  /** Path of the task that made it; null for an external input. */
  readonly from: string | null;
}

/** An output artifact; its metadata where the bundle shows it. */
export interface VerifiedArtifact {
  readonly digest: Digest;
  readonly type: string;
  readonly metadata?: JsonObject;
}

/** What stands behind a task's statement. */
export interface VerifiedEvidence {
  readonly kind: EvidenceKind;
  readonly status: SgxVerdict["status"];
  readonly mrEnclave: string;
  /** At which it was judged: of its log entry. */
  readonly at: string;
  /** Digest of quote and collateral, as the log names it. */
  readonly digest: Digest;
  /** The component of the appraisal policy that it was accepted as. */
  readonly measuredAs: string;
  /** SHA-256 of the root's public key (SubjectPublicKeyInfo). */
  readonly root: string;
  /** Open security advisories of the platform's TCB level. */
  readonly advisories: readonly string[];
  readonly enclave: EnclaveIdentity;
  readonly platform: PlatformIdentity;
}

/** An attempt that the broker let begin. */
export interface VerifiedAttempt {
  /** Counts from 1. */
  readonly attempt: number;
  /** Of its log entry. */
  readonly grantedAt: string;
  /** Digest of the signed grant. */
  readonly grant: Digest;
  /** `H(T)`: what evidence and grant are bound to, hex. */
  readonly transcript: string;
  readonly evidence: VerifiedEvidence;
  /** Null for an attempt that nothing was heard of. */
  readonly ended: "committed" | "failed" | null;
  /** Digest of the statement that it ended with. */
  readonly statement?: Digest;
}

/** A leaf task of the run. */
export interface VerifiedTask {
  readonly path: string;
  readonly state: "committed" | "reused" | "failed" | "skipped";
  /** Number of attempts that had a grant. */
  readonly attempts: number;
  /** These attempts, in order. */
  readonly granted: readonly VerifiedAttempt[];
  /** Name of the component in the spec, and the digest that the policy demands. */
  readonly component?: { readonly name: string; readonly digest: Digest };
  readonly statement?: Digest;
  readonly evidence?: VerifiedEvidence;
  readonly inputs?: {
    readonly parameters: Readonly<Record<string, VerifiedParameter>>;
    readonly artifacts: Readonly<Record<string, readonly VerifiedInput[]>>;
  };
  readonly outputs?: {
    readonly parameters: Readonly<Record<string, VerifiedParameter>>;
    readonly artifacts: Readonly<Record<string, readonly VerifiedArtifact[]>>;
  };
  readonly skip?: SkipProof;
  /** Code of a failure. */
  readonly error?: string;
  /** Of a reused result: the task that made it. */
  readonly original?: {
    readonly registration: Digest;
    readonly path: string;
    readonly attempt: number;
    /** Digest of its grant. */
    readonly grant: Digest;
    /** Digest of its statement. */
    readonly statement: Digest;
  };
}

/** Evidence that was accepted when the run was made and would not be with newer collateral. */
export interface LaterFinding {
  /** Task and attempt. */
  readonly where: string;
  /** Why it would be refused now, for example a revoked platform. */
  readonly code: string;
  readonly status: SgxVerdict["status"];
}

/** The run that was verified. */
export interface VerifiedRun {
  readonly runId: string;
  readonly runName: string;
  readonly pipeline: string;
  readonly state: "SUCCEEDED" | "FAILED" | "CANCELED";
  readonly submitter: string;
  readonly registration: Digest;
  readonly spec: Digest;
  readonly policy: { readonly digest: Digest; readonly epoch: number };
  readonly registeredAt: string;
  readonly finishedAt: string;
  readonly parameters: JsonObject;
  /** External inputs: digests of the sealed artifacts. */
  readonly inputs: Readonly<Record<string, Digest>>;
  readonly recipients: readonly string[];
  readonly release: readonly string[];
  readonly declassify: readonly string[];
  /** True when any evidence is simulated: nothing was protected then. */
  readonly simulated: boolean;
  /** With newer collateral: what it says against evidence that counted then. The verdict stays that of the time. */
  readonly later?: readonly LaterFinding[];
  /** In the order in which they ended. */
  readonly tasks: readonly VerifiedTask[];
}

/** The outcome. `consistent` means that everything agrees, but that nobody said whose word counts: it is not trusted. */
export interface BundleVerdict {
  readonly verdict: "trusted" | "consistent" | "refused";
  /** The reason of a refusal: the code of the check that failed. */
  readonly code?: string;
  readonly checks: readonly BundleCheck[];
  /** Absent when refused. */
  readonly run?: VerifiedRun;
  /** Whose word the bundle claims to rest on. Never to be taken for anchors. */
  readonly claims?: RunBundle["claims"];
}
