/** Flags that several commands share. */

const text = (input: string) => input;

/** Parses a whole number of at least `minimum`. */
export function integerFrom(minimum: number): (input: string) => number {
  return (input) => {
    const value = Number(input);
    if (/^\d+$/.test(input) && Number.isSafeInteger(value) && value >= minimum) return value;
    throw new Error(`expected a whole number of at least ${minimum}`);
  };
}

const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Parses a duration such as `30m`, `12h` or `7d` into milliseconds. */
export function durationMs(input: string): number {
  const match = /^(\d+)([smhd])$/.exec(input);
  const unit = match?.[2] as keyof typeof unitMs | undefined;
  if (match === null || unit === undefined) throw new Error("expected a duration such as 30m, 12h or 7d");
  return Number(match[1]) * unitMs[unit];
}

/** `--json`. */
export const jsonFlag = {
  kind: "boolean",
  default: false,
  withNegated: false,
  brief: "Print one JSON object on standard output and nothing else",
} as const;

/** `--store DIR`. */
export const storeFlag = {
  kind: "parsed",
  parse: text,
  optional: true,
  placeholder: "dir",
  brief: "Where runs and artifacts are kept (SEALFLOW_STORE; default: .sealflow of the project)",
} as const;

/** `--on NAME`. */
export const onFlag = {
  kind: "parsed",
  parse: text,
  optional: true,
  placeholder: "name",
  brief:
    "Where: a context of `sealflow contexts`, k8s:CONTEXT for Jobs of a cluster, or local (default: the context in use)",
} as const;

/** A flag that is off unless given. */
export function switchFlag(brief: string) {
  return { kind: "boolean", default: false, withNegated: false, brief } as const;
}

/** An optional flag with a text value. */
export function textFlag(placeholder: string, brief: string) {
  return { kind: "parsed", parse: text, optional: true, placeholder, brief } as const;
}

/** An optional flag that may be given several times. */
export function textsFlag(placeholder: string, brief: string) {
  return { kind: "parsed", parse: text, optional: true, variadic: true, placeholder, brief } as const;
}

/** An optional flag with one of several values. */
export function choiceFlag<const T extends string>(values: readonly [T, ...T[]], brief: string) {
  return { kind: "enum", values, optional: true, brief } as const;
}

/** A required argument. */
export function argument(placeholder: string, brief: string) {
  return { parse: text, placeholder, brief } as const;
}

/** An optional argument. */
export function optionalArgument(placeholder: string, brief: string) {
  return { parse: text, placeholder, brief, optional: true } as const;
}
