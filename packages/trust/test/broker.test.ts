import { describe, expect, it } from "vitest";
import { decodeBundle } from "../src/bundle/format.js";
import { createWorld, registerRun, runTask, runToEnd } from "./world.js";

describe("the broker", () => {
  it("takes a run from its registration to its end", async () => {
    const world = await createWorld();
    const { runId } = await registerRun(world);
    expect((await world.broker.status(runId)).tasks.map(({ path, state }) => [path, state])).toEqual([
      ["prepare", "due"],
    ]);
    await expect(runTask(world, runId, "evaluate")).rejects.toMatchObject({ code: "TRUST_TASK_NOT_DUE" });
    await runToEnd(world, runId);
    const { state, tasks } = await world.broker.status(runId);
    expect(state).toBe("SUCCEEDED");
    expect(tasks.map(({ path }) => path)).toEqual([
      "prepare",
      "condition-1/report",
      "for-loop-1[0]/train",
      "for-loop-1[1]/train",
      "evaluate",
    ]);
    const bundle = decodeBundle(await world.broker.bundle(runId));
    expect(bundle.tasks.length).toBe(5);
  });
});
