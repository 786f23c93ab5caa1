import { afterEach, beforeEach, expect, test } from "vitest";
import { pendingChanges } from "../src/index.js";
import { type TestDeployment, testDeployment } from "./support/deployment.js";
import { type StandIn, startStandIn } from "./support/stand-in.js";

let standIn: StandIn;
let deployment: TestDeployment;

beforeEach(async () => {
  standIn = await startStandIn();
  deployment = testDeployment(standIn);
});

afterEach(async () => {
  await standIn.close();
  deployment.remove();
});

test("an apply makes everything, and the plan after it is empty", async () => {
  const { applied, plan } = await deployment.apply();
  expect(applied).toBe(true);
  expect(pendingChanges(plan).map(({ address }) => address)).toEqual([
    "group",
    "registry",
    "cluster",
    "pool/nodepool1",
    "pool/intelsgx",
    "role/acr-pull",
  ]);
  expect(standIn.violations).toEqual([]);
  const again = await (await deployment.open()).plan();
  expect(again.changes.filter(({ action }) => action !== "unchanged")).toEqual([]);
});
