import { describe, expect, it } from "vitest";
import { podParts, resourcesOf } from "../src/index.js";

describe("Kubernetes settings of a task, in its pod", () => {
  it("place it: labels, tolerations and affinity, written out or as values of parameters", () => {
    const term = { matchExpressions: [{ key: "pool", operator: "In", values: ["sgx"] }] };
    const { pod } = podParts({
      nodeSelector: { labels: { intelvm: "sgx" } },
      tolerations: [
        {
          key: "confidential",
          operator: "Equal",
          value: "true",
          effect: "NoSchedule",
          tolerationSeconds: "30",
        },
        { tolerationJson: [{ key: "a", operator: "Exists" }, { key: "b" }] },
        { tolerationJson: { key: "c" } },
        {},
      ],
      nodeAffinity: [
        term,
        { ...term, weight: 5 },
        {
          nodeAffinityJson: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } },
        },
        {},
      ],
    });
    expect(pod).toEqual({
      nodeSelector: { intelvm: "sgx" },
      tolerations: [
        {
          key: "confidential",
          operator: "Equal",
          value: "true",
          effect: "NoSchedule",
          tolerationSeconds: 30,
        },
        { key: "a", operator: "Exists" },
        { key: "b" },
        { key: "c" },
      ],
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term, term] },
          preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 5, preference: term }],
        },
      },
    });
    expect(podParts({ nodeSelector: { nodeSelectorJson: { zone: "a" } } }).pod).toEqual({
      nodeSelector: { zone: "a" },
    });
  });

  it("give it variables and volumes of the cluster's objects, optional ones too", () => {
    const parts = podParts({
      secretAsEnv: [{ secretName: "s", keyToEnv: [{ secretKey: "k", envVar: "S" }], optional: true }],
      configMapAsEnv: [{ configMapName: "c", keyToEnv: [{ configMapKey: "k", envVar: "C" }] }],
      fieldPathAsEnv: [{ name: "POD", fieldPath: "metadata.name" }],
      secretAsVolume: [{ secretName: "s", mountPath: "etc/s" }],
      configMapAsVolume: [{ configMapName: "c", mountPath: "/etc/c", optional: true }],
      pvcMount: [{ pvcName: "p", mountPath: "/data", subPath: "in" }],
      emptyDirMounts: [{ volumeName: "e", mountPath: "/tmp/e", medium: "Memory", sizeLimit: "1Gi" }],
      genericEphemeralVolume: [
        { volumeName: "g", mountPath: "/scratch", size: "5Gi", defaultStorageClass: true },
      ],
    });
    expect(parts.env).toEqual([
      { name: "S", valueFrom: { secretKeyRef: { name: "s", key: "k", optional: true } } },
      { name: "C", valueFrom: { configMapKeyRef: { name: "c", key: "k" } } },
      { name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
    ]);
    expect(parts.volumes.map(({ name: _, ...source }) => source)).toEqual([
      { secret: { secretName: "s" } },
      { configMap: { name: "c", optional: true } },
      { persistentVolumeClaim: { claimName: "p" } },
      { emptyDir: { medium: "Memory", sizeLimit: "1Gi" } },
      {
        ephemeral: {
          volumeClaimTemplate: {
            metadata: {},
            spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "5Gi" } } },
          },
        },
      },
    ]);
    expect(parts.volumeMounts.map(({ mountPath, subPath }) => [mountPath, subPath])).toEqual([
      ["/etc/s", undefined],
      ["/etc/c", undefined],
      ["/data", "in"],
      ["/tmp/e", undefined],
      ["/scratch", undefined],
    ]);
  });

  it("never run it with more rights than it was given", () => {
    expect(podParts().container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      seccompProfile: { type: "RuntimeDefault" },
    });
    const { container, pod } = podParts({
      securityContext: { runAsUser: "1000", runAsNonRoot: true },
      imagePullPolicy: "Always",
      imagePullSecret: [{ secretName: "pull" }],
    });
    expect(container).toMatchObject({
      imagePullPolicy: "Always",
      securityContext: { runAsUser: 1000, runAsNonRoot: true },
    });
    expect(pod).toEqual({ imagePullSecrets: [{ name: "pull" }] });
  });

  it("limit it, in the new spelling and the old, with enclave page cache as its accelerator", () => {
    expect(
      resourcesOf({
        resourceCpuLimit: "2",
        memoryLimit: 1.5,
        resourceMemoryRequest: "512Mi",
        accelerator: { resourceType: "sgx.intel.com/epc", resourceCount: "10Gi" },
      }),
    ).toEqual({
      limits: { cpu: "2", memory: "1.5G", "sgx.intel.com/epc": "10Gi" },
      requests: { memory: "512Mi" },
    });
    expect(resourcesOf({})).toEqual({ limits: {}, requests: {} });
  });
});
