import { isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listFields, timeFields } from "../src/store/list.js";
import { type TestServer, testServer } from "./support/server.js";

/** A list of the API, the messages that it gives, and where a field of its filters stands in a message. */
interface List {
  readonly path: string;
  readonly items: string;
  readonly id: string;
  readonly fields: Readonly<Record<string, string>>;
}

let server: TestServer;
const spec = (name: string) => ({
  pipelineInfo: { name },
  schemaVersion: "2.1.0",
  root: { dag: { tasks: { work: { taskInfo: { name: "work" }, componentRef: { name: "comp-work" } } } } },
  components: { "comp-work": { executorLabel: "exec-work" } },
  deploymentSpec: { executors: { "exec-work": { container: { image: "none", command: ["true"] } } } },
});

async function call(method: string, path: string, body?: JsonObject): Promise<JsonObject> {
  const answer = await fetch(`${server.url}/apis/v2beta1/${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const said: unknown = await answer.json();
  if (!answer.ok || !isJsonObject(said)) throw new Error(`${path}: ${JSON.stringify(said)}`);
  return said;
}
const post = (path: string, body: JsonObject = {}) => call("POST", path, body);
const text = (value: JsonValue | undefined) => String(value ?? "");

const lists: Record<string, List> = {
  experiment: {
    ...{ path: "experiments", items: "experiments", id: "experiment_id" },
    fields: { id: "experiment_id", experiment_id: "experiment_id", name: "display_name" },
  },
  pipeline: {
    ...{ path: "pipelines", items: "pipelines", id: "pipeline_id" },
    fields: { id: "pipeline_id", pipeline_id: "pipeline_id" },
  },
  version: {
    ...{ path: "", items: "pipeline_versions", id: "pipeline_version_id" },
    fields: { id: "pipeline_version_id" },
  },
  run: {
    ...{ path: "runs", items: "runs", id: "run_id" },
    fields: {
      ...{ id: "run_id", name: "display_name", status: "state" },
      pipeline_id: "pipeline_version_reference.pipeline_id",
      pipeline_version_id: "pipeline_version_reference.pipeline_version_id",
    },
  },
  schedule: {
    ...{ path: "recurringruns", items: "recurringRuns", id: "recurring_run_id" },
    fields: {
      ...{ id: "recurring_run_id", name: "display_name" },
      pipeline_id: "pipeline_version_reference.pipeline_id",
      pipeline_version_id: "pipeline_version_reference.pipeline_version_id",
    },
  },
};

/** Some of everything, with equal and with different values in every field. */
beforeAll(async () => {
  server = await testServer({ requestsPerSecond: 1e5, concurrentRuns: 2, engine: { containers: "refuse" } });
  const names = ["delta", "Alpha", "beta", "ALPHA two", "ärger", "x' OR 1=1 --"];
  const experiments: JsonObject[] = [];
  const pipelines: JsonObject[] = [];
  const versions: JsonObject[] = [];
  for (const [index, name] of names.entries()) {
    const more = { description: index % 2 === 0 ? "even" : "", namespace: index < 3 ? "low" : "high" };
    experiments.push(await post("experiments", { display_name: name, ...more }));
    pipelines.push(await post("pipelines", { name: `pipeline ${name}`, display_name: name, ...more }));
    const at = `pipelines/${text(pipelines[0]?.pipeline_id)}/versions`;
    const version = { name: `version ${name}`, display_name: name, description: more.description };
    versions.push(await post(at, { ...version, pipeline_spec: spec("listed") }));
    const reference = {
      pipeline_id: text(pipelines[0]?.pipeline_id),
      pipeline_version_id: text(versions[index >> 1]?.pipeline_version_id),
    };
    const job = {
      ...{ display_name: name, description: more.description, pipeline_version_reference: reference },
      experiment_id: text(experiments[index >> 1]?.experiment_id),
    };
    const run = await post("runs", job);
    if (index === 1) await post(`runs/${text(run.run_id)}:archive`);
    const periodic = { periodic_schedule: { interval_second: "86400" } };
    const schedule = await post("recurringruns", { ...job, trigger: periodic });
    if (index === 2) await post(`recurringruns/${text(schedule.recurring_run_id)}:disable`);
  }
  lists.version = {
    ...(lists.version as List),
    path: `pipelines/${text(pipelines[0]?.pipeline_id)}/versions`,
  };
  await post(`experiments/${text(experiments[5]?.experiment_id)}:archive`);
  for (let left = 1; left !== 0; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const states = ["PENDING", "RUNNING"];
    const { runs } = await call("GET", "runs?page_size=200");
    left = (runs as JsonObject[]).filter(({ state }) => states.includes(text(state))).length;
  }
});
afterAll(() => server.remove());

const list = (kind: string): List => lists[kind] as List;

async function pages(kind: string, query: Record<string, string>): Promise<JsonObject[]> {
  const found: JsonObject[] = [];
  for (let token = ""; ; ) {
    const search = new URLSearchParams({ ...query, page_token: token });
    const page = await call("GET", `${list(kind).path}?${search}`);
    found.push(...((page[list(kind).items] ?? []) as JsonObject[]));
    token = text(page.next_page_token);
    if (token === "") return found;
  }
}

/** The value that a message has for a field of filters. */
function fieldOf(kind: string, field: string, message: JsonObject): string | number {
  const path = list(kind).fields[field] ?? field;
  let value: JsonValue | undefined = message;
  for (const part of path.split(".")) value = isJsonObject(value) ? value[part] : undefined;
  if (timeFields.has(field)) return value === undefined ? 0 : Date.parse(text(value));
  return text(value);
}

/** Messages of versions and runs do not say their namespace. */
const everyField = Object.entries(listFields).flatMap(([kind, fields]) =>
  Object.keys(fields)
    .filter((field) => field !== "namespace" || (kind !== "version" && kind !== "run"))
    .map((field) => [kind, field] as const),
);
const lowerThan = (a: string | number, b: string | number) =>
  typeof a === "number" && typeof b === "number"
    ? a < b
    : Buffer.compare(Buffer.from(text(a)), Buffer.from(text(b))) < 0;

describe("lists of every kind", () => {
  it.each(everyField)("of %s are sorted by %s, both ways, over pages", async (kind, field) => {
    const all = await pages(kind, { page_size: "200" });
    expect(all.length).toBeGreaterThan(5);
    const { id } = list(kind);
    for (const direction of ["", " asc", " desc"]) {
      const sorted = await pages(kind, { page_size: "2", sort_by: field + direction });
      const down = direction === " desc";
      expect(sorted.map((each) => each[id]).toSorted()).toEqual(all.map((each) => each[id]).toSorted());
      for (const [index, message] of sorted.slice(1).entries()) {
        const [a, b] = [sorted[index] as JsonObject, message].map((each) => fieldOf(kind, field, each));
        if (a === undefined || b === undefined) throw new Error("expected values");
        expect(down ? lowerThan(a, b) : lowerThan(b, a)).toBe(false);
      }
    }
  });

  it.each(everyField)("of %s are filtered by %s with every operation", async (kind, field) => {
    const all = await pages(kind, { page_size: "200" });
    const values = [...new Set(all.map((message) => fieldOf(kind, field, message)))];
    const [some = "", other = some] = values;
    const like = text(some).slice(1, 4);
    const is: Record<string, (value: string | number) => boolean> = {
      EQUALS: (value) => value === some,
      NOT_EQUALS: (value) => value !== some,
      GREATER_THAN: (value) => lowerThan(some, value),
      GREATER_THAN_EQUALS: (value) => !lowerThan(value, some),
      LESS_THAN: (value) => lowerThan(value, some),
      LESS_THAN_EQUALS: (value) => !lowerThan(some, value),
      IN: (value) => value === some || value === other,
      IS_SUBSTRING: (value) => text(value).toLowerCase().includes(like.toLowerCase()),
    };
    const time = timeFields.has(field);
    for (const [operation, holds] of Object.entries(is)) {
      if (time && operation === "IS_SUBSTRING") continue;
      const told = (value: string | number) => (time ? new Date(Number(value)).toISOString() : text(value));
      const value = operation === "IS_SUBSTRING" ? like : told(some);
      const predicate = {
        ...{ operation, key: field },
        ...(operation === "IN"
          ? { string_values: { values: [told(some), told(other)] } }
          : { [time ? "timestamp_value" : "string_value"]: value }),
      };
      const filter = JSON.stringify({ predicates: [predicate] });
      const found = await pages(kind, { page_size: "2", filter });
      const wanted = all.filter((message) => holds(fieldOf(kind, field, message)));
      const { id } = list(kind);
      expect(found.map((each) => each[id]).toSorted(), `${operation} ${value}`).toEqual(
        wanted.map((each) => each[id]).toSorted(),
      );
    }
  });

  it("of several predicates have what fits all of them", async () => {
    const predicates = [
      { operation: "IS_SUBSTRING", key: "name", string_value: "alpha" },
      { operation: "NOT_EQUALS", key: "storage_state", string_value: "ARCHIVED" },
    ];
    const found = await pages("run", { filter: JSON.stringify({ predicates }) });
    expect(found.map(({ display_name }) => display_name)).toEqual(["ALPHA two"]);
  });
});

describe("pages", () => {
  it("miss nothing and repeat nothing of what was there, while more is added and some of it goes", async () => {
    const before = new Set(
      (await pages("pipeline", { page_size: "200" })).map(({ pipeline_id }) => pipeline_id),
    );
    const orders = ["", "created_at desc", "name", "name desc", "display_name"];
    for (const [round, sort_by] of orders.entries()) {
      const seen: JsonValue[] = [];
      const added: string[] = [];
      for (let token = "", page = 0; ; page++) {
        const answer = await call(
          "GET",
          `pipelines?${new URLSearchParams({ page_size: "1", sort_by, page_token: token })}`,
        );
        seen.push(...((answer.pipelines ?? []) as JsonObject[]).map(({ pipeline_id }) => text(pipeline_id)));
        token = text(answer.next_page_token);
        if (token === "" || page > 50) break;
        if (page > 8) continue;
        const made = await post("pipelines", { name: `${page % 2 ? "zz" : "0"} ${round} ${page}` });
        added.push(text(made.pipeline_id));
        // What a page ended with may be gone when the next one is asked for.
        if (page === 3) await call("DELETE", `pipelines/${added.shift()}`);
      }
      expect(new Set(seen).size).toBe(seen.length);
      expect([...before].filter((id) => !seen.includes(id ?? ""))).toEqual([]);
      for (const id of added) await call("DELETE", `pipelines/${id}`);
    }
  });

  it("are of one list only: a token that was changed, cut, or is of another list is refused", async () => {
    const { next_page_token: token = "" } = await call("GET", "runs?page_size=1&sort_by=name");
    const good = text(token);
    const content = JSON.parse(Buffer.from(good, "base64url").toString());
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const bad = [
      ...[
        "x",
        good.slice(1),
        good.slice(0, -5),
        encode({}),
        encode([]),
        encode(null),
        encode({ ...content, key: null }),
      ],
      ...[
        encode({ ...content, key: { a: 1 } }),
        encode({ ...content, id: 5 }),
        encode({ ...content, list: "other" }),
      ],
    ];
    const ask = async (query: string) => {
      const answer = await fetch(`${server.url}/apis/v2beta1/${query}`);
      return [answer.status, ((await answer.json()) as { code?: number }).code];
    };
    for (const each of bad)
      expect(await ask(`runs?page_size=1&sort_by=name&page_token=${each}`), each).toEqual([400, 3]);
    expect(await ask(`runs?page_size=1&page_token=${good}`)).toEqual([400, 3]);
    expect(await ask(`experiments?page_size=1&sort_by=name&page_token=${good}`)).toEqual([400, 3]);
    expect((await ask(`runs?page_size=2&sort_by=name&page_token=${good}`))[0]).toBe(200);
    // Whatever key a token names, it is a value: it can only move the start of the page.
    const hostile = encode({ ...content, key: "x' OR 1=1 --", id: "'; DROP TABLE entity; --" });
    expect((await ask(`runs?page_size=1&sort_by=name&page_token=${hostile}`))[0]).toBe(200);
  });
});

describe("requests that are wrong", () => {
  const ask = async (path: string, init?: RequestInit) => {
    const answer = await fetch(`${server.url}/apis/v2beta1/${path}`, init);
    const body = (await answer.json()) as { code?: number; message?: string; details?: { reason: string }[] };
    return { status: answer.status, code: body.code, reason: body.details?.[0]?.reason };
  };
  const refused = { status: 400, code: 3 };

  it.each([
    ["an unknown field", "sort_by=colour"],
    ["an unknown direction", "sort_by=name%20upwards"],
    ["three words", "sort_by=name%20desc%20please"],
    ["the name of an inherited member", "sort_by=constructor"],
    ["a negative size", "page_size=-1"],
    ["a size that is no number", "page_size=many"],
    ["a filter that is no JSON", "filter=name"],
    ["a filter that is a list", "filter=[]"],
    ["predicates that are none", `filter=${encodeURIComponent('{"predicates":5}')}`],
    [
      "an operation that is none",
      `filter=${encodeURIComponent('{"predicates":[{"operation":"LIKE","key":"name","string_value":"x"}]}')}`,
    ],
    [
      "a predicate without a key",
      `filter=${encodeURIComponent('{"predicates":[{"operation":"EQUALS","string_value":"x"}]}')}`,
    ],
    [
      "a predicate without a value",
      `filter=${encodeURIComponent('{"predicates":[{"operation":"EQUALS","key":"name"}]}')}`,
    ],
    [
      "a time that is none",
      `filter=${encodeURIComponent('{"predicates":[{"operation":"LESS_THAN","key":"created_at","timestamp_value":"soon"}]}')}`,
    ],
  ])("a list with %s is refused", async (_, query) => {
    expect(await ask(`runs?${query}`)).toMatchObject({ ...refused, reason: "SERVER_LIST_INVALID" });
  });

  it.each([
    ["no body", ""],
    ["no JSON", "{"],
    ["JSON that is no object", "[]"],
    ["null", "null"],
    ["a name that is no text", '{"display_name": 5}'],
    ["a name that is too long", JSON.stringify({ display_name: "x".repeat(257) })],
    ["an empty name", '{"display_name": " "}'],
  ])("an experiment of %s is refused", async (_, body) => {
    expect(await ask("experiments", { method: "POST", body })).toMatchObject({
      ...refused,
      reason: "SERVER_REQUEST_INVALID",
    });
  });

  it.each([300, 200_000])(
    "content that is nested %i levels deep is refused, wherever it stands",
    async (levels) => {
      const list = `${"[".repeat(levels)}${"]".repeat(levels)}`;
      const map = `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
      for (const body of [
        `{"pipeline_spec": ${map}}`,
        `{"pipeline_version_reference": {}, "runtime_config": {"parameters": {"x": ${list}}}}`,
        `{"display_name": "x", "plugins_input": ${map}}`,
      ])
        expect(await ask("runs", { method: "POST", body })).toMatchObject({
          ...refused,
          reason: "SERVER_REQUEST_INVALID",
        });
    },
  );

  it.each([
    ["YAML of nested lists", "[".repeat(5000)],
    ["YAML of nested maps", `${"{a: ".repeat(5000)}1`],
  ])("an upload of %s is refused", async (_, text) => {
    const body = new FormData();
    body.append("uploadfile", new Blob([text]), "x.yaml");
    expect(await ask("pipelines/upload?name=deep", { method: "POST", body })).toMatchObject(refused);
  });

  it("what is unknown in a body is passed over, and either spelling of names is taken, as the gateway does", async () => {
    const body = JSON.stringify({ displayName: "spelt so", colour: "red", description: null });
    const types = ["application/json", "text/plain", "application/x-www-form-urlencoded", ""];
    const made = await call("POST", "experiments", JSON.parse(body));
    expect(made.display_name).toBe("spelt so");
    for (const type of types) {
      const answer = await ask("experiments", { method: "POST", body, headers: { "content-type": type } });
      expect(answer).toMatchObject({ status: 409, code: 6, reason: "SERVER_NAME_TAKEN" });
    }
  });

  it.each([
    ["no form", "{}", "application/json"],
    ["a form without its boundary", "x", "multipart/form-data"],
    [
      "a form without the file",
      '--b\r\nContent-Disposition: form-data; name="other"\r\n\r\nx\r\n--b--\r\n',
      "multipart/form-data; boundary=b",
    ],
    [
      "a field where the file should be",
      '--b\r\nContent-Disposition: form-data; name="uploadfile"\r\n\r\nx\r\n--b--\r\n',
      "multipart/form-data; boundary=b",
    ],
  ])("an upload of %s is refused", async (_, body, type) => {
    const answer = await ask("pipelines/upload?name=x", {
      method: "POST",
      body,
      headers: { "content-type": type },
    });
    expect(answer).toMatchObject({ ...refused, reason: "SERVER_REQUEST_INVALID" });
  });

  it.each([
    ["GET", "nothing"],
    ["PUT", "runs"],
    ["POST", "runs/x:explode"],
    ["GET", "runs/x/y/z"],
    ["DELETE", "experiments"],
  ])("%s %s is unknown, in the API's shape", async (method, path) => {
    expect(await ask(path, { method })).toMatchObject({
      status: 404,
      code: 5,
      reason: "SERVER_ROUTE_UNKNOWN",
    });
  });
});
