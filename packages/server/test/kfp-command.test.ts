import { afterAll, beforeAll, expect, it } from "vitest";
import { python, type TestServer, testServer } from "./support/server.js";

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.remove());

it("serves every command of the official program: pipelines, experiments, runs and recurring runs", async () => {
  expect(await python("every_command.py", server.url)).toEqual({
    "not called": [],
    pipeline: ["Copies a text", "second", ["third", "second"], true, []],
    left: ["copies", "second"],
    experiment: ["ARCHIVED", "AVAILABLE", ["Default", "commanded"]],
    run: [["SUCCEEDED", { text: "ab", times: 3 }, "ARCHIVED"], ["SUCCEEDED", "SUCCEEDED"], true, "AVAILABLE"],
    "runs left": 2,
    recurring: [
      ["DISABLED", "ENABLED", true, "2"],
      ["0 0 3 * * *", expect.objectContaining({ interval_second: "3600" })],
      ["nightly", "hourly"],
    ],
    "recurring left": [],
    gone: [[], ["Default"]],
  });
});
