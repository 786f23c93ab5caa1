/**
 * The people around a confidential run, each with a directory and commands of their own: a data owner with broker and policy, and
 * a data scientist near them. Their services listen behind TLS, with certificates that nobody vouches for.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pinOfCertificate, RegistryRepository } from "@sealflow/cluster";
import { laneImages } from "../../../../test-support/kubernetes/cluster.js";
import { testPython } from "../../../../test-support/python.js";
import { pushArchive } from "../../../cluster/test/enclave/push-archive.js";
import { cli, type Outcome } from "./fake-context.js";
import { type Serving, serving } from "./serving.js";

/** Texts of the data and the model that must be nowhere outside of memory. */
export const secrets = ["marker-row-one", "471147114711", "gradient_booster", "secret-weights"] as const;

/** A pipeline, and what its data owner lets it do. */
export interface Agreed {
  /** Directory with `pipeline.ts`; what is named here of it is copied. */
  readonly project: string;
  readonly files: readonly string[];
  /** The data owner's table: CSV. */
  readonly rows: string;
  /** Path of the importer that takes it, and the pipeline's parameter with its address. */
  readonly importer: string;
  readonly parameter: string;
  /** `NAME=VALUE` */
  readonly parameters: readonly string[];
  readonly declassify: readonly string[];
  readonly release: readonly string[];
}

/** The small pipeline: its data and its model hold {@link secrets}. */
export const small: Agreed = {
  project: fileURLToPath(new URL("../testdata/sealed", import.meta.url)),
  files: ["."],
  rows: `id,name,income\n1,${secrets[0]},${secrets[1]}\n2,marker-row-two,471247124712`,
  ...{ importer: "importer", parameter: "path", parameters: [] },
  ...{ declassify: ["train/Output"], release: ["load/Output"] },
};

/** Where things are. */
export interface WorldPlaces {
  /** Address on which broker and quoting service listen. */
  readonly host: string;
  /** `ADDRESS:PORT` */
  readonly registry: string;
}

/** Everything around runs of one pipeline. */
export class ConfidentialWorld {
  readonly directory = mkdtempSync(join(tmpdir(), "sealflow-world-"));
  readonly places: WorldPlaces;
  readonly agreed: Agreed;
  broker = "";
  brokerPin = "";
  /** Digest of the image with Python, in the registry's `base/python`. */
  base = "";
  /** More variables for all commands. */
  environment: Readonly<Record<string, string>> = {};
  private simulated: Record<string, string> = {};
  private readonly services: Serving[] = [];

  constructor(places: WorldPlaces, agreed = small) {
    this.places = places;
    this.agreed = agreed;
    const { project, files } = agreed;
    for (const file of files) cpSync(join(project, file), this.path("near", file), { recursive: true });
    for (const name of ["near", "owner", "far"]) {
      mkdirSync(this.path(name), { recursive: true });
      writeFileSync(this.path(name, "package.json"), "{}");
    }
    writeFileSync(this.path("rows.csv"), agreed.rows);
  }

  path(...names: string[]): string {
    return join(this.directory, ...names);
  }

  /** A command of somebody. */
  as(who: string, ...args: string[]): Promise<Outcome> {
    return cli(args, this.options(who));
  }

  /** A command of the data scientist's. */
  near(...args: string[]): Promise<Outcome> {
    return this.as("near", ...args);
  }

  /** A service of somebody; gives what it said first. */
  async serve(who: string, ...args: string[]): Promise<Record<string, string>> {
    const service = await serving(args, this.options(who));
    this.services.push(service);
    return service.said;
  }

  /** Builds the image, seals the data, allows the pipeline, serves the broker. */
  async open(): Promise<void> {
    for (const name of ["signer", "alice"]) this.ed25519(name);
    await must(this.near("keys", "new"));
    await this.image();
    await this.owner();
  }

  /**
   * What a run needs besides the pipeline, as flags.
   *
   * @param broker Another address of the broker.
   */
  settings(broker = this.broker): readonly string[] {
    const { simulated } = this;
    return [
      ...["--broker", broker, "--broker-pin", this.brokerPin, "--submitter", "alice"],
      ...["--submitter-key", this.path("alice.pem"), "--image", "image.json"],
      ...["--quotes", `${simulated.url}`, "--quotes-pin", `${simulated.pin}`],
      ...["--quotes-token-file", this.path("quotes.token")],
    ];
  }

  /** Something with TLS and another key, where the broker could be. */
  get impostor(): string {
    return `${this.simulated.url}`;
  }

  async close(): Promise<void> {
    for (const service of this.services.toReversed()) await service.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** How somebody's commands run. */
  options(who: string) {
    const env = {
      ...process.env,
      SEALFLOW_CONTEXTS: this.path("contexts.json"),
      SEALFLOW_PYTHON: testPython(),
      ...this.environment,
    };
    return { cwd: this.path(who), env, now: Date.now };
  }

  repository(name: string): RegistryRepository {
    const access = { fetch, logins: async () => undefined };
    return new RegistryRepository({ host: this.places.registry, name }, access);
  }

  private certificate(name: string): readonly string[] {
    const [cert, key] = [this.path(`${name}.crt`), this.path(`${name}.key`)];
    const how = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=${name}`;
    execFileSync("openssl", [...how.split(" "), "-keyout", key, "-out", cert], { stdio: "ignore" });
    return ["--host", this.places.host, "--tls-cert", cert, "--tls-key", key];
  }

  private ed25519(name: string): void {
    const [pem, pub] = [this.path(`${name}.pem`), this.path(`${name}.pub`)];
    execFileSync("openssl", ["genpkey", "-algorithm", "ed25519", "-out", pem]);
    execFileSync("openssl", ["pkey", "-in", pem, "-pubout", "-out", pub]);
  }

  /** The image with the components, in a real registry, as whoever wants to run the pipeline builds it. */
  private async image(): Promise<void> {
    const archive = (await laneImages()).find((file) => file.endsWith("python.tar")) ?? "";
    const host = this.places.registry;
    this.base = await pushArchive(archive, this.repository("base/python"));
    const from = ["--base", `${host}/base/python@${this.base}`, "--to", `${host}/team/careless`];
    await must(this.near("image", "build", "pipeline.ts", ...from, "--simulated", "-o", "image.json"));
  }

  private async owner(): Promise<void> {
    const lock = this.path("near", "image.json");
    const platform = ["--platform", "platform.json", ...this.certificate("quotes")];
    this.simulated = await this.serve("owner", "image", "simulate", lock, ...platform);
    writeFileSync(this.path("quotes.token"), `${this.simulated.token}\n`);
    await must(this.as("owner", "keys", "new", "broker"));
    const anchors = ["--policy-signer", this.path("signer.pub"), "--root", `${this.simulated.roots}`];
    const told = await must(this.as("owner", "broker", "init", "--domain", "bank.example", ...anchors));
    writeFileSync(this.path("near", "trust.yaml"), told);
    const data = this.path("near", "rows.csv.sealed");
    await must(this.as("owner", "seal", this.path("rows.csv"), "--to", "broker", "-o", data));
    await this.policy(lock, data);
    const tls = this.certificate("broker");
    this.brokerPin = pinOfCertificate(readFileSync(this.path("broker.crt"), "utf8"));
    const under = ["--trust", this.path("near", "trust.yaml"), "--policy", "policy.signed", "--port", "0"];
    this.broker = `${(await this.serve("owner", "broker", "serve", ...under, ...tls)).url}`;
  }

  private async policy(lock: string, data: string): Promise<void> {
    const { recipient } = JSON.parse(await must(this.near("keys", "show", "--json"))).keys[0];
    const draft = [this.path("near", "pipeline.ts"), "--image", lock, "-o", "policy.yaml"];
    const who = ["--submitter", `alice=${this.path("alice.pub")}`, "--recipient", recipient];
    const what = ["--input", `${this.agreed.importer}=${data}`, ...leaving(this.agreed)];
    const roots = ["--simulated-root", `${this.simulated.simulatedRoots}`];
    await must(this.as("owner", "policy", "draft", ...draft, ...who, ...what, ...roots));
    const signing = ["--key", this.path("signer.pem"), "-o", "policy.signed"];
    await must(this.as("owner", "policy", "sign", "policy.yaml", ...signing));
  }
}

/** What `run` needs to know of a pipeline. */
export function runArgumentsOf(agreed: Agreed): readonly string[] {
  const { importer, parameter, parameters } = agreed;
  const given = [`${parameter}=rows.csv.sealed`, ...parameters].flatMap((each) => ["--param", each]);
  return [...given, "--input", `${importer}=rows.csv.sealed`, ...leaving(agreed)];
}

/** The same of the small one. */
export const runArguments = runArgumentsOf(small);

/** What may leave in the clear. */
function leaving({ declassify, release }: Agreed): readonly string[] {
  return [
    ...declassify.flatMap((each) => ["--declassify", each]),
    ...release.flatMap((each) => ["--release", each]),
  ];
}

/** The standard output of a command that must succeed. */
export async function must(work: Promise<Outcome>): Promise<string> {
  const { exitCode, stdout, stderr } = await work;
  if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${stderr}`);
  return stdout;
}
