/** Why an executor can't be protected. */
import type { JsonObject } from "@sealflow/core";
import type { ContainerExecutor, ExecutorSpec } from "@sealflow/pipeline";

/** One reason, with a stable code. */
export interface OverlayReason {
  readonly code: `OVERLAY_${string}`;
  readonly message: string;
}

const reason = (code: OverlayReason["code"], message: string): OverlayReason => ({ code, message });

/** Settings of a pod that hand data past the enclave. */
const pastEnclave: Readonly<Record<string, string>> = {
  secretAsEnv:
    "a Kubernetes secret in its environment: the cluster's operators read it, and the enclave ignores it",
  secretAsVolume:
    "a Kubernetes secret as files: the cluster's operators read it, and the enclave has no access",
  configMapAsEnv: "a config map in its environment: the enclave takes no variables from outside",
  configMapAsVolume: "a config map as files: the enclave has no access, and their content is not measured",
  pvcMount: "a volume: what is written there is plaintext for whoever has the volume",
  genericEphemeralVolume: "a volume of its own: it is storage of the cluster, outside the enclave",
  emptyDirMounts: "an empty directory of the node: plaintext would lie outside the enclave",
  initContainers: "containers that run before it: they are not measured and share its volumes",
  enabledSharedMemory: "shared memory with the node",
};

/** What is in the way of protecting an executor, apart from the lack of a measured image. */
export function obstacles(
  executor: ExecutorSpec,
  platform: JsonObject,
  epcResource: string,
): readonly OverlayReason[] {
  const { container } = executor;
  if (container === undefined) return [];
  return [
    ...Object.entries(pastEnclave)
      .filter(([field]) => !isEmpty(platform[field]))
      .map(([, what]) => reason("OVERLAY_OUTSIDE_DATA", `it uses ${what}`)),
    ...accelerator(container, epcResource),
    ...debugPause(container),
    ...(container.lifecycle === undefined
      ? []
      : [
          reason("OVERLAY_LIFECYCLE", "a lifecycle hook runs commands in its container, outside the enclave"),
        ]),
  ];
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}

function accelerator({ resources }: ContainerExecutor, epcResource: string): readonly OverlayReason[] {
  const asked = resources?.accelerator;
  const type = asked?.resourceType ?? asked?.type;
  if (type === undefined || type === epcResource) return [];
  const message = `it asks for ${type}: an executor has one such resource, and SGX needs it for EPC; enclaves reach no accelerators`;
  return [reason("OVERLAY_ACCELERATOR", message)];
}

function debugPause({ env = [] }: ContainerExecutor): readonly OverlayReason[] {
  const pause = env.find(({ name }) => name.startsWith("ARGO_DEBUG_PAUSE"));
  if (pause === undefined) return [];
  return [reason("OVERLAY_DEBUG_PAUSE", `${pause.name} stops the pod so that people can look into it`)];
}

/** Why no measured image fits. */
export function withoutImage(
  container: ContainerExecutor,
  baked: "other" | "none",
): readonly OverlayReason[] {
  if (baked === "other") {
    return [
      reason(
        "OVERLAY_IMAGE_STALE",
        "the measured image was built from another version of it: code, arguments, environment or base image differ",
      ),
    ];
  }
  if ((container.command ?? []).some((word) => /\bexecutor_main\b/.test(word) && word.includes("$0"))) {
    return [
      reason(
        "OVERLAY_INLINE_CODE",
        "its source travels as an argument: whoever controls the cluster would choose what the enclave runs",
      ),
    ];
  }
  return [reason("OVERLAY_IMAGE_UNKNOWN", `no measured image holds what ${container.image} runs`)];
}

/** Executors that run no code of a pod, or code of others. */
export function specialExecutor(executor: ExecutorSpec): readonly OverlayReason[] {
  if (executor.importer?.downloadToWorkspace === true) {
    return [
      reason("OVERLAY_WORKSPACE", "it downloads into the run's workspace, a volume outside the enclave"),
    ];
  }
  if (executor.resolver !== undefined || executor.customJob !== undefined) {
    return [reason("OVERLAY_EXECUTOR", "it is a resolver or custom job, which run on Google's service only")];
  }
  return [];
}

/** Why an image with a simulated enclave is not let in unasked. */
export const simulatedImage: readonly OverlayReason[] = [
  reason(
    "OVERLAY_SIMULATED",
    "the enclave of its image is simulated and protects nothing; for a trial, name the service that vouches for it",
  ),
];
