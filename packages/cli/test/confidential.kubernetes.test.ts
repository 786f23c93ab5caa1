/**
 * From a pipeline to a verified run on another engine, with one command: `sealflow serve` stands for Kubeflow Pipelines and runs
 * the measured image by digest in podman; the broker, and what vouches for the simulated enclaves, are elsewhere, behind TLS
 * with certificates that only their pins are known of.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pinOfCertificate, RegistryRepository } from "@sealflow/cluster";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { laneImages } from "../../../test-support/kubernetes/cluster.js";
import { type TestPodman, testPodman } from "../../../test-support/podman.js";
import { testPython } from "../../../test-support/python.js";
import { registryProgram, startRegistry, type TestRegistry } from "../../../test-support/registry.js";
import { pushArchive } from "../../cluster/test/enclave/push-archive.js";
import { cli } from "./support/fake-context.js";
import { type Serving, serving } from "./support/serving.js";

const program = registryProgram();
const project = fileURLToPath(new URL("testdata/sealed", import.meta.url));
const secrets = ["marker-row-one", "471147114711", "gradient_booster", "secret-weights"];
const rows = `id,name,income\n1,${secrets[0]},${secrets[1]}\n2,marker-row-two,471247124712`;

describe.skipIf(program === undefined)("a confidential run on another engine", () => {
  const directory = mkdtempSync(join(tmpdir(), "sealflow-far-"));
  const path = (...names: string[]) => join(directory, ...names);
  const env = () => ({
    ...process.env,
    SEALFLOW_CONTEXTS: path("contexts.json"),
    SEALFLOW_PYTHON: testPython(),
  });
  const sealflow = (...args: string[]) => cli(args, { cwd: path("near"), env: env(), now: Date.now });
  const owner = (...args: string[]) => cli(args, { cwd: path("owner"), env: env(), now: Date.now });
  const services: Serving[] = [];
  const kept = { ...process.env };
  let registry: TestRegistry;
  let podman: TestPodman;
  let broker = "";
  let brokerPin = "";
  let simulated: Record<string, string> = {};

  async function serve(where: string, ...args: string[]): Promise<Record<string, string>> {
    const service = await serving(args, { cwd: path(where), env: env() });
    services.push(service);
    return service.said;
  }

  async function must(work: Promise<{ exitCode: number; stdout: string; stderr: string }>): Promise<string> {
    const { exitCode, stdout, stderr } = await work;
    if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${stderr}`);
    return stdout;
  }

  function certificate(name: string): readonly string[] {
    const [cert, key] = [path(`${name}.crt`), path(`${name}.key`)];
    const how = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=${name}`;
    execFileSync("openssl", [...how.split(" "), "-keyout", key, "-out", cert], { stdio: "ignore" });
    return ["--tls-cert", cert, "--tls-key", key];
  }

  function ed25519(name: string): void {
    execFileSync("openssl", ["genpkey", "-algorithm", "ed25519", "-out", path(`${name}.pem`)]);
    execFileSync("openssl", ["pkey", "-in", path(`${name}.pem`), "-pubout", "-out", path(`${name}.pub`)]);
  }

  /** The image with the components, in a real registry, as whoever wants to run the pipeline builds it. */
  async function image(): Promise<void> {
    const archive = (await laneImages()).find((file) => file.endsWith("python.tar")) ?? "";
    const access = { fetch, logins: async () => undefined };
    const base = await pushArchive(
      archive,
      new RegistryRepository({ host: registry.host, name: "base/python" }, access),
    );
    const from = `${registry.host}/base/python@${base}`;
    const to = `${registry.host}/team/careless`;
    await must(
      sealflow(
        "image",
        "build",
        "pipeline.ts",
        "--base",
        from,
        "--to",
        to,
        "--simulated",
        "-o",
        "image.json",
      ),
    );
  }

  /** The data owner seals the data, allows the pipeline, and serves the broker. */
  async function dataOwner(): Promise<void> {
    const lock = path("near", "image.json");
    simulated = await serve(
      "owner",
      "image",
      "simulate",
      lock,
      "--platform",
      "p.json",
      ...certificate("quotes"),
    );
    writeFileSync(path("quotes.token"), `${simulated.token}\n`);
    await must(owner("keys", "new", "broker"));
    const told = await must(
      owner(
        "broker",
        "init",
        "--domain",
        "bank.example",
        "--policy-signer",
        path("signer.pub"),
        "--root",
        `${simulated.roots}`,
      ),
    );
    writeFileSync(path("near", "trust.yaml"), told);
    const data = path("near", "rows.csv.sealed");
    await must(owner("seal", path("rows.csv"), "--to", "broker", "-o", data));
    const recipient = JSON.parse(await must(sealflow("keys", "show", "--json"))).keys[0].recipient;
    const draft = ["policy", "draft", path("near", "pipeline.ts"), "--image", lock, "-o", "policy.yaml"];
    const who = ["--submitter", `alice=${path("alice.pub")}`, "--recipient", recipient];
    const what = ["--input", `importer=${data}`, "--declassify", "train/Output", "--release", "load/Output"];
    await must(owner(...draft, ...who, ...what, "--simulated-root", `${simulated.simulatedRoots}`));
    await must(owner("policy", "sign", "policy.yaml", "--key", path("signer.pem"), "-o", "policy.signed"));
    const tls = certificate("broker");
    brokerPin = pinOfCertificate(readFileSync(path("broker.crt"), "utf8"));
    const under = ["--trust", path("near", "trust.yaml"), "--policy", "policy.signed", "--port", "0"];
    broker = `${(await serve("owner", "broker", "serve", ...under, ...tls)).url}`;
  }

  beforeAll(async () => {
    cpSync(project, path("near"), { recursive: true });
    for (const name of ["owner", "far"]) cpSync(path("near", "steps.py"), path(name, "package.json"));
    for (const name of ["near", "owner", "far"]) writeFileSync(path(name, "package.json"), "{}");
    writeFileSync(path("rows.csv"), rows);
    for (const name of ["signer", "alice"]) ed25519(name);
    registry = await startRegistry(program ?? "");
    podman = testPodman(path("podman"), registry.host);
    Object.assign(process.env, podman.environment);
    await must(sealflow("keys", "new"));
    await image();
    await dataOwner();
    cpSync(path("near", "rows.csv.sealed"), path("far", "rows.csv.sealed"));
    const far = await serve("far", "serve", "--port", "0");
    const settings = ["--broker", broker, "--broker-pin", brokerPin, "--submitter", "alice"];
    const files = [
      "--submitter-key",
      path("alice.pem"),
      "--image",
      "image.json",
      "--quotes-token-file",
      path("quotes.token"),
    ];
    const quotes = ["--quotes", `${simulated.url}`, "--quotes-pin", `${simulated.pin}`];
    await must(
      sealflow(
        "contexts",
        "add",
        "far",
        "--endpoint",
        `${far.url}`,
        "--confidential",
        ...settings,
        ...files,
        ...quotes,
      ),
    );
  }, 300_000);
  afterAll(async () => {
    for (const service of services.toReversed()) await service.stop();
    podman?.remove();
    await registry?.stop();
    process.env = kept;
    rmSync(directory, { recursive: true, force: true });
  });

  const run = (...more: string[]) => {
    const what = ["--param", "path=rows.csv.sealed", "--input", "importer=rows.csv.sealed"];
    const shows = ["--declassify", "train/Output", "--release", "load/Output"];
    return sealflow("run", "pipeline.ts", "--on", "far", "--json", "--logs", ...what, ...shows, ...more);
  };

  it("is registered, runs in its image, and ends with outputs that its bundle proves", async () => {
    const outcome = await run();
    expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0 });
    const summary = JSON.parse(outcome.stdout);
    expect(summary).toMatchObject({
      state: "SUCCEEDED",
      outputs: { rows: 3, accuracy: 0.875 },
      sealed: { enclaves: "simulated" },
    });
    const states = summary.tasks.map(
      ({ path: at, state }: { path: string; state: string }) => `${at} ${state}`,
    );
    expect(states).toContain("condition-1/for-loop-3[1]/describe SUCCEEDED");
    expect(outcome.stderr).toContain("in SIMULATED enclaves");
    // What the tasks print is opened here, with the recipient's key.
    expect(outcome.stderr).toContain(`load | 1,${secrets[0]},${secrets[1]}`);
    expect(outcome.stderr).toMatch(/Bundle .*bundle.json: trusted \(SIMULATED/);
  });

  it("leaves the other engine nothing but ciphertext", () => {
    const files = readdirSync(path("far"), { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    const text = files.map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1")).join("\n");
    expect(text).toContain("SEALFLOW LOG");
    for (const secret of secrets) expect(text).not.toContain(secret);
  });

  it("is bundled, read and verified later, also by somebody who has not submitted it", async () => {
    await must(sealflow("bundle", "latest", "--on", "far", "-o", "one.bundle"));
    const verified = JSON.parse(
      await must(sealflow("verify", "one.bundle", "--trust", "trust.yaml", "--json")),
    );
    expect(verified).toMatchObject({ verdict: "trusted", run: { simulated: true, submitter: "alice" } });
    // Without what was kept here, by the context's broker and the id in the spec.
    await must(sealflow("bundle", "latest", "--on", "far", "-o", "two.bundle", "--store", path("elsewhere")));
    const second = JSON.parse(await must(sealflow("verify", "two.bundle", "--json")));
    expect(second.run).toMatchObject({ runId: verified.run.runId, tasks: verified.run.tasks });
    const log = await must(sealflow("runs", "logs", "latest", "load", "--on", "far"));
    expect(log).toContain(secrets[0]);
    rmSync(path("near", ".sealflow", "keys"), { recursive: true });
    expect(await must(sealflow("runs", "logs", "latest", "load", "--on", "far"))).toMatch(
      /\(sealed log, \d+ bytes/,
    );
    await must(sealflow("keys", "new"));
  });

  it("is refused before anything is registered when a task can't be protected", async () => {
    const changed = readFileSync(path("near", "steps.py"), "utf8").replace("7 / 8", "6 / 8");
    const before = readFileSync(path("near", "steps.py"), "utf8");
    writeFileSync(path("near", "steps.py"), changed);
    const outcome = await run();
    writeFileSync(path("near", "steps.py"), before);
    expect(outcome.exitCode).toBe(4);
    const { error } = JSON.parse(outcome.stdout);
    expect(error.code).toBe("CLI_CONFIDENTIAL_UNPROTECTED");
    expect(JSON.stringify(error.data)).toContain("OVERLAY_IMAGE_STALE");
  });

  it("tells nothing to whoever has another key than the broker's", async () => {
    const outcome = await run("--broker-pin", "0".repeat(64));
    expect(outcome).toMatchObject({ exitCode: 4, stderr: expect.stringContaining("CLUSTER_PIN_MISMATCH") });
  });
});
