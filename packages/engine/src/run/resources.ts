/** Resource limits of a component, as this machine can keep them. */
import type { ContainerExecutor } from "@sealflow/pipeline";

/** Limits after resolution of placeholders. */
export interface ResourceLimits {
  readonly cpus?: number;
  readonly memoryBytes?: number;
}

const units: Readonly<Record<string, number>> = {
  "": 1,
  m: 1e-3,
  k: 1e3,
  K: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/** A Kubernetes quantity such as `500m`, `1.5` or `64Mi` as a number; undefined for text that is none. */
export function quantity(text: string): number | undefined {
  const match = /^([0-9]*\.?[0-9]+)(?:[eE]([+-]?\d+))?(m|[kKMGTP]i?|)$/.exec(text.trim());
  const unit = units[match?.[3] ?? "?"];
  if (match === null || unit === undefined) return undefined;
  return Number(match[1]) * 10 ** Number(match[2] ?? 0) * unit;
}

/**
 * Limits of a container. The deprecated numbers count memory in gigabytes (pipeline_spec.proto, `ResourceSpec`).
 *
 * @param resolve Replaces placeholders in the quantities.
 */
export function resourceLimits(
  container: ContainerExecutor,
  resolve: (text: string) => string,
): ResourceLimits {
  const { resources } = container;
  if (resources === undefined) return {};
  const of = (text: string | undefined): number | undefined =>
    text === undefined || text === "" ? undefined : quantity(resolve(text));
  const cpus = of(resources.resourceCpuLimit) ?? resources.cpuLimit;
  const memory = of(resources.resourceMemoryLimit) ?? (resources.memoryLimit ?? 0) * 1e9;
  return {
    ...(cpus ? { cpus } : {}),
    ...(memory ? { memoryBytes: Math.round(memory) } : {}),
  };
}

/** A worker's setting for a processor limit: whole processors, since processes are kept on some of them. */
export function processorsOf(cpus: number | undefined): { readonly processors?: number } {
  return cpus === undefined ? {} : { processors: Math.max(1, Math.ceil(cpus)) };
}
