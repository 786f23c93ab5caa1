import { buildCommand } from "@stricli/core";
import type { CliContext } from "../context.js";
import { jsonFlag, switchFlag } from "./flags.js";
import { lazy } from "./lazy.js";

/** Flags of `doctor`. */
export interface DoctorFlags {
  readonly cloud: boolean;
  readonly json: boolean;
}

export const doctorCommand = buildCommand<DoctorFlags, [], CliContext>({
  loader: lazy(async () => (await import("../commands/doctor.js")).doctor),
  parameters: {
    flags: { cloud: switchFlag("Check az, kubectl and kustomize too"), json: jsonFlag },
  },
  docs: {
    brief: "Check this machine for what Sealflow needs",
    fullDescription:
      "Checks Node, Python, uv and disk space, and says how to mend what is missing. Exit code 1 when something required is missing.",
  },
});
