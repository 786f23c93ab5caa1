/** Which input parameters follow from what is public alone, so that a bundle shows them. */
import { canonicalJson, type JsonValue } from "@sealflow/core";
import type { DueTask } from "@sealflow/pipeline";
import { member } from "../record.js";

/**
 * Input parameters that are the same whatever the hidden values are.
 *
 * @param first The task in an evaluation with the first set of stand-ins for hidden values.
 * @param second The same task with the second set.
 */
export function publicInputs(first: DueTask, second: DueTask | undefined): Record<string, JsonValue> {
  const entries = Object.entries(first.inputs.parameters).filter(([name, value]) => {
    const other = member(second?.inputs.parameters, name);
    return other !== undefined && canonicalJson(other) === canonicalJson(value);
  });
  return Object.fromEntries(entries);
}
