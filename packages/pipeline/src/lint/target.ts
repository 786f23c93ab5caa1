/** Where a pipeline is to run: an official backend of that version (or newer, up to the next one here), or this machine. */
export type LintTarget = "kfp-2.16" | "kfp-2.17" | "local";

/** All targets. */
export const LINT_TARGETS: readonly LintTarget[] = ["kfp-2.16", "kfp-2.17", "local"];
