/** Which answers of a broker, or of what stands before it, are asked for again. */
import { SealflowError } from "@sealflow/core";
import { describe, expect, it } from "vitest";
import { httpBroker } from "../src/index.js";

const offer = { runId: "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", expiresAt: "2026-01-03T03:00:00.000Z" };

/** A broker that is reached in its turn: each answer is a status, or what the connection throws. */
function answering(answers: readonly (number | Error)[], tries?: number) {
  const waits: number[] = [];
  let asked = 0;
  const broker = httpBroker({
    url: "https://broker.example/",
    ...(tries === undefined ? {} : { tries }),
    fetch: async (address) => {
      expect(address).toBe("https://broker.example/v1/runs");
      const answer = answers[asked++] ?? 200;
      if (answer instanceof Error) throw answer;
      return answer === 200 ? Response.json(offer) : new Response("<html>", { status: answer });
    },
    wait: async (milliseconds) => void waits.push(milliseconds),
  });
  return { broker, waits, asked: () => asked };
}

describe("a broker over HTTP", () => {
  it.each([429, 502, 503, 504, new TypeError("connection reset")])(
    "is asked again after %s, each time later",
    async (answer) => {
      const { broker, waits } = answering([answer, answer]);
      expect(await broker.openRun()).toEqual(offer);
      expect(waits).toEqual([400, 800]);
    },
  );

  it.each([400, 403, 404, 409, 413, 500])("is not asked again after %s", async (status) => {
    const { broker, asked } = answering([status]);
    await expect(broker.openRun()).rejects.toMatchObject({
      code: "TRUST_BROKER_ANSWER",
      message: expect.stringContaining(`status ${status}`),
    });
    expect(asked()).toBe(1);
  });

  it("is not asked again when its certificate is refused", async () => {
    const refused = new SealflowError({ code: "CLUSTER_CERTIFICATE_REFUSED", message: "another key" });
    const { broker, asked } = answering([refused]);
    await expect(broker.openRun()).rejects.toBe(refused);
    expect(asked()).toBe(1);
  });

  it("is given up after the last try, with what came then", async () => {
    const busy = answering(Array.from({ length: 9 }, () => 503));
    await expect(busy.broker.openRun()).rejects.toMatchObject({ code: "TRUST_BROKER_ANSWER" });
    expect(busy.asked()).toBe(5);
    const gone = answering(
      Array.from({ length: 9 }, () => new TypeError("connection refused")),
      2,
    );
    await expect(gone.broker.openRun()).rejects.toMatchObject({
      code: "TRUST_BROKER_UNREACHABLE",
      message: expect.stringContaining("connection refused"),
    });
    expect(gone.asked()).toBe(2);
  });
});
