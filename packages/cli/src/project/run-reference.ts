/** Naming a recorded run: by id, by the start or the end of an id, or as `latest`. */
import { SealflowError } from "@sealflow/core";
import { openStore, type Store } from "@sealflow/engine";
import type { CliContext } from "../context.js";
import { findProject, storeDirectory } from "./project.js";

/** The store that a command works on. */
export async function openProjectStore(context: CliContext, flag: string | undefined): Promise<Store> {
  return openStore(storeDirectory(context, await findProject(context.cwd), flag));
}

/**
 * The full id of the run that is meant. Ids begin with their time, so the end of an id tells runs of the same minute
 * apart.
 *
 * @throws SealflowError `CLI_RUN_UNKNOWN`, `CLI_RUN_AMBIGUOUS`
 */
export function resolveRunId(store: Store, reference: string): string {
  const ids = store.listRuns().map(({ runId }) => runId);
  if (ids.includes(reference)) return reference;
  const [latest] = ids;
  if (reference === "latest" && latest !== undefined) return latest;
  const fits = (id: string) => reference.length >= 3 && (id.startsWith(reference) || id.endsWith(reference));
  const [match, second] = ids.filter(fits);
  if (match === undefined) {
    throw new SealflowError({
      code: "CLI_RUN_UNKNOWN",
      message: `run ${reference}: expected a run of the store ${store.directory}, which holds ${ids.length}`,
      hint: "sealflow runs list shows them; --store or SEALFLOW_STORE names another store",
    });
  }
  if (second === undefined) return match;
  throw new SealflowError({
    code: "CLI_RUN_AMBIGUOUS",
    message: `run ${reference}: fits several runs, among them ${match} and ${second}`,
    hint: "give more of the id, from its start or its end",
  });
}
