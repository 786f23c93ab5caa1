/** Values that stand for hidden ones: of the right type, the same for everyone, and saying nothing. */
import type { Digest, JsonValue } from "@sealflow/core";
import type { ParameterType } from "@sealflow/pipeline";

/** Two sets of stand-ins: what comes out the same under both does not depend on any hidden value. */
export type StandInSet = "first" | "second";

/** The stand-in for an output parameter of a type. */
export function standIn(type: ParameterType, commitment: Digest, set: StandInSet = "first"): JsonValue {
  const second = set === "second";
  switch (type) {
    case "NUMBER_INTEGER":
    case "NUMBER_DOUBLE":
      return second ? 1 : 0;
    case "BOOLEAN":
      return second;
    case "LIST":
      return second ? [null] : [];
    case "STRING":
      return second ? `hidden:${commitment}` : `sealed:${commitment}`;
    default:
      return second ? { hidden: commitment } : {};
  }
}
