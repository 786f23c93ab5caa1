/** The attacked pipeline with its image, its data owner and a control plane. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  bakeable,
  componentDigestOf,
  confidentialOverlay,
  containerDigest,
  digestOfBytes,
  type ImageLock,
} from "@sealflow/cluster";
import type { Digest, JsonObject } from "@sealflow/core";
import { type PipelineDocument, parsePipelineDocument } from "@sealflow/pipeline";
import { runPython } from "../../../../test-support/python.js";
import { componentEntries } from "../../src/image/components.js";
import { runtimeDigestOf, runtimeEntries } from "../../src/image/runtime.js";
import { ControlPlane, Node, Wire } from "./control-plane.js";
import { Deployment, type DeploymentInput } from "./deployment.js";

const sources = fileURLToPath(new URL("../../../../python/src", import.meta.url));

/** What no control plane may see. */
export const SECRET = "applicant 4711 owes 12345";

/** Everything, running. */
export interface Setting {
  readonly scratch: string;
  readonly document: PipelineDocument;
  readonly deployment: Deployment;
  readonly wire: Wire;
  readonly node: Node;
  /** Directory of the image. */
  readonly image: string;
  /** The same with one line of one component changed. */
  readonly patched: string;
  readonly lock: ImageLock;
  readonly deploy: Pick<DeploymentInput, "document" | "digests" | "declassify" | "release">;
  /** Registers a run, and gives the control plane that is to run it. */
  begin(parameters?: JsonObject): Promise<ControlPlane>;
  close(): Promise<void>;
}

/** Compiles the pipeline with Kubeflow's SDK, builds its image's files, starts broker and node. */
export async function openSetting(): Promise<Setting> {
  const scratch = mkdtempSync(join(tmpdir(), "sealflow-hostile-"));
  const yaml = join(scratch, "attacked.yaml");
  await runPython([fileURLToPath(new URL("pipeline.py", import.meta.url)), yaml]);
  const document = parsePipelineDocument(readFileSync(yaml, "utf8"));
  const { components } = await bakeable(document.spec);
  const surroundings = { environment: digestOfBytes(Buffer.from("lock")), runtime: runtimeDigestOf(sources) };
  const image = join(scratch, "image");
  const patched = join(scratch, "patched");
  unpack(image, [...runtimeEntries(sources, true), ...componentEntries(components, surroundings)]);
  const changed = components.map((each) => ({ ...each, source: `${each.source}\n# patched\n` }));
  unpack(patched, componentEntries(changed, surroundings));
  const digests = new Map(components.map((each) => [each.executor, componentDigestOf(each, surroundings)]));
  const lock = await lockOf(document, digests);
  const declassify = (await confidentialOverlay(document, { images: [], broker: { url: "https://x" } }))
    .report.declassify;
  const release = ["exit-handler-1/publish/Output", "cleanup/Output"];
  const deploy = { document, digests, declassify, release };
  const deployment = await Deployment.open({ directory: join(scratch, "owner"), ...deploy });
  const wire = await Wire.open(deployment.server.url);
  const node = new Node(image, join(scratch, "pods"));
  let runs = 0;
  const begin = async (change: JsonObject = {}) => {
    const mark = join(scratch, `mark-${++runs}`);
    const parameters = { word: SECRET, mark, rows: 3, ...change };
    const runId = await deployment.register(parameters);
    const overlaid = await confidentialOverlay(document, {
      ...{ images: [lock], runId, broker: { url: wire.url, pin: deployment.pin } },
      quotes: { url: deployment.quotes, token: "image" },
    });
    if (!overlaid.report.ok) throw new Error(JSON.stringify(overlaid.report));
    const store = join(scratch, "store", `${runs}`);
    // The driver sees names of parameters; the values that matter it has from the registration's maker, or not at all.
    return new ControlPlane({ document: overlaid.document, runId, parameters, node, store });
  };
  const close = async () => {
    await node.close();
    wire.close();
    await deployment.close();
    rmSync(scratch, { recursive: true, force: true });
  };
  return { scratch, document, deployment, wire, node, image, patched, lock, deploy, begin, close };
}

/** The files of an image below a directory. */
function unpack(root: string, entries: readonly { path: string; content: unknown }[]): void {
  for (const { path, content } of entries) {
    if (content === "directory" || !path.startsWith("/opt/sealflow/")) continue;
    const file = join(root, path.replace("/opt/sealflow/", ""));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content as string | Uint8Array);
  }
}

async function lockOf({ spec }: PipelineDocument, digests: ReadonlyMap<string, Digest>): Promise<ImageLock> {
  const executors: Record<string, ImageLock["executors"][string]> = {};
  for (const [label, { container }] of Object.entries(spec.deploymentSpec.executors ?? {})) {
    const component = digests.get(label);
    if (container === undefined || component === undefined) continue;
    executors[label] = { container: await containerDigest(container), component };
  }
  return {
    version: "sealflow.image/v1",
    image: `registry.example/owner/attacked@sha256:${"a".repeat(64)}`,
    command: ["/usr/bin/python3", "-I", "/opt/sealflow/shim.py"],
    enclave: null,
    epc: 10 * 2 ** 20,
    executors,
  };
}
