/**
 * A hostile control plane without a plan: at random moments and in random combination it does what the attacks of hostile.test.ts
 * do, and honest steps in between. Each pod ends well or with a reason, nothing gets a grant that is not due, and the run ends with
 * the same values as if nothing had been, or, when the attempts that its policy allows are used up, not at all.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { numbers } from "../../../../test-support/fuzz.js";
import { attack, type Deed, type Scene } from "./attacks.js";
import type { ControlPlane, PodEnd } from "./control-plane.js";
import { type FalseBroker, openFalseBroker } from "./false-broker.js";
import { contentOf, openScene, within } from "./scene.js";
import { openSetting, SECRET, type Setting } from "./setting.js";

const rounds = Number(process.env.SEALFLOW_ROUNDS ?? 12);
const first = Number(process.env.SEALFLOW_SEED ?? Date.now() % 1_000_000);

describe.runIf(process.env.SEALFLOW_SLOW)("a control plane that does anything at any time", () => {
  let setting: Setting;
  let mallory: FalseBroker;
  let other: ControlPlane;
  /** How often pods and runs ended how. */
  const tally = new Map<string, number>();
  const count = (what: string) => tally.set(what, (tally.get(what) ?? 0) + 1);
  beforeAll(async () => {
    setting = await openSetting();
    mallory = await openFalseBroker(setting.deployment.server.url);
    other = await setting.begin();
    await other.goOn((path) => path.endsWith("publish") || path === "cleanup");
  }, 120_000);
  afterAll(async () => {
    mallory?.close();
    await setting?.close();
  });

  it.each(Array.from({ length: rounds }, (_, round) => first + round))(
    "seed %i: is caught with a reason each time, or changes nothing",
    async (seed) => {
      writeFileSync(join(setting.scratch, "mark"), "");
      const plane = await setting.begin({ mark: join(setting.scratch, "mark") });
      const depot = join(setting.scratch, `depot-${seed}`);
      const scene = openScene({ setting, mallory, other, plane, depot, next: numbers(seed) });
      const deeds: Deed[] = [];
      const about = () => `seed ${seed}: ${deeds.map(({ what, path }) => `${what} ${path}`).join(", ")}`;
      while (plane.outcome === undefined && deeds.at(-1)?.what !== "exhausted") {
        const attacking = deeds.length < 40 && scene.next(2) === 0;
        const deed = attacking ? await attack(scene) : await honest(scene);
        deeds.push(deed);
        for (const end of deed.ends) {
          expect(ending(end), `${about()}\n${end.stderr}`).toMatch(allowed);
          count(`${deed.what}: ${ending(end)}`);
        }
        await takeCommitted(scene);
        await nothingUndue(scene, about());
      }
      await judge(scene, about());
      count(plane.outcome === undefined ? "runs that used their attempts up" : "runs that succeeded");
    },
    300_000,
  );

  it("sees no secret", () => {
    console.info(
      [...tally]
        .sort()
        .map(([what, times]) => `${times} ${what}`)
        .join("\n"),
    );
    for (const each of ["store", "pods"])
      expect(contentOf(join(setting.scratch, each))).not.toContain(SECRET);
  });
});

/** Ends of pods: well, refused or failed with a reason, wrong usage, or taken along by their node. */
const allowed = /^(0|[14] ENCLAVE_(REFUSED|FAILED|OUTPUTS) [A-Z][A-Z_]+|2 ENCLAVE_REQUEST|-?\d+ killed)$/;

function ending({ code, stderr }: PodEnd): string {
  const [, kind = "", reason = ""] = /error\[(ENCLAVE_[A-Z]+)\]:(?: ([A-Z][A-Z_]+):)?/.exec(stderr) ?? [];
  if (kind === "" && (code === -9 || code === 137)) return `${code} killed`;
  return [code, kind, reason].filter((each) => each !== "").join(" ");
}

/** Starts a task that is due as the spec says, and takes what it leaves. */
async function honest({ plane, next, depot }: Scene): Promise<Deed> {
  const due = [...plane.due.keys()];
  const path = due[next(due.length)] ?? "";
  const end = await plane.run(path, { flags: { "--depot": depot } });
  const exhausted = /TRUST_ATTEMPTS_EXHAUSTED/.test(end.stderr);
  return { what: exhausted ? "exhausted" : "honest", path, ends: [end] };
}

/** What an attack brought to its commit is done: the control plane goes on from there. */
async function takeCommitted({ setting, plane, depot }: Scene): Promise<void> {
  const { tasks } = await setting.deployment.broker.status(plane.options.runId);
  for (const { path, state } of tasks)
    if (state === "committed" && plane.due.has(path)) await plane.run(path, { flags: { "--depot": depot } });
}

/** What has a grant was due by what the tasks themselves committed. */
async function nothingUndue({ setting, plane }: Scene, about: string): Promise<void> {
  const granted = Object.keys(await setting.deployment.granted(plane.options.runId));
  const legal = new Set([...plane.due.keys(), ...plane.shown.keys()]);
  expect(
    granted.filter((path) => !legal.has(path)),
    about,
  ).toEqual([]);
}

async function judge({ setting, plane }: Scene, about: string): Promise<void> {
  const verdict = await setting.deployment.verify(plane.options.runId);
  if (plane.outcome === undefined) {
    expect(verdict, about).toMatchObject({ verdict: "refused", code: "TRUST_BUNDLE_UNFINISHED" });
    return;
  }
  expect(
    verdict.checks.filter(({ passed }) => !passed),
    about,
  ).toEqual([]);
  expect(verdict, about).toMatchObject({ verdict: "trusted", run: { state: "SUCCEEDED" } });
  const tasks = new Map(verdict.run?.tasks.map((task) => [task.path, task]));
  const output = (path: string) => tasks.get(path)?.outputs?.parameters.Output?.value;
  expect(output("cleanup"), about).toBe(`COMPLETE ${within}`);
  expect(JSON.parse(`${output(`${within}/publish`)}`), about).toMatchObject({
    ...{ text: "large", note: "large: 3 of 3", models: ["1a", "1b", "2a", "2b"], seven: 7 },
  });
}
