/** Which checks of a bundle are about one task. */
import type { BundleCheck } from "@sealflow/trust";

/** The checks of a task: of itself, of each attempt, and of the original when its result is a reused one. */
export function checksOfTask(checks: readonly BundleCheck[], path: string): readonly BundleCheck[] {
  return checks.filter(({ where }) => where === path || isPartOf(where, path));
}

function isPartOf(where: string, path: string): boolean {
  if (!where.startsWith(`${path}, `)) return false;
  return /^(attempt \d+|its original)$/.test(where.slice(path.length + 2));
}
