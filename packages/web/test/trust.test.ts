import { describe, expect, it } from "vitest";
import { checksOfTask } from "../src/trust/task-checks.js";

const check = (where: string) => ({ code: "C", what: "w", where, passed: true, expected: "", got: "" });

describe("the checks of a task", () => {
  it("are those of itself, of its attempts and of its original, and of no task whose name begins alike", () => {
    const own = ["train", "train, attempt 1", "train, attempt 12", "train, its original"];
    const others = [
      "train-2, attempt 1",
      "for-loop-1[0]/train, attempt 1",
      "train, attempt",
      "log entry 3",
      "bundle",
    ];
    const checks = [...own, ...others].map(check);
    expect(checksOfTask(checks, "train").map(({ where }) => where)).toEqual(own);
    expect(checksOfTask(checks, "for-loop-1[0]/train")).toHaveLength(1);
    expect(checksOfTask([], "train")).toEqual([]);
  });
});
