/** Keys that open logs of confidential runs. */
import { existsSync } from "node:fs";
import type { Identity } from "@sealflow/seal";
import type { CliContext } from "../context.js";
import { identitiesOf, type KeyFlags, keyPath, unlockKey } from "../keys/keyring.js";
import type { LogKeys } from "../render/sealed-log.js";

/** The project's key, unlocked when the first sealed log comes. */
export function logKeys(context: CliContext, flags: KeyFlags): LogKeys {
  let identities: Promise<readonly Identity[] | undefined> | undefined;
  const unlocked = async () => {
    if (!existsSync(await keyPath(context, flags))) return undefined;
    return identitiesOf(await unlockKey(context, flags));
  };
  return () => {
    identities ??= unlocked();
    return identities;
  };
}
