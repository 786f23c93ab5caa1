import * as fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { operations } from "../src/openapi/operations.js";
import { filledServer } from "./support/filled-server.js";
import type { TestServer } from "./support/server.js";

let server: TestServer;
let ids: Partial<Record<string, string>> = {};
const slow = Boolean(process.env.SEALFLOW_SLOW);

beforeAll(async () => {
  const filled = await filledServer();
  server = filled.server;
  ids = filled.ids;
});
afterAll(() => server.remove());

/** What an attacker or a mistake puts where text is expected. */
const hostile = fc.oneof(
  fc.constantFrom(
    "",
    "%",
    "%E0%A4%A",
    "../..",
    "..%2f..",
    "\u0000",
    "'; DROP TABLE entity; --",
    "__proto__",
    "-1",
    "1e9",
    "true",
  ),
  fc.string({ maxLength: 30 }),
  fc.json({ maxDepth: 2 }),
);
const predicate = fc.record(
  {
    operation: fc.oneof(
      fc.constantFrom("EQUALS", "IN", "IS_SUBSTRING", "LESS_THAN"),
      fc.integer({ min: 0, max: 10 }),
    ),
    key: fc.oneof(fc.constantFrom("display_name", "created_at", "state", "id", "toString"), hostile),
    string_value: hostile,
    long_value: hostile,
    string_values: fc.record({ values: fc.array(hostile, { maxLength: 3 }) }),
  },
  { requiredKeys: [] },
);
const filter = fc
  .record({ predicates: fc.array(predicate, { maxLength: 3 }) })
  .map((value) => JSON.stringify(value));

function pathOf(path: string, wild: string): string {
  const kind = path.split("/").find((part) => Object.hasOwn(ids, part)) ?? "";
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    if (name === "id") return ids[kind] ?? "";
    return name === "version" ? (ids.version ?? "") : encodeURIComponent(wild.isWellFormed() ? wild : "");
  });
}

// Deleting is left out: what is deleted is no longer there to be asked for.
const asked = operations.filter(({ method, id }) => method !== "delete" && !id.startsWith("Watch"));

it("answers whatever is asked of things that exist with no error of its own", async () => {
  const request = fc.record({
    operation: fc.constantFrom(...asked),
    wild: hostile,
    query: fc.dictionary(
      fc.constantFrom(
        "page_token",
        "page_size",
        "sort_by",
        "namespace",
        "task",
        "name",
        "index",
        "path",
        "attempt",
        "tags",
      ),
      hostile,
    ),
    filter: fc.option(fc.oneof(filter, hostile), { nil: undefined }),
    range: fc.option(fc.constantFrom("bytes=0-", "bytes=-0", "bytes=5-1", "bytes=a-b", "bytes=0-1,3-4"), {
      nil: undefined,
    }),
    body: fc.oneof(
      fc.json({ maxDepth: 3 }),
      fc.object({ maxDepth: 3 }).map((value) => JSON.stringify(value) ?? ""),
    ),
  });
  await fc.assert(
    fc.asyncProperty(request, async ({ operation, wild, query, filter: list, range, body }) => {
      const text = new URLSearchParams({ ...query, ...(list === undefined ? {} : { filter: list }) });
      const answer = await fetch(`${server.url}${pathOf(operation.path, wild)}?${text}`, {
        method: operation.method.toUpperCase(),
        ...(operation.method === "get" ? {} : { body }),
        ...(range === undefined ? {} : { headers: { range } }),
      });
      const said = await answer.text();
      expect(answer.status, `${operation.id}: ${said}`).toBeLessThan(500);
      if (!answer.ok && answer.status !== 416)
        expect(JSON.parse(said).details[0].reason).toMatch(/^[A-Z][A-Z_]+$/);
    }),
    { numRuns: slow ? 5000 : 300 },
  );
});
