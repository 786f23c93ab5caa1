/**
 * The loan-default pipeline on the data owner's sealed table, as Jobs of a real cluster: its measured image built from the lock and
 * pulled by digest from a real registry, ciphertext in a real S3-compatible store, keys from a broker outside the cluster.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { registryProgram } from "../../../test-support/registry.js";
import { shared } from "../../../test-support/shared.js";
import { type ConfidentialCluster, openConfidentialCluster } from "./support/confidential-cluster.js";
import { must } from "./support/confidential-world.js";

const registry = registryProgram();
const data = shared("data", "credit_risk_dataset.csv");
const project = fileURLToPath(new URL("../../../examples/loan-default", import.meta.url));
const { release } = JSON.parse(readFileSync(`${project}/sealflow.config.json`, "utf8"));
const files = ["pipeline.ts", "steps.components.ts", "steps.py", "requirements.lock", "loan_default"];
const parameters = ["n_estimators=50"];

/** Minutes long: packages of a few hundred megabytes, seven pods. `npm run test:slow` runs it. */
describe.skipIf(registry === undefined || data === undefined || !process.env.SEALFLOW_SLOW)(
  "the loan-default pipeline as confidential Jobs",
  () => {
    let here: ConfidentialCluster;
    const rows = data === undefined ? "" : readFileSync(data, "utf8");

    beforeAll(async () => {
      here = await openConfidentialCluster(registry ?? "", {
        ...{ project, files, rows, parameters, release, declassify: [] },
        ...{ importer: "condition-branches-1/condition-3/importer", parameter: "data_path" },
      });
    }, 1_200_000);
    afterAll(() => here?.close());

    it("gives what it gives on a laptop, proven by its bundle, and leaves ciphertext only", async () => {
      const outcome = await here.run();
      expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0 });
      const { state, outputs, runId } = JSON.parse(outcome.stdout);
      expect(state).toBe("SUCCEEDED");
      const given = [`data_path=${here.world.path("rows.csv")}`, ...parameters].flatMap((each) => [
        "--param",
        each,
      ]);
      const options = ["--store", here.world.path("laptop"), "--json"];
      const local = here.world.as("near", "run", "pipeline.ts", ...given, ...options);
      expect(outputs).toEqual(JSON.parse(await must(local)).outputs);
      await must(here.world.near("bundle", runId, "-o", "loan.bundle"));
      const verified = JSON.parse(await must(here.world.near("verify", "loan.bundle", "--json")));
      expect(verified).toMatchObject({ verdict: "trusted", run: { state: "SUCCEEDED", simulated: true } });
      await requireCiphertext();
    }, 1_200_000);

    /** Of everything in the store but the records of attempts, which are to be read by the engine. */
    async function requireCiphertext(): Promise<void> {
      const keys = (await here.store().list("")).filter((key) => !/result[.\d]*\.json$/.test(key));
      expect(keys.length).toBeGreaterThan(10);
      const someRows = rows.split("\n").slice(1, 200);
      for (const key of keys) {
        const text = Buffer.from((await here.store().get(key)) ?? "").toString("latin1");
        expect(text.startsWith("SEALFLOW"), key).toBe(true);
        for (const row of someRows.filter((each) => each.length > 10)) expect(text).not.toContain(row);
      }
    }
  },
);
