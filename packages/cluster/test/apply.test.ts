import { SealflowError } from "@sealflow/core";
import { describe, expect, it } from "vitest";
import { type ApplyEvent, applyObjects, inPhases, type KubeClient, type KubeObject } from "../src/index.js";
import { networkPolicies, taskPods } from "../src/install/network-policies.js";
import { conflictsOf, mayYield, withoutFields } from "../src/install/yield.js";

function object(kind: string, name: string, more: object = {}, apiVersion = "v1"): KubeObject {
  return { apiVersion, kind, metadata: { name }, ...more };
}

const silent = (name: string) =>
  new SealflowError({
    code: "CLUSTER_REQUEST_REFUSED",
    message: `failed calling webhook "${name}": no endpoints available for service`,
    data: { status: 500 },
  });

describe("applying", () => {
  it("tries what has to wait behind the others: one of those may be what it waits for", async () => {
    const applied: string[] = [];
    const client = {
      find: async () => undefined,
      apply: async (each: KubeObject) => {
        const name = each.metadata.name ?? "";
        if (name !== "certificate" && !applied.includes("certificate")) throw silent("runtimes");
        applied.push(name);
        return each;
      },
    } as unknown as KubeClient;
    const runtimes = Array.from({ length: 12 }, (_, index) => object("Runtime", `${index}`, {}, "x.dev/v1"));
    const events: ApplyEvent[] = [];
    const all = [...runtimes, object("Certificate", "certificate", {}, "x.dev/v1")];
    const counts = await applyObjects(client, all, { onEvent: (event) => events.push(event) });
    expect(counts).toEqual({ created: 13, changed: 0, unchanged: 0 });
    expect(applied[0]).toBe("certificate");
    const reasons = events.flatMap((event) => (event.type === "retrying" ? [event.reason] : []));
    expect(reasons[0]).toContain("no endpoints available");
  });

  it("gives up with the reason when nothing goes on", async () => {
    const client = {
      find: async () => undefined,
      apply: async () => Promise.reject(silent("never")),
    } as unknown as KubeClient;
    await expect(
      applyObjects(client, [object("Runtime", "one", {}, "x.dev/v1")], { patienceMs: 0 }),
    ).rejects.toThrow(/Runtime one: failed calling webhook "never"/);
  });

  it("waits for definitions as long as one after the other is served, and not for a name that is taken", async () => {
    const kinds = ["first", "second"].map((name) => object("CustomResourceDefinition", name));
    const looks = new Map<string, number>();
    const client = (conditions: (looks: number) => object[]) =>
      ({
        find: async () => undefined,
        apply: async (each: KubeObject) => each,
        get: async ({ name }: { name: string }) => {
          looks.set(name, (looks.get(name) ?? 0) + 1);
          return {
            ...object("CustomResourceDefinition", name),
            status: { conditions: conditions(looks.get(name) ?? 0) },
          };
        },
      }) as unknown as KubeClient;
    const events: ApplyEvent[] = [];
    const slow = client((times) => (times < 3 ? [] : [{ type: "Established", status: "True" }]));
    await applyObjects(slow, kinds, { onEvent: (event) => events.push(event) });
    // Each is said once, however often it is looked at.
    expect(events.flatMap((event) => (event.type === "waiting" ? [event.for] : []))).toEqual([
      "CustomResourceDefinition first",
      "CustomResourceDefinition second",
    ]);
    const taken = client(() => [
      { type: "NamesAccepted", status: "False", message: '"Thing" is already in use' },
    ]);
    await expect(applyObjects(taken, kinds)).rejects.toMatchObject({
      code: "CLUSTER_DEFINITION_NOT_ESTABLISHED",
      message: expect.stringContaining('"Thing" is already in use'),
    });
    await expect(
      applyObjects(
        client(() => []),
        kinds,
        { patienceMs: 0 },
      ),
    ).rejects.toMatchObject({
      message: "CustomResourceDefinition first: expected it to be served, got nothing",
    });
  });

  it("puts what belongs into the namespace of a user behind the user's profile", () => {
    const profile = object("Profile", "alice", {}, "kubeflow.org/v1");
    const policy = {
      ...object("NetworkPolicy", "egress", {}, "networking.k8s.io/v1"),
      metadata: { name: "egress", namespace: "alice" },
    };
    const phases = inPhases([policy, profile, object("Namespace", "kubeflow")]);
    expect(phases.map(({ name }) => name)).toEqual([
      "namespaces",
      "custom objects",
      "in namespaces of users",
    ]);
  });
});

describe("fields that controllers own", () => {
  const conflict = (...fields: string[]) =>
    new SealflowError({
      code: "CLUSTER_REQUEST_REFUSED",
      message: "conflict",
      data: {
        status: 409,
        details: { causes: fields.map((field) => ({ reason: "FieldManagerConflict", field })) },
      },
    });
  const hook = (name: string, more: object) => ({ name, failurePolicy: "Ignore", ...more });

  it("are left out of their own objects, wherever they stand", () => {
    const webhooks = [hook("a.b.dev", { clientConfig: { caBundle: "x", url: "u" } }), hook("c.b.dev", {})];
    const before = object("ValidatingWebhookConfiguration", "v", { webhooks });
    const fields = conflictsOf(
      conflict('.webhooks[name="a.b.dev"].clientConfig.caBundle', '.webhooks[name="c.b.dev"].failurePolicy'),
    );
    expect(withoutFields(before, fields).webhooks).toEqual([
      hook("a.b.dev", { clientConfig: { url: "u" } }),
      { name: "c.b.dev" },
    ]);
    expect(before.webhooks).toEqual(webhooks);
  });

  it("are nobody's to leave in settings and workloads of people", () => {
    expect(mayYield(object("ClusterRole", "r", { aggregationRule: {}, rules: [] }))).toBe(true);
    for (const kind of ["ConfigMap", "Deployment", "ClusterRole"])
      expect([kind, mayYield(object(kind, "x"))]).toEqual([kind, false]);
    expect(conflictsOf(new Error("another"))).toEqual([]);
  });
});

describe("network policies of the full distribution", () => {
  const reach = { egress: [], apiServer: [] };
  const isolating = {
    ...object("NetworkPolicy", "own", { spec: { podSelector: {}, policyTypes: ["Ingress"] } }),
    metadata: { name: "own", namespace: "kubeflow" },
  };
  const named = (objects: readonly KubeObject[]) =>
    networkPolicies(objects, { namespace: "kubeflow", reach }).map(
      ({ metadata }) => `${metadata.namespace}/${metadata.name}`,
    );

  it("leave out what its own say already: a second one would only allow more", () => {
    expect(named([])).toEqual(["kubeflow/sealflow-same-namespace-only", "kubeflow/sealflow-task-egress"]);
    expect(named([isolating])).toEqual(["kubeflow/sealflow-task-egress"]);
  });

  it("hold tasks where they run: in the namespaces of users, with the way to Kubeflow's services", () => {
    const objects = [isolating, object("Profile", "alice", {}, "kubeflow.org/v1")];
    expect(named(objects)).toEqual(["kubeflow/sealflow-task-egress", "alice/sealflow-task-egress"]);
    const spec = networkPolicies(objects, { namespace: "kubeflow", reach })[1]?.spec;
    const kubeflow = { matchLabels: { "kubernetes.io/metadata.name": "kubeflow" } };
    expect(spec).toMatchObject({
      podSelector: { matchLabels: taskPods },
      egress: expect.arrayContaining([
        {
          to: expect.arrayContaining([
            { podSelector: { matchLabels: { app: "ml-pipeline" } }, namespaceSelector: kubeflow },
          ]),
        },
      ]),
    });
  });
});
