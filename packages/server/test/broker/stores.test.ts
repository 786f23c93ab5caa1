/** The served broker's store: the contract of all stores, and a lock that ends with its process. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleProgram } from "../../../../test-support/bundled.js";
import { contents, describeBrokerStore, record } from "../../../trust/test/store-contract.js";
import { openBrokerStore } from "../../src/broker/store.js";
import { removeDirectory, temporaryDirectory } from "../support/server.js";

describeBrokerStore({ name: "served", open: openBrokerStore });

const program = fileURLToPath(new URL(`../../node_modules/.cache/store-${process.pid}.mjs`, import.meta.url));
beforeAll(async () => {
  const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  await bundleProgram(program, {
    contents: `
      import { openBrokerStore } from ${JSON.stringify(source("../../src/broker/store.ts"))};
      const store = openBrokerStore(process.argv[2]);
      await store.records.append(Uint8Array.from(Buffer.from("kept")));
      process.stdout.write("open\\n");
      setInterval(() => undefined, 1000);`,
    resolveDir: source("."),
  });
});
afterAll(() => rmSync(program, { force: true }));

describe("the served store", () => {
  it("is one process's at a time, and the next one's at once when that is killed", async () => {
    const directory = temporaryDirectory();
    const child = spawn(process.execPath, [program, directory], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    expect(() => openBrokerStore(directory)).toThrow(expect.objectContaining({ code: "SERVER_STORE_BUSY" }));
    child.kill("SIGKILL");
    await once(child, "close");
    const store = openBrokerStore(directory);
    expect(await contents(store.records)).toEqual(["kept"]);
    await store.records.append(record("later"));
    await store.close();
    const again = openBrokerStore(directory);
    expect(await contents(again.records)).toEqual(["kept", "later"]);
    await again.close();
    removeDirectory(directory);
  });
});
