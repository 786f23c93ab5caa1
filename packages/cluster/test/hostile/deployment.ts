/** The data owner's side: policy, broker over TLS, enclaves' platform, registered runs. The control plane has none of it. */
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkPolicy, createSimulatedPlatform, fingerprintOf } from "@sealflow/attest";
import { type Digest, type JsonObject, toHex } from "@sealflow/core";
import type { PipelineDocument } from "@sealflow/pipeline";
import { identityFromPrivateKey, type Signer, signerFromSeed } from "@sealflow/seal";
import { type RunningBroker, startBrokerServer } from "@sealflow/server";
import {
  type BundleVerdict,
  envelopeDigest,
  httpBroker,
  pipelineDigest,
  type Registration,
  signRegistration,
  signTrustPolicy,
  type TaskBroker,
  type TrustAnchors,
  type TrustPolicy,
  verifyBundle,
} from "@sealflow/trust";

export const random = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };

/** A certificate of the tests with its key, and what clients pin of it. */
export function certificate(directory: string): { cert: string; key: string; pin: string } {
  const read = (name: string) =>
    readFileSync(fileURLToPath(new URL(`${directory}/${name}.pem`, import.meta.url)), "utf8");
  const cert = read("cert");
  const spki = new X509Certificate(cert).publicKey.export({ type: "spki", format: "der" });
  return { cert, key: read("key"), pin: createHash("sha256").update(spki).digest("hex") };
}

export const ownersTls = certificate("../../../server/test/broker/testdata");

/** What is measured: the image of the pipeline, and one that the control plane made. */
export const measurements = { image: new Uint8Array(32).fill(7), foreign: new Uint8Array(32).fill(9) };

/** Attempts that a task may have. */
export const maximumAttempts = 5;

/** What is deployed. */
export interface DeploymentInput {
  readonly directory: string;
  readonly document: PipelineDocument;
  /** Component digests by executor. */
  readonly digests: ReadonlyMap<string, Digest>;
  readonly declassify: readonly string[];
  readonly release: readonly string[];
  readonly domain?: string;
  /** Default: the owner's. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** A data owner's broker with all around it. */
export class Deployment {
  readonly anchors: TrustAnchors;
  readonly pin = ownersTls.pin;
  readonly submitters: Readonly<Record<"alice" | "mallory", Signer>>;
  readonly broker: TaskBroker;
  readonly server: RunningBroker;
  readonly quotes: string;
  readonly #quoting: Server;
  readonly #input: DeploymentInput;
  readonly #policy: { readonly value: TrustPolicy; readonly digest: Digest };

  private constructor(parts: {
    readonly input: DeploymentInput;
    readonly anchors: TrustAnchors;
    readonly submitters: Deployment["submitters"];
    readonly server: RunningBroker;
    readonly quoting: Server;
    readonly policy: { readonly value: TrustPolicy; readonly digest: Digest };
  }) {
    this.#input = parts.input;
    this.anchors = parts.anchors;
    this.submitters = parts.submitters;
    this.server = parts.server;
    this.#quoting = parts.quoting;
    this.#policy = parts.policy;
    this.quotes = `http://127.0.0.1:${(parts.quoting.address() as AddressInfo).port}`;
    this.broker = httpBroker({
      url: parts.server.url,
      fetch: (url, init) => fetchPinned(url, init, (parts.input.tls ?? ownersTls).cert),
    });
  }

  static async open(input: DeploymentInput): Promise<Deployment> {
    const period = { from: Date.now() - 86_400_000, until: Date.now() + 86_400_000 };
    const platform = await createSimulatedPlatform({ ...period, random });
    const [policySigner, alice, mallory] = await Promise.all(
      [1, 2, 3].map(() => signerFromSeed(random.bytes(32))),
    );
    if (policySigner === undefined || alice === undefined || mallory === undefined)
      throw new Error("no keys");
    const submitters = { alice, mallory };
    const value = await policyOf(input, submitters, await fingerprintOf(platform.root));
    const policy = await signTrustPolicy(value, policySigner);
    const collateral = await platform.collateral(period);
    const quoting = await startQuoting(async (name, reportData) => {
      const mrEnclave = name === "image" ? measurements.image : measurements.foreign;
      const enclave = { mrEnclave, mrSigner: new Uint8Array(32), productId: 0, svn: 0, reportData };
      const quote = Buffer.from(await platform.quote(enclave)).toString("base64");
      return { type: "sgx-dcap", quote, collateral: { ...collateral } as unknown as JsonObject };
    });
    const domain = input.domain ?? "owner";
    const server = await startBrokerServer({
      ...{ directory: join(input.directory, "broker"), port: 0, domain, policy },
      ...{ policySigner: toHex(policySigner.publicKey), roots: [platform.root], random },
      ...{ secret: random.bytes(32), requestsPerSecond: 10_000, tls: input.tls ?? ownersTls },
    });
    const anchors: TrustAnchors = {
      ...{ domain, policySigner: toHex(policySigner.publicKey) },
      ...{ brokerKey: server.brokerKey, roots: [platform.root] },
    };
    const digest = await envelopeDigest(policy);
    return new Deployment({ input, anchors, submitters, server, quoting, policy: { value, digest } });
  }

  /** A registration as alice would make it; changed by whoever wants something else. */
  async registration(parameters: JsonObject, change: Partial<Registration> = {}): Promise<Registration> {
    const { runId } = await this.broker.openRun();
    const [flow] = this.#policy.value.flows;
    if (flow === undefined) throw new Error("no flow");
    const { spec, recipients, release, declassify } = flow;
    return {
      version: "sealflow.registration/v1",
      ...{ runId, runName: "attacked", submitter: "alice", spec, parameters, inputs: {}, recipients },
      ...{ release, declassify, reuse: false, policy: this.#policy.digest, policyEpoch: 1 },
      createdAt: new Date().toISOString(),
      expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
      ...change,
    };
  }

  /** Registers a run; gives its id. */
  async register(parameters: JsonObject): Promise<string> {
    const registration = await this.registration(parameters);
    await this.send(registration, this.submitters.alice, this.#input.document);
    return registration.runId;
  }

  async send(registration: Registration, signer: Signer, document: PipelineDocument): Promise<void> {
    await this.broker.register({
      runId: registration.runId,
      registration: await signRegistration(registration, signer),
      document: document as unknown as JsonObject,
      openings: {},
    });
  }

  async verify(runId: string, anchors = this.anchors): Promise<BundleVerdict> {
    return verifyBundle(await this.broker.bundle(runId), { anchors });
  }

  /** Attempts that had a grant, by path: every key that ever left the broker. */
  async granted(runId: string): Promise<Record<string, number>> {
    const { tasks } = await this.broker.status(runId);
    return Object.fromEntries(
      tasks.filter(({ attempts }) => attempts > 0).map((each) => [each.path, each.attempts]),
    );
  }

  async close(): Promise<void> {
    this.#quoting.close();
    await this.server.close();
  }
}

async function policyOf(
  input: DeploymentInput,
  submitters: Deployment["submitters"],
  root: string,
): Promise<TrustPolicy> {
  const { document, digests } = input;
  const components = Object.fromEntries(
    Object.entries(document.spec.components ?? {}).flatMap(([name, { executorLabel }]) => {
      const digest = digests.get(executorLabel ?? "");
      return digest === undefined ? [] : [[name, { measuredAs: "image", digest }]];
    }),
  );
  const owner = await identityFromPrivateKey(random.bytes(32));
  const common = {
    ...{ inputs: {}, components, recipients: [toHex(owner.recipient)] },
    ...{ release: [...input.release], declassify: [...input.declassify] },
  };
  return {
    version: "sealflow.trust-policy/v1",
    epoch: 1,
    submitters: {
      alice: toHex(submitters.alice.publicKey),
      mallory: toHex(submitters.mallory.publicKey),
    },
    flows: [
      { ...common, submitter: "alice", spec: await pipelineDigest(document) },
      // Mallory may run something of his own with the same code: not this pipeline, and not a wiring that he chooses.
      { ...common, submitter: "mallory", spec: `sha256:${"ab".repeat(32)}`, release: [], declassify: [] },
    ],
    maximumAttempts,
    appraisal: checkPolicy({
      version: "sealflow.appraisal/v1",
      name: "owner",
      epoch: 1,
      components: { image: [{ mrenclave: toHex(measurements.image) }] },
      tcb: { statuses: ["UpToDate"], minimumEvaluation: 1 },
      platforms: "any",
      simulatedRoots: [root],
    }),
  };
}

/** Quotes for what was started: the platform says what is measured, whoever asks. */
async function startQuoting(
  quote: (name: string, reportData: Uint8Array<ArrayBuffer>) => Promise<JsonObject>,
): Promise<Server> {
  const server = createServer((incoming, response) => {
    const parts: Buffer[] = [];
    incoming.on("data", (part: Buffer) => parts.push(part));
    incoming.on("end", async () => {
      const name = (incoming.headers.authorization ?? "").replace("Bearer ", "");
      const { reportData } = JSON.parse(Buffer.concat(parts).toString());
      response.end(JSON.stringify(await quote(name, Uint8Array.from(Buffer.from(reportData, "hex")))));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** HTTPS to the owner's broker, or to one with another certificate. */
export function fetchPinned(
  input: string | URL | Request,
  init?: RequestInit,
  ca = ownersTls.cert,
): Promise<Response> {
  const body = init?.body;
  return new Promise((resolve, reject) => {
    const asked = httpsRequest(String(input), { method: init?.method, ca, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () =>
        resolve(new Response(Buffer.concat(parts), { status: response.statusCode ?? 0 })),
      );
    });
    asked.on("error", reject);
    asked.end(typeof body === "string" ? body : undefined);
  });
}
