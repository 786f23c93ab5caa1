import { buildCommand } from "@stricli/core";
import type { CliContext } from "../context.js";
import { lazy } from "./lazy.js";

const shells = ["bash", "zsh", "fish"] as const;

/** Shells with a completion script. */
export type Shell = (typeof shells)[number];

function isShell(input: string): input is Shell {
  return shells.some((shell) => shell === input);
}

function parseShell(input: string): Shell {
  if (isShell(input)) return input;
  throw new Error(`expected one of ${shells.join(", ")}`);
}

export const completionCommand = buildCommand<Record<never, never>, [Shell], CliContext>({
  loader: lazy(async () => (await import("../commands/completion.js")).printCompletionScript),
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [{ parse: parseShell, placeholder: "shell", brief: "bash, zsh or fish" }],
    },
  },
  docs: {
    brief: "Print a completion script for a shell",
    fullDescription:
      'Print a completion script. For bash: eval "$(sealflow completion bash)" in ~/.bashrc; for zsh the same in ~/.zshrc; for fish: sealflow completion fish > ~/.config/fish/completions/sealflow.fish',
  },
});
