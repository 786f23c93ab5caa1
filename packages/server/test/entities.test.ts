import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDatabase } from "../src/store/database.js";
import { type Entity, type EntityStore, openEntities } from "../src/store/entities.js";
import type { ListQuery } from "../src/store/list.js";
import { removeDirectory, temporaryDirectory } from "./support/server.js";

/** What any store of entities must do; it is opened again and again from the same place. */
let directory: string;
let store: EntityStore;
const open = (): EntityStore => openEntities(join(directory, "server.db"));
beforeEach(() => {
  directory = temporaryDirectory();
  store = open();
});
afterEach(() => {
  store.close();
  removeDirectory(directory);
});

const entity = (id: string, more: Partial<Entity> = {}): Entity => ({
  ...{ kind: "run", id, parent: "", namespace: "", name: id, displayName: id, state: "", storageState: "" },
  ...{ createdAt: 0, endedAt: null, origin: "", document: null, body: {} },
  ...more,
});
const query = (more: Partial<ListQuery> = {}): ListQuery => ({
  ...{ conditions: [], sort: "", descending: false, size: 2 },
  ...more,
});

function allIds(of: ListQuery): string[] {
  const ids: string[] = [];
  for (let token: string | undefined, pages = 0; pages < 100; pages++) {
    const page = store.list("run", token === undefined ? of : { ...of, token });
    ids.push(...page.items.map(({ id }) => id));
    if (page.next === undefined) return ids;
    token = page.next;
  }
  throw new Error("the list has no end");
}

describe("a store of entities", () => {
  it("gives back what was stored, after it was opened again too", () => {
    const document = store.keepDocument({ b: 1, a: [true, null, "ä"] });
    const stored = entity("one", { document, endedAt: 5, body: { text: "ü", list: [1] } });
    expect(store.insert(stored)).toBe(true);
    store.close();
    store = open();
    expect(store.get("run", "one")).toEqual(stored);
    expect(store.document(document)).toEqual({ a: [true, null, "ä"], b: 1 });
    expect(store.get("pipeline", "one")).toBeUndefined();
  });

  it("takes a name once per kind, namespace and parent, where names count", () => {
    const named = (id: string, more: Partial<Entity> = {}) =>
      entity(id, { kind: "version", name: "v1", ...more });
    expect(store.insert(named("a", { parent: "p" }))).toBe(true);
    expect(store.insert(named("b", { parent: "p" }))).toBe(false);
    expect(store.insert(named("c", { parent: "q" }))).toBe(true);
    expect(store.insert(named("d", { parent: "p", namespace: "n" }))).toBe(true);
    expect(store.insert(entity("e", { name: "same" })) && store.insert(entity("f", { name: "same" }))).toBe(
      true,
    );
    expect(store.find("version", { name: "v1", parent: "q" })?.id).toBe("c");
  });

  it("does all of a transaction or nothing, also of one within another", () => {
    const failing = () =>
      store.transaction(() => {
        store.insert(entity("one"));
        store.transaction(() => store.insert(entity("two")));
        throw new Error("no");
      });
    expect(failing).toThrow("no");
    expect(store.ids("run").size).toBe(0);
    store.transaction(() => store.transaction(() => store.insert(entity("three"))));
    expect([...store.ids("run")]).toEqual(["three"]);
  });

  it("keeps a document as long as something speaks of it", () => {
    const document = store.keepDocument({ spec: 1 });
    expect(store.keepDocument({ spec: 1 })).toBe(document);
    store.insert(entity("one", { document }));
    store.insert(entity("two", { document }));
    expect(store.remove("run", "one")).toBe(true);
    expect(store.document(document)).toEqual({ spec: 1 });
    expect(store.remove("run", "two")).toBe(true);
    expect(store.document(document)).toBeUndefined();
    expect(store.remove("run", "two")).toBe(false);
  });

  it("written before there was an index of artifacts is taken over", () => {
    store.insert(entity("one", { createdAt: 3 }));
    store.close();
    const database = openDatabase(join(directory, "server.db"));
    for (const table of ["artifact_use", "artifact_indexed"]) database.run(`DROP TABLE ${table}`);
    database.run("DROP INDEX entity_display");
    database.run("PRAGMA user_version = 1");
    database.close();
    store = open();
    expect(store.get("run", "one")).toMatchObject({ createdAt: 3 });
    expect(store.uses.stale()).toEqual(["one"]);
  });

  it("is open to one process only", () => {
    expect(open).toThrow("its only server");
  });

  it("lists every entity once, in order, whatever the page size, sort and ties", () => {
    const created = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(created, fc.integer({ min: 1, max: 5 }), fc.boolean(), (times, size, descending) => {
        for (const id of store.ids("run")) store.remove("run", id);
        const runs = times.map((createdAt, index) => entity(String.fromCharCode(97 + index), { createdAt }));
        for (const run of runs) store.insert(run);
        const order = runs
          .toSorted((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
          .map(({ id }) => id);
        expect(allIds(query({ size, descending }))).toEqual(descending ? order.toReversed() : order);
      }),
      { numRuns: process.env.SEALFLOW_SLOW ? 300 : 20 },
    );
  });

  it("filters by every operation, and treats values as values", () => {
    const hostile = "x' OR 1=1 --";
    for (const [id, createdAt] of [
      ["a", 1],
      ["b", 2],
      ["c", 3],
      [hostile, 4],
    ] as const)
      store.insert(entity(id, { createdAt }));
    const found = (
      operation: ListQuery["conditions"][number]["operation"],
      field: string,
      ...values: (string | number)[]
    ) => allIds(query({ conditions: [{ field, operation, values }] }));
    expect(found("EQUALS", "run_id", "b")).toEqual(["b"]);
    expect(found("NOT_EQUALS", "run_id", "b")).toEqual(["a", "c", hostile]);
    expect(found("GREATER_THAN", "created_at", 2)).toEqual(["c", hostile]);
    expect(found("GREATER_THAN_EQUALS", "created_at", 3)).toEqual(["c", hostile]);
    expect(found("LESS_THAN", "created_at", 2)).toEqual(["a"]);
    expect(found("LESS_THAN_EQUALS", "created_at", 2)).toEqual(["a", "b"]);
    expect(found("IN", "display_name", "a", "c", "z")).toEqual(["a", "c"]);
    expect(found("IN", "display_name")).toEqual([]);
    expect(found("IS_SUBSTRING", "display_name", "OR 1")).toEqual([hostile]);
    expect(found("EQUALS", "display_name", hostile)).toEqual([hostile]);
    expect(() => found("EQUALS", "body", "x")).toThrow("expected one of");
    expect(() => found("EQUALS", "constructor", "x")).toThrow("expected one of");
  });

  it("refuses a page token of another list", () => {
    for (const id of ["a", "b", "c"]) store.insert(entity(id));
    const token = store.list("run", query()).next ?? "";
    expect(() => store.list("run", query({ token, descending: true }))).toThrow("page_token");
    expect(() => store.list("pipeline", query({ token }))).toThrow("page_token");
    expect(() => store.list("run", query({ token: `${token.slice(0, -4)}` }))).toThrow("page_token");
  });
});
