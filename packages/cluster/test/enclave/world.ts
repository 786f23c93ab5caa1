/** A pipeline of three tasks, and a data owner's broker that lets it run in simulated enclaves. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Digest, digestOfJson, type JsonObject, toHex } from "@sealflow/core";
import { SealedProject } from "@sealflow/engine/sealed";
import { type PipelineDocument, parsePipelineDocument } from "@sealflow/pipeline";
import { identityFromPrivateKey } from "@sealflow/seal";
import { signRegistration } from "@sealflow/trust";
import { simulatedPlatforms } from "../../../cli/src/sealed/simulated-platform.js";
import { storeLayout } from "../../../engine/src/store/layout.js";

export const SECRET = "applicant 4711 owes 12345";

const component = `
from typing import NamedTuple
from kfp.dsl import Dataset, Input, Output

def make(data: Output[Dataset], rows: int) -> int:
    print("printing ${SECRET}")
    with open(data.path, "w") as file:
        file.write("${SECRET}\\n" * rows)
    return rows

def use(data: Input[Dataset], word: str) -> int:
    with open(data.path) as file:
        return file.read().count(word)

def fail(data: Input[Dataset]) -> int:
    with open(data.path) as file:
        raise ValueError(file.read())
`;

const python = (name: string) => ({
  container: {
    image: "python:3.11",
    command: ["sh", "-ec", 'exec python3 -m kfp.dsl.executor_main "$0" "$@"', component],
    args: ["--executor_input", "{{$}}", "--function_to_execute", name],
  },
});
const dataset = { artifactType: { schemaTitle: "system.Dataset", schemaVersion: "0.0.1" } };
const integer = { parameterType: "NUMBER_INTEGER" };
const fromMake = { taskOutputArtifact: { producerTask: "make", outputArtifactKey: "data" } };

export const document: PipelineDocument = parsePipelineDocument(
  JSON.stringify({
    pipelineInfo: { name: "loan" },
    schemaVersion: "2.1.0",
    deploymentSpec: {
      executors: { "exec-make": python("make"), "exec-use": python("use"), "exec-fail": python("fail") },
    },
    components: {
      "comp-make": {
        executorLabel: "exec-make",
        inputDefinitions: { parameters: { rows: integer } },
        outputDefinitions: { parameters: { Output: integer }, artifacts: { data: dataset } },
      },
      "comp-use": {
        executorLabel: "exec-use",
        inputDefinitions: { parameters: { word: { parameterType: "STRING" } }, artifacts: { data: dataset } },
        outputDefinitions: { parameters: { Output: integer } },
      },
      "comp-fail": {
        executorLabel: "exec-fail",
        inputDefinitions: { artifacts: { data: dataset } },
        outputDefinitions: { parameters: { Output: integer } },
      },
    },
    root: {
      dag: {
        tasks: {
          make: {
            componentRef: { name: "comp-make" },
            inputs: { parameters: { rows: { componentInputParameter: "rows" } } },
          },
          use: {
            componentRef: { name: "comp-use" },
            dependentTasks: ["make"],
            inputs: {
              parameters: { word: { runtimeValue: { constant: "owes" } } },
              artifacts: { data: fromMake },
            },
          },
          fail: {
            componentRef: { name: "comp-fail" },
            dependentTasks: ["make"],
            inputs: { artifacts: { data: fromMake } },
          },
        },
      },
      inputDefinitions: { parameters: { rows: integer } },
    },
  }),
);

const random = { bytes: (length: number) => Uint8Array.from(randomBytes(length)) };
/** What the image is measured as. */
export const measurement = Uint8Array.from({ length: 32 }, () => 7);

/** A project with a registered run. */
export interface World {
  readonly project: SealedProject;
  readonly runId: string;
  /** What a task of the image asks for quotes with. */
  readonly token: string;
}

/** What is registered. */
export interface WorldInput {
  readonly document: PipelineDocument;
  /** Component digests by executor. */
  readonly digests: ReadonlyMap<string, Digest>;
  readonly parameters: JsonObject;
  readonly declassify?: readonly string[];
}

/** The pipeline of this file with three rows. */
export const smallRun = { document, parameters: { rows: 3 }, declassify: ["use/Output"] };

/** Opens a project in a directory, allows a pipeline in images measured as ours, and registers a run of it. */
export async function openWorld(directory: string, input: WorldInput): Promise<World> {
  const project = await SealedProject.open({
    store: storeLayout(join(directory, "store")),
    identities: [await identityFromPrivateKey(random.bytes(32))],
    platforms: simulatedPlatforms(Date.now),
    random,
    now: Date.now,
  });
  const { document: given, digests, parameters } = input;
  const spec = await digestOfJson(given);
  const recipients = project.recipients.map(toHex);
  const common = { spec, inputs: {}, recipients, release: [], declassify: [...(input.declassify ?? [])] };
  const components = Object.fromEntries(
    Object.entries(given.spec.components ?? {}).flatMap(([name, { executorLabel }]) => {
      const digest = digests.get(executorLabel ?? "");
      return digest === undefined ? [] : [[name, { measuredAs: "image", digest }]];
    }),
  );
  const flow = { ...common, submitter: "project", components };
  await project.allow({ flow, measurements: { image: toHex(measurement) } });
  const { policy } = await project.broker.describe();
  const { runId } = await project.broker.openRun();
  const registration = await signRegistration(
    {
      version: "sealflow.registration/v1",
      ...{ ...common, runId, runName: "loan", submitter: "project", reuse: false, parameters },
      policy: policy.digest as Digest,
      policyEpoch: policy.epoch,
      createdAt: new Date().toISOString(),
      expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
    },
    project.submitter,
  );
  const registered = given as unknown as JsonObject;
  await project.broker.register({ runId, registration, document: registered, openings: {} });
  return { project, runId, token: project.service.launch(measurement).token };
}
