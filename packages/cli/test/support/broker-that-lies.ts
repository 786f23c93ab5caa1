/** The broker of a project, in the hands of somebody who has the project's key and lies. */
import { join } from "node:path";
import { openStore } from "@sealflow/engine";
import { projectKeyFrom } from "@sealflow/seal";
import { openKeyFile } from "@sealflow/seal/node";
import { sealedLayout } from "../../../engine/src/sealed/layout.js";
import { openProjectRoot } from "../../../engine/src/sealed/secrets.js";

export type { RunBundle } from "../../../trust/src/bundle/format.js";
export type { LogEntry } from "../../../trust/src/log/entry.js";
export { type Head, relog } from "../../../trust/test/relog.js";

/** The broker's secret and its deployment. @param directory Of the project. */
export async function brokerOf(
  directory: string,
): Promise<{ readonly secret: Uint8Array<ArrayBuffer>; readonly domain: string }> {
  const none = () => Promise.reject(new Error("the key is protected by its permissions"));
  const key = await openKeyFile(keyFile(directory), { passphrase: none, wrapper: none });
  const identities = await Promise.all(
    key.secrets.map(async (each) => (await projectKeyFrom(each)).identity),
  );
  const root = await openProjectRoot(sealedLayout(openStore(join(directory, ".sealflow")).layout).root, {
    identities,
    random: { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) },
    newPlatform: () => Promise.reject(new Error("there is one")),
  });
  return { secret: root.broker, domain: root.domain };
}

/** Where the project's first sealed run left its key. */
function keyFile(directory: string): string {
  return join(directory, ".sealflow", "keys", "project.json");
}
