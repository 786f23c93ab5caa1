import { afterAll, beforeAll, expect, it } from "vitest";
import { python, type TestServer, testServer } from "./support/server.js";

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.remove());

it("runs a package and a function for the official Python client, which waits for both", async () => {
  expect(await python("run_package.py", server.url)).toEqual({
    multiUser: false,
    state: "SUCCEEDED",
    name: "copied",
    parameters: { text: "ab", times: 3 },
    pipeline: "copy-text",
    tasks: { root: "SUCCEEDED", write: "SUCCEEDED", read: "SUCCEEDED" },
    history: ["PENDING", "RUNNING", "SUCCEEDED"],
    finishedLater: true,
    second: "SUCCEEDED",
    listed: true,
    total: 2,
    failed: null,
    experiments: ["Default", "first"],
  });
});

it("keeps pipelines and versions as the official client uploads, lists, changes, runs and deletes them", async () => {
  expect(await python("pipelines_and_versions.py", server.url)).toEqual({
    versions: ["copies", "v2", "v3"],
    spec: "copy-text",
    byName: true,
    id: true,
    updated: ["copies", "Copies!", "new"],
    state: "SUCCEEDED",
    reference: true,
    pages: [["needs-file"], ["Copies!"]],
    left: 2,
    gone: null,
    errors: {
      taken: [409, 6, "SERVER_NAME_TAKEN"],
      broken: [400, 3, "PIPELINE_SCHEMA_VERSION_UNSUPPORTED"],
      unknown: [404, 5, "SERVER_PIPELINE_UNKNOWN"],
      notEmpty: [400, 9, "SERVER_PIPELINE_NOT_EMPTY"],
      token: [400, 3, "SERVER_LIST_INVALID"],
      sort: [400, 3, "SERVER_LIST_INVALID"],
      parameter: [400, 3, "PIPELINE_PARAMETER_INVALID"],
    },
  });
});

it("retries, terminates, archives and deletes runs and experiments for the official client", async () => {
  expect(await python("life_of_runs.py", server.url)).toEqual({
    failed: ["FAILED", 13, "FAILED", true],
    early: "SERVER_RUN_ENDED",
    retried: "SUCCEEDED",
    history: ["PENDING", "RUNNING", "FAILED", "PENDING", "RUNNING", "SUCCEEDED"],
    again: "SERVER_RUN_ENDED",
    busy: "SERVER_RUN_ACTIVE",
    canceled: ["PENDING", "RUNNING", "CANCELING", "CANCELED"],
    left: true,
    archived: ["ARCHIVED", ["ARCHIVED"]],
    refused: "SERVER_EXPERIMENT_ARCHIVED",
    gone: "SERVER_RUN_UNKNOWN",
    names: true,
    experiment: "SERVER_EXPERIMENT_UNKNOWN",
    run: "SERVER_RUN_UNKNOWN",
  });
});

it("serves every method of the official client, with every argument that it sends", async () => {
  const versions = ["one", "second", "third"];
  const ran = ["by package", "by function", "by version", "two documents"];
  const own = await testServer();
  const answers = await python("every_method.py", own.url, own.directory);
  await own.remove();
  expect(answers).toEqual({
    "not called": [],
    namespace: ["team", false],
    pipelines: [["two", "Three", "one"], ["one"], ["two"], ["Three", { team: "risk" }], true],
    versions: [versions, ["third"], ["v3", "copy-text"]],
    platform: ["pipeline_spec", "platform_spec"],
    changed: ["Third", "v3", { good: "yes" }],
    experiment: [true, "ARCHIVED", "Everything", expect.arrayContaining(["Default", "called"]), ["called"]],
    runs: [
      ran.map(() => "SUCCEEDED"),
      ["ARCHIVED", "runner", "s3://elsewhere/", { times: 1 }],
      ran,
      ["by function"],
      ["pipeline_spec", "platform_spec"],
    ],
    timeout: "TimeoutError",
    recurring: [
      ["In the morning", "3", true, "runner", "ENABLE"],
      ["0 30 8 * * MON-FRI", "2030-01-01 00:00:00+00:00", "2031-01-01 00:00:00+00:00"],
      [{ text: "x" }, "s3://elsewhere/"],
      ["3600", "DISABLE", "DISABLED"],
      ["every hour", "once a day"],
      ["every hour"],
      ["DISABLED", "ENABLED", "DISABLED", "ENABLED"],
    ],
    "recurring left": 0,
    left: ["Three", "two"],
    allowed: {},
  });
});
