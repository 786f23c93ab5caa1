/** node resident-process.mjs SPEC LOCK DATA STORE: runs the spec once per line of standard input, without the cache. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { createEngine, openStore } from "@sealflow/engine";
import { parsePipelineDocument } from "@sealflow/pipeline";

const [spec, lock, data, store] = process.argv.slice(2);
const document = parsePipelineDocument(readFileSync(spec, "utf8"), { file: spec });
const lockText = readFileSync(lock, "utf8");
const locks = { [`sha256:${createHash("sha256").update(lockText).digest("hex")}`]: lockText };
const engine = createEngine({ store: openStore(store) });
for await (const _ of createInterface({ input: process.stdin })) {
  const { state, error } = await engine.run(document, {
    caching: false,
    locks,
    parameters: { data_path: data },
  });
  console.log(JSON.stringify({ state, error }));
}
await engine.close();
