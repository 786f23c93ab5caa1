/** Lists that the configuration has and the command line adds to. */

/** Both, each entry once. */
export function unionOf(
  configured: readonly string[] | undefined,
  given: readonly string[] | undefined,
): string[] {
  return [...new Set([...(configured ?? []), ...(given ?? [])])];
}
