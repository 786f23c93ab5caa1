/**
 * Fields that controllers complete in their own objects: certificates and failure policies of webhooks, the rules of roles that
 * others add to. Whoever applies the manifests again would undo that, or be refused, were those not left alone.
 */
import { isJsonObject, isSealflowError, type JsonObject } from "@sealflow/core";
import type { KubeObject } from "../kube/objects.js";

/** Kinds whose fields controllers complete. Settings and workloads of people are not among them. */
const completed = new Set([
  "CustomResourceDefinition",
  "MutatingWebhookConfiguration",
  "ValidatingWebhookConfiguration",
  "APIService",
]);

/** Whether fields of this object may be left to another manager. */
export function mayYield(object: KubeObject): boolean {
  return (
    completed.has(object.kind) || (object.kind === "ClusterRole" && object.aggregationRule !== undefined)
  );
}

/** Paths of the fields that others own, as server-side apply names them; empty for any other refusal. */
export function conflictsOf(error: unknown): string[] {
  if (!isSealflowError(error) || error.data?.status !== 409) return [];
  const { details } = error.data;
  const causes = isJsonObject(details) && Array.isArray(details.causes) ? details.causes : [];
  return causes
    .filter(isJsonObject)
    .flatMap(({ reason, field }) =>
      reason === "FieldManagerConflict" && typeof field === "string" ? [field] : [],
    );
}

/** The object without fields such as `.webhooks[name="a.b"].clientConfig.caBundle`. */
export function withoutFields(object: KubeObject, fields: readonly string[]): KubeObject {
  const copy: unknown = structuredClone(object);
  for (const field of fields) {
    const steps = stepsOf(field);
    const last = steps.pop();
    const holder = steps.reduce<unknown>((value, step) => inside(value, step), copy);
    if (isJsonObject(holder) && typeof last === "string") Reflect.deleteProperty(holder, last);
  }
  return copy as KubeObject;
}

/** A member's name, or what the element of a list is known by. */
type Step = string | JsonObject;

function stepsOf(field: string): Step[] {
  const steps: Step[] = [];
  for (const [, name, keys] of field.matchAll(/\.([^.[\]]+)|\[((?:[^\]"]|"(?:[^"\\]|\\.)*")*)\]/g)) {
    if (name !== undefined) steps.push(name);
    else steps.push(keysOf(keys ?? ""));
  }
  return steps;
}

function keysOf(text: string): JsonObject {
  const pairs = [...text.matchAll(/([\w.-]+)=("(?:[^"\\]|\\.)*"|[^,]+)/g)];
  return Object.fromEntries(pairs.map(([, key = "", value = ""]) => [key, JSON.parse(value)]));
}

function inside(value: unknown, step: Step): unknown {
  if (typeof step === "string") return isJsonObject(value) ? value[step] : undefined;
  if (!Array.isArray(value)) return undefined;
  return value.find(
    (each) => isJsonObject(each) && Object.entries(step).every(([key, wanted]) => each[key] === wanted),
  );
}
