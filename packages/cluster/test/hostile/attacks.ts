/** What a hostile control plane can do at one moment: each of its ways, and what may come of it. */
import { join } from "node:path";
import { isSealflowError, type JsonObject } from "@sealflow/core";
import { mutatedBytes, mutatedValue, type Numbers } from "../../../../test-support/fuzz.js";
import { ControlPlane, forgedCopy, type Pod, type PodChange, type PodEnd } from "./control-plane.js";
import { type FalseBroker, mallorysTls } from "./false-broker.js";
import type { Setting } from "./setting.js";

/** Everything an attack works with. */
export interface Scene {
  readonly setting: Setting;
  readonly mallory: FalseBroker;
  /** The run that is attacked. */
  readonly plane: ControlPlane;
  /** Another run of the same pipeline, some of whose tasks are done. */
  readonly other: ControlPlane;
  readonly next: Numbers;
  /** Where pods keep sealed outputs before they count. */
  readonly depot: string;
  /** Every path of the pipeline, and some that there never are. */
  readonly paths: readonly string[];
}

/** What was done, to be printed when it goes wrong. */
export interface Deed {
  readonly what: string;
  readonly path: string;
  readonly ends: readonly PodEnd[];
}

type Way = (scene: Scene, path: string) => Promise<readonly PodEnd[]>;

/** A piece of a pod's start that is not as the overlay says. */
type Change = (scene: Scene, path: string) => PodChange;

const lies = ["small", "large", 0, -1, 99, true, [], [1, 2, 3], { state: "FAILED" }, "lies"];

const one = <T>(items: readonly T[], next: Numbers): T => items[next(items.length)] as T;

const changes: readonly Change[] = [
  () => ({ flags: { "--quotes-token": "foreign" } }),
  ({ next }) => ({ flags: { "--executor": one(["exec-train", "exec-prepare", "exec-none"], next) } }),
  ({ setting }) => ({ image: setting.patched }),
  () => ({ flags: { "--run": crypto.randomUUID() } }),
  ({ next }) => ({
    input: (input: JsonObject) => ({
      ...input,
      inputs: {
        artifacts: {},
        parameterValues: Object.fromEntries(
          ["rows", "word", "item", "kind", "status"].map((name) => [name, one(lies, next)]),
        ),
      },
    }),
  }),
  () => ({ files: [] }),
  ({ other }) => ({ files: other.files() }),
  ({ plane, next }) => ({ files: plane.files().filter(() => next(2) === 0) }),
  ({ plane, next, setting }) => {
    const [file] = plane.files();
    if (file === undefined) return { files: [] };
    const target = join(setting.scratch, `forged-${next(2 ** 31)}`);
    return { files: [forgedCopy(file, target, (bytes) => Buffer.from(mutatedBytes(bytes, next)))] };
  },
];

/** Starts a pod with the volume that outlives it. */
export function start(
  { plane, depot }: Pick<Scene, "plane" | "depot">,
  path: string,
  change: PodChange = {},
): Pod {
  return plane.start(path, { ...change, flags: { "--depot": depot, ...change.flags } });
}

/** One or two changes at once. */
const changed: Way = async (scene, path) => {
  const picked = Array.from({ length: 1 + scene.next(2) }, () => one(changes, scene.next)(scene, path));
  const flags = Object.assign({}, ...picked.map((each) => each.flags ?? {}));
  return [await start(scene, path, { ...Object.assign({}, ...picked), flags }).ended];
};

/** Several pods of one task, some of which their node takes along. */
const together: Way = async (scene, path) => {
  const { setting, next } = scene;
  const pods = Array.from({ length: 2 + next(2) }, () => start(scene, path));
  for (const { id } of pods) if (next(3) === 0) setTimeout(() => setting.node.kill(id), next(600));
  return Promise.all(pods.map(({ ended }) => ended));
};

/** The network lets a few connections through and no more. */
const cut: Way = async (scene, path) => {
  const { setting, next } = scene;
  setting.wire.allow(next(5));
  const pod = start(scene, path);
  setTimeout(() => setting.wire.allowAll(), 500 + next(1500));
  const end = await pod.ended;
  setting.wire.allowAll();
  return [end];
};

/** Somebody else in the broker's place, who has not its certificate. */
const elsewhere: Way = async (scene, path) => {
  const { setting, mallory } = scene;
  setting.wire.target = mallory.port;
  const end = await start(scene, path).ended;
  setting.wire.target = Number(new URL(setting.deployment.server.url).port);
  return [end];
};

/** Somebody in between whom the pod believes to be the broker, and who changes messages or answers as it comes. */
const meddled: Way = async (scene, path) => {
  const { mallory, next } = scene;
  const inAnswers = next(2) === 0;
  const at = one(["challenges", "requests", "commits", "failures"], next);
  const change = (what: string, body: Record<string, unknown>) =>
    what === at ? (mutatedValue(body as never, next) as Record<string, unknown>) : body;
  mallory.meddle = inAnswers ? { answer: change } : { request: change };
  const flags = { "--broker": `https://127.0.0.1:${mallory.port}`, "--broker-pin": mallorysTls.pin };
  const end = await start(scene, path, { flags }).ended;
  mallory.meddle = {};
  return [end];
};

/** A driver that lies about outputs, and starts what would be due then. */
const lied: Way = async ({ plane, setting, next, depot }, path) => {
  const done = [...plane.shown.keys()];
  const liar = new ControlPlane({ ...plane.options, store: join(setting.scratch, `liar-${next(2 ** 31)}`) });
  for (const each of done) {
    if (!liar.due.has(each)) continue;
    const outputs = plane.shown.get(each);
    const place = plane.files(each)[0] ?? "";
    if (outputs === undefined || place === "") break;
    // A lie of the wrong type ends the liar's own reckoning: it goes on from what it has told so far.
    if (!taken(() => liar.take(each, join(place, ".."), () => mutatedValue(outputs, next)))) break;
  }
  const due = [...liar.due.keys()].filter((each) => !plane.due.has(each));
  return [await start({ plane: liar, depot }, due.length === 0 ? path : one(due, next)).ended];
};

/** False when the interpreter has no use for what it was told. */
function taken(take: () => void): boolean {
  try {
    take();
    return true;
  } catch (error) {
    if (isSealflowError(error) && error.code === "INTERPRETER_RESULT_UNEXPECTED") return false;
    throw error;
  }
}

const ways: Readonly<Record<string, Way>> = { changed, together, cut, elsewhere, meddled, lied };

/** Does something, to a task that is due or to any. */
export async function attack(scene: Scene): Promise<Deed> {
  const { next, plane, paths } = scene;
  const due = [...plane.due.keys()];
  const path = due.length > 0 && next(3) > 0 ? one(due, next) : one(paths, next);
  const what = one(Object.keys(ways), next);
  try {
    return { what, path, ends: (await ways[what]?.(scene, path)) ?? [] };
  } catch (error) {
    throw new Error(`${what} at ${path}`, { cause: error });
  }
}
