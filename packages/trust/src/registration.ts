/** Registrations: which run is to be, signed by who may ask for it. */
import { type Digest, fromHex, isJsonObject, type JsonObject } from "@sealflow/core";
import type { Envelope, Signer } from "@sealflow/seal";
import { z } from "zod";
import { type DocumentKind, openDocument, shape, signDocument } from "./document.js";
import { failure } from "./failure.js";
import type { Flow, TrustPolicy } from "./policy.js";

const schema = z.strictObject({
  version: z.literal("sealflow.registration/v1"),
  /** The broker's; single use. */
  runId: shape.runId,
  /** `{{$.pipeline_job_name}}`. */
  runName: z.string().min(1).max(255),
  submitter: shape.name,
  /** Digest of the pipeline document's canonical JSON. */
  spec: shape.digest,
  /** Public: whoever has the bundle reads them. */
  parameters: z.custom<JsonObject>(isJsonObject, { message: "an object" }),
  /** Digests of the sealed artifacts that come from outside: by input of the pipeline, or by path of an importer. */
  inputs: z.record(shape.path, shape.digest),
  /** Raw X25519 keys that every output artifact is wrapped to. */
  recipients: z.array(shape.bytes32),
  /** Outputs that the bundle shows: `task/output`, paths without loop indices. */
  release: z.array(z.string()),
  /** Outputs that the control plane sees during the run; must name all that conditions and loops depend on. */
  declassify: z.array(z.string()),
  /** Whether results of earlier runs may be reused where the spec enables caching. */
  reuse: z.boolean(),
  policy: shape.digest,
  policyEpoch: z.int().min(1),
  createdAt: shape.time,
  expiresAt: shape.time,
});

/** What a submitter asks for. */
export type Registration = z.infer<typeof schema>;

/** How registrations are signed and read. */
export const registrationKind: DocumentKind<Registration> = {
  payloadType: "application/vnd.sealflow.registration.v1+json",
  what: "registration",
  schema,
};

/** Signs a registration as its submitter. */
export function signRegistration(registration: Registration, signer: Signer): Promise<Envelope> {
  return signDocument(registrationKind, registration, [signer]);
}

/** What a registration is judged by. */
export interface RegistrationTrust {
  readonly policy: TrustPolicy;
  readonly policyDigest: Digest;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** Judge a registration of an earlier policy too, as if it were one of this. Default: false. */
  readonly earlier?: boolean;
}

/** A registration that a flow of the policy authorises. */
export interface AuthorisedRun {
  readonly registration: Registration;
  readonly flow: Flow;
}

/**
 * Opens a registration: signed by a submitter of the policy, current, and one of that submitter's flows.
 *
 * @throws SealflowError `SEAL_ENVELOPE_…`, `TRUST_DOCUMENT_MALFORMED`, `TRUST_REGISTRATION_…`
 */
export async function openRegistration(envelope: unknown, trust: RegistrationTrust): Promise<AuthorisedRun> {
  const { policy } = trust;
  const keys = [...new Set(Object.values(policy.submitters))].map(fromHex);
  const registration = await openDocument(registrationKind, envelope, keys);
  // The key must be that submitter's own: another submitter's signature is not enough.
  const own = Object.hasOwn(policy.submitters, registration.submitter)
    ? policy.submitters[registration.submitter]
    : undefined;
  if (own === undefined) {
    throw failure("TRUST_REGISTRATION_SUBMITTER", "registration", {
      expected: "a submitter that the policy names",
      got: registration.submitter,
    });
  }
  await openDocument(registrationKind, envelope, [fromHex(own)]);
  requireCurrent(registration, trust);
  const flow = policy.flows.find((each) => authorises(each, registration));
  if (flow === undefined) {
    throw failure("TRUST_REGISTRATION_FLOW", "registration", {
      expected: "a flow of the policy with this submitter, spec, inputs, recipients and release list",
      got: `none for ${registration.submitter} and ${registration.spec}`,
    });
  }
  return { registration, flow };
}

function requireCurrent(registration: Registration, trust: RegistrationTrust): void {
  const { policy, policyDigest, at, earlier = false } = trust;
  const own = registration.policy === policyDigest && registration.policyEpoch === policy.epoch;
  if (!own && !(earlier && registration.policyEpoch < policy.epoch)) {
    throw failure("TRUST_REGISTRATION_POLICY", "registration", {
      expected: `policy ${policyDigest}, epoch ${policy.epoch}`,
      got: `${registration.policy}, epoch ${registration.policyEpoch}`,
    });
  }
  if (!(Date.parse(registration.createdAt) <= at && at < Date.parse(registration.expiresAt))) {
    throw failure("TRUST_REGISTRATION_TIME", "registration", {
      expected: `a time from ${registration.createdAt} and before ${registration.expiresAt}`,
      got: new Date(at).toISOString(),
    });
  }
}

/** Whether a flow lets this run happen. Whose signature the registration has is another question. */
export function authorises(flow: Flow, registration: Registration): boolean {
  const within = (some: readonly string[], all: readonly string[]) =>
    some.every((each) => all.includes(each));
  const names = Object.keys(registration.inputs);
  return (
    flow.submitter === registration.submitter &&
    flow.spec === registration.spec &&
    names.length === Object.keys(flow.inputs).length &&
    names.every(
      (name) =>
        Object.hasOwn(flow.inputs, name) &&
        flow.inputs[name]?.some((digest) => digest === registration.inputs[name]) === true,
    ) &&
    within(registration.recipients, flow.recipients) &&
    within(registration.release, flow.release) &&
    within(registration.declassify, flow.declassify)
  );
}
