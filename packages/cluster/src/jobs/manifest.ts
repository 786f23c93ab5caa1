/** The Kubernetes objects of one attempt. */
import type { JsonObject } from "@sealflow/core";
import type { ExecutorJob } from "@sealflow/engine";
import type { KubeObject, OwnerReference } from "../kube/objects.js";
import { type Description, taskDirectory, workDirectory } from "./description.js";
import {
  attemptLabel,
  attemptName,
  managedBy,
  pathAnnotation,
  runLabel,
  taskKey,
  taskLabel,
} from "./names.js";
import { podParts, resourcesOf } from "./platform.js";
import { type Runtime, runtimeDirectory } from "./runtime.js";

/** What all attempts of a run share. */
export interface Setting {
  readonly namespace: string;
  readonly owner: OwnerReference;
  readonly runtime: Runtime;
  readonly serviceAccount?: string;
  /** For how long a finished Job stays when nobody collects it, in seconds. */
  readonly keepSeconds: number;
}

/** Starts the runtime without touching the component's environment. */
const start = [
  "import sys",
  'sys.version_info >= (3, 11) or sys.exit("sealflow: expected Python 3.11 or newer in the image, got %d.%d" % sys.version_info[:2])',
  `sys.path.insert(0, "${runtimeDirectory}")`,
  "from sealflow.pod import main",
  `sys.exit(main("${taskDirectory}/task.json"))`,
].join("; ");

/** Secret and Job of an attempt. */
export function attemptObjects(
  job: ExecutorJob,
  description: Description,
  setting: Setting,
): [secret: KubeObject, job: KubeObject] {
  const { namespace, owner } = setting;
  const name = attemptName(job.runId, job.task.path, job.attempt);
  const labels = {
    ...managedBy,
    [runLabel]: job.runId,
    [taskLabel]: taskKey(job.task.path),
    [attemptLabel]: String(job.attempt),
  };
  const metadata = {
    name,
    namespace,
    labels,
    annotations: { [pathAnnotation]: job.task.path },
    ownerReferences: [owner],
  };
  const data = Object.fromEntries(
    Object.entries(description.files).map(([file, content]) => [
      file,
      Buffer.from(content).toString("base64"),
    ]),
  );
  return [
    { apiVersion: "v1", kind: "Secret", metadata, immutable: true, data },
    {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata,
      spec: jobSpec({ job, description, setting, name, labels }),
    },
  ];
}

interface Parts {
  readonly job: ExecutorJob;
  readonly description: Description;
  readonly setting: Setting;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The engine retries, so that a Job has one pod; a pod that its node took along is made again. */
function jobSpec(parts: Parts): JsonObject {
  const { job, setting, labels } = parts;
  const platform = podParts(job.task.platform);
  return {
    backoffLimit: 0,
    podReplacementPolicy: "Failed",
    podFailurePolicy: {
      rules: [{ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] }],
    },
    ttlSecondsAfterFinished: setting.keepSeconds,
    template: {
      metadata: {
        labels: { ...platform.labels, ...labels },
        annotations: { ...platform.annotations, [pathAnnotation]: job.task.path },
      },
      spec: podSpec(parts, platform),
    },
  };
}

function podSpec(
  { job, description, setting, name }: Parts,
  platform: ReturnType<typeof podParts>,
): JsonObject {
  const env = Object.entries(description.env).map(([variable, value]) => ({ name: variable, value }));
  return {
    restartPolicy: "Never",
    // From the moment at which the pod has its node, as under Kubeflow.
    ...(job.timeoutMs === undefined ? {} : { activeDeadlineSeconds: Math.ceil(job.timeoutMs / 1000) }),
    // A task has no business with the Kubernetes API.
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    ...(setting.serviceAccount === undefined ? {} : { serviceAccountName: setting.serviceAccount }),
    ...platform.pod,
    containers: [
      {
        name: "task",
        image: description.image,
        command: ["python3", "-B", "-u", "-c", start],
        terminationMessagePolicy: "FallbackToLogsOnError",
        env: [...env, ...platform.env],
        resources: resourcesOf(job.resources),
        ...platform.container,
        volumeMounts: [
          { name: "sealflow-runtime", mountPath: runtimeDirectory, readOnly: true },
          { name: "sealflow-task", mountPath: taskDirectory, readOnly: true },
          { name: "sealflow-work", mountPath: workDirectory },
          ...platform.volumeMounts,
        ],
      },
    ],
    volumes: [
      setting.runtime.volume,
      { name: "sealflow-task", secret: { secretName: name } },
      { name: "sealflow-work", emptyDir: {} },
      ...platform.volumes,
    ],
  };
}
