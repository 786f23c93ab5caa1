/** Which images a Dockerfile builds on. Source: Dockerfile reference, "FROM", "ARG", "COPY --from". */
import { SealflowError } from "@sealflow/core";

const PINNED = /@sha256:[0-9a-f]{64}$/;

/**
 * Refuses a Dockerfile that takes anything by tag: what it builds would be something else tomorrow.
 *
 * @throws SealflowError `CLUSTER_IMAGE_UNPINNED`
 */
export function requirePinnedStages(text: string, file: string): void {
  const stages = new Set<string>(["scratch"]);
  for (const [index, line] of joined(text).entries()) {
    const words = line.trim().split(/\s+/);
    const from = /^from$/i.test(words[0] ?? "")
      ? words.filter((word) => !word.startsWith("--"))[1]
      : copiedFrom(words);
    if (from === undefined) continue;
    if (!stages.has(from.toLowerCase()) && !/^\d+$/.test(from) && !PINNED.test(from))
      throw unpinned(file, index, from);
    const as = words.findIndex((word) => /^as$/i.test(word));
    if (as > 0) stages.add((words[as + 1] ?? "").toLowerCase());
  }
}

function copiedFrom(words: readonly string[]): string | undefined {
  if (!/^(copy|add)$/i.test(words[0] ?? "")) return undefined;
  return words.find((word) => word.startsWith("--from="))?.slice("--from=".length);
}

/** Lines with their continuations; comments are empty lines. */
function joined(text: string): readonly string[] {
  return text
    .split(/\r?\n/)
    .map((line) => (/^\s*#/.test(line) ? "" : line))
    .join("\n")
    .replace(/\\\n/g, " ")
    .split("\n");
}

function unpinned(file: string, line: number, got: string): SealflowError {
  return new SealflowError({
    code: "CLUSTER_IMAGE_UNPINNED",
    message: `${file}: expected FROM NAME@sha256:DIGEST, got ${got}`,
    hint: `sealflow image resolve ${got} prints the digest`,
    where: { file, line: line + 1 },
  });
}
