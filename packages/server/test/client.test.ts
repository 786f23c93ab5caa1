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
