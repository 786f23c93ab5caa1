/** Whatever sealed runs and their commands print, log and keep: no key, no token, no passphrase, no row of the data in it. */
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Identity, projectKeyFrom } from "@sealflow/seal";
import { openKeyFile } from "@sealflow/seal/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formsOf, watchSecrets } from "../../../test-support/secrets-seen.js";
import { unlockDataKey } from "../../seal/src/container/key-section.js";
import { readOpening } from "../../seal/src/container/opening.js";
import { pieceReader } from "../../seal/src/container/pieces.js";
import { cli } from "./support/fake-context.js";

const passphrase = "correct-horse-battery-staple";
const wrong = "a-guess-that-is-wrong";
const rows = "id,name,income\n1,marker-row-one,471147114711\n2,marker-row-two,471247124712";
/** In the clear by none of the ways that are searched here; `0.875` is declassified. */
const plaintext = [
  "marker-row",
  "471147114711",
  "471247124712",
  "gradient_booster",
  "secret-weights",
  "0.47114711",
];

let directory: string;
let scratch: string;
/** All that was printed, with the command that did it. */
let printed = "";
const at = (name: string) => join(directory, name);

/** Runs a command and keeps what it printed. `tty` draws as on a terminal. */
async function sealflow(args: readonly string[], { env = {}, tty = false } = {}) {
  const environment = { ...process.env, TMPDIR: scratch, SEALFLOW_PASSPHRASE: passphrase, ...env };
  const outcome = await cli(args, { cwd: directory, env: environment, tty, now: Date.now });
  const { stdout, stderr } = outcome;
  printed += `\n$ ${args.join(" ")}\n${stdout}\n${stderr}`;
  return outcome;
}

const run = ["--sealed", "--declassify", "train/Output"];
const watch = watchSecrets();
afterAll(watch.restore);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "sealflow-secrets-"));
  scratch = mkdtempSync(join(tmpdir(), "sealflow-secrets-tmp-"));
  cpSync(fileURLToPath(new URL("testdata/sealed", import.meta.url)), directory, { recursive: true });
  writeFileSync(at("package.json"), "{}");
  writeFileSync(at("rows.csv"), rows);
  // With failed tasks and retries, in each way of showing a run.
  const debug = { SEALFLOW_DEBUG: "1" };
  const failed = await sealflow(["run", "flow.ts", ...run, "--json", "--events", at("a.jsonl")]);
  expect(failed).toMatchObject({ exitCode: 1 });
  const first: string = JSON.parse(failed.stdout).runId;
  await sealflow(["run", "flow.ts", ...run, "--no-cache", "--events", at("b.jsonl")], {
    tty: true,
    env: debug,
  });
  await sealflow(["run", "flow.ts", ...run], { env: debug });
  expect((await sealflow(["run", "pipeline.ts", ...run])).exitCode).toBe(0);
  for (const command of [
    ["runs", "list"],
    ["runs", "list", "--json"],
    ["runs", "show", "latest"],
    ["runs", "show", "latest", "--json"],
    ["runs", "resume", "latest"],
    ["runs", "retry", "latest"],
    ["report", "latest", "-o", at("report.html")],
    ["bundle", "latest", "-o", at("run.bundle")],
    ["verify", at("run.bundle")],
    ["verify", at("run.bundle"), "--json"],
    ["keys", "show"],
    ["keys", "show", "--json"],
    ["keys", "new", "second"],
    ["keys", "rotate", "second"],
    ["seal", at("rows.csv"), "--to", "second", "-o", at("rows.sealed")],
    ["keys", "show", "second", "--json"],
  ])
    await sealflow(command);
  // And where something is wrong.
  writeFileSync(at("wrong.txt"), wrong);
  const unlocked = ["--passphrase-file", at("wrong.txt")];
  for (const command of [
    ["open", at("rows.sealed"), "-o", at("opened"), ...unlocked],
    ["keys", "rotate", "second", ...unlocked],
    ["run", "pipeline.ts", ...run, ...unlocked],
    ["runs", "logs", first, "load", ...unlocked],
    ["keys", "new", "second", ...unlocked],
    ["open", at("rows.csv"), "-o", at("opened")],
    ["bundle", "nothing", "-o", at("no.bundle")],
    ["verify", at("rows.csv")],
  ]) {
    expect((await sealflow(command, { env: debug })).exitCode, command.join(" ")).not.toBe(0);
  }
});
afterAll(() => {
  for (const each of [directory, scratch]) rmSync(each, { recursive: true, force: true });
});

function files(root: string): string[] {
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .map((name) => join(root, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}

/** Everything that was left: what was printed, the store with its logs and keys, events, report, bundle, temporary files. */
function left(): readonly { readonly place: string; readonly content: Buffer }[] {
  const given = new Set(["rows.csv", "wrong.txt", "steps.py", "flow.ts", "pipeline.ts"].map(at));
  const places = [...files(directory), ...files(scratch)].filter((path) => !given.has(path));
  return [
    { place: "what was printed", content: Buffer.from(printed) },
    ...places.map((place) => ({ place, content: readFileSync(place) })),
  ];
}

function found(secrets: readonly string[], forms: (secret: string) => readonly Buffer[]): string[] {
  const everything = left();
  return secrets.flatMap((secret) => {
    const wanted = forms(secret);
    return everything
      .filter(({ content }) => wanted.some((form) => content.includes(form)))
      .map(({ place }) => `${secret}: ${place}`);
  });
}

async function identities(): Promise<Identity[]> {
  const access = { passphrase: async () => passphrase, wrapper: () => Promise.reject(new Error("none")) };
  const names = readdirSync(at(".sealflow/keys"));
  const keys = await Promise.all(names.map((name) => openKeyFile(at(`.sealflow/keys/${name}`), access)));
  const secrets = keys.flatMap((key) => key.secrets);
  return Promise.all(secrets.map(async (each) => (await projectKeyFrom(each)).identity));
}

/** Data keys of all sealed artifacts that are left, many of them made by Python: hex. And the artifacts' ids, which are public. */
async function artifacts(): Promise<{ readonly keys: string[]; readonly ids: string[] }> {
  const unlock = { identities: await identities() };
  const opened = await Promise.all(
    left()
      .filter(({ content }) => content.subarray(0, 8).toString("latin1") === "SEALFLOW")
      .map(async ({ content }) => {
        const opening = await readOpening(pieceReader([content]));
        const key = Buffer.from(await unlockDataKey(opening, unlock)).toString("hex");
        return { key, id: opening.header.id };
      }),
  );
  return { keys: opened.map(({ key }) => key), ids: opened.map(({ id }) => id) };
}

describe("what sealed runs with failures, their commands and their mistakes leave", () => {
  it("has no row of the data and no value made of them, in tries and errors either", () => {
    expect(printed).toContain("TASK_RAISED");
    expect(found(plaintext, (text) => [Buffer.from(text), ...bases(text)])).toEqual([]);
  });

  it("has no passphrase, right or wrong", () => {
    expect(printed).toContain("SEAL_KEY_LOCKED");
    expect(found([passphrase, wrong], (text) => [Buffer.from(text), ...bases(text)])).toEqual([]);
  });

  it("has no key that an artifact was sealed under", async () => {
    const { keys } = await artifacts();
    expect(keys.length).toBeGreaterThan(10);
    expect(found(keys, formsOf)).toEqual([]);
  });

  it("has none of the keys, seeds and tokens that the process used or drew", async () => {
    const { ids } = await artifacts();
    const isPublic = publicBytes(ids);
    const secrets = watch.all().filter((hex) => !isPublic(hex));
    expect(secrets.length).toBeGreaterThan(200);
    expect(found(secrets, formsOf)).toEqual([]);
  });

  it("would be found if it were there", async () => {
    const { keys } = await artifacts();
    const [key = ""] = keys;
    const note = at("note.log");
    for (const form of formsOf(key)) {
      writeFileSync(note, "before ");
      appendFileSync(note, form);
      expect(found([key], formsOf)).toEqual([`${key}: ${note}`]);
    }
    rmSync(note);
  });
});

/** A text as base64 has it, wherever it stands in what was encoded. */
function bases(text: string): Buffer[] {
  return [0, 1, 2].map((shift) => {
    const encoded = Buffer.from(`${" ".repeat(shift)}${text}`).toString("base64");
    return Buffer.from(encoded.slice(shift === 0 ? 0 : 4, -4));
  });
}

/** Drawn, but for everybody to see: ids of artifacts and platforms, salts of key files, nonces and salts that bundles show. */
function publicBytes(ids: readonly string[]): (hex: string) => boolean {
  const kept = files(at(".sealflow"));
  const bundles = kept
    .filter((path) => path.endsWith("bundle.json"))
    .map((path) => readFileSync(path, "utf8"));
  const shown = bundles.flatMap((text) => [...text.matchAll(/"(?:nonce|salt)":"([0-9a-f]{64})"/g)]);
  const keys = kept.filter((path) => path.includes("/keys/")).map((path) => readFileSync(path, "utf8"));
  const salts = keys.flatMap((text) => [...text.matchAll(/"salt": "([^"]+)"/g)]);
  const platforms = [...printed.matchAll(/PPID ([0-9a-f]{32})/g)];
  const known = new Set([
    ...ids,
    ...platforms.map(([, hex]) => hex),
    ...shown.map(([, hex]) => hex),
    ...salts.map(([, base64]) => Buffer.from(base64 ?? "", "base64").toString("hex")),
  ]);
  return (hex) => known.has(hex);
}
