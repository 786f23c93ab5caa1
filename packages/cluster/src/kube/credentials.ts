/** Bearer credentials of a context: fixed, from a file, or from a program that gives them. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { isJsonObject, SealflowError } from "@sealflow/core";
import type { Environment, ExecCredential, KubeContext } from "./kubeconfig.js";

const run = promisify(execFile);

/** What goes with a request. */
export interface Credentials {
  readonly authorization?: string;
  readonly certificate?: string;
  readonly key?: string;
}

interface Given extends Credentials {
  /** Milliseconds since the Unix epoch; undefined for as long as this process lives. */
  readonly expires?: number;
}

/** Renewed this long before they end. */
const early = 60_000;

/** Gives the credentials of a context and renews them in time. */
export class CredentialSource {
  private readonly context: KubeContext;
  private readonly environment: Environment;
  private given: Promise<Given> | undefined;

  constructor(context: KubeContext, environment: Environment) {
    this.context = context;
    this.environment = environment;
  }

  /** @throws SealflowError `CLUSTER_CREDENTIALS_FAILED` */
  async current(): Promise<Credentials> {
    const { user } = this.context;
    const certificates = {
      ...(user.certificate === undefined ? {} : { certificate: user.certificate }),
      ...(user.key === undefined ? {} : { key: user.key }),
    };
    if (user.exec !== undefined) return { ...certificates, ...(await this.fromProgram(user.exec)) };
    const authorization = this.fixed();
    return authorization === undefined ? certificates : { ...certificates, authorization };
  }

  /** Forgets what a program gave, because the server did not take it. True when asking again may help. */
  forget(): boolean {
    const had = this.given !== undefined;
    this.given = undefined;
    return had;
  }

  private fixed(): string | undefined {
    const { token, tokenFile, basic } = this.context.user;
    if (tokenFile !== undefined) return `Bearer ${readToken(tokenFile)}`;
    if (token !== undefined) return `Bearer ${token}`;
    if (basic === undefined) return undefined;
    return `Basic ${Buffer.from(`${basic.username}:${basic.password}`).toString("base64")}`;
  }

  private async fromProgram(exec: ExecCredential): Promise<Given> {
    const known = this.given === undefined ? undefined : await this.given.catch(() => undefined);
    if (known !== undefined && (known.expires === undefined || known.expires - early > Date.now()))
      return known;
    const asked = ask(exec, this.context, this.environment);
    this.given = asked;
    return asked;
  }
}

function readToken(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (cause) {
    throw failed(`token file ${file} can't be read`, undefined, cause);
  }
}

async function ask(exec: ExecCredential, context: KubeContext, environment: Environment): Promise<Given> {
  const cluster = {
    server: context.server,
    "insecure-skip-tls-verify": context.insecure,
    ...(context.certificateAuthority === undefined
      ? {}
      : { "certificate-authority-data": Buffer.from(context.certificateAuthority).toString("base64") }),
  };
  const info = {
    apiVersion: exec.apiVersion,
    kind: "ExecCredential",
    spec: { interactive: false, ...(exec.provideClusterInfo ? { cluster } : {}) },
  };
  const env = {
    ...environment,
    ...exec.env,
    KUBERNETES_EXEC_INFO: JSON.stringify(info),
  } as NodeJS.ProcessEnv;
  try {
    const { stdout } = await run(exec.command, [...exec.args], { env, timeout: 60_000, maxBuffer: 1 << 20 });
    return readCredential(stdout, exec.command);
  } catch (cause) {
    if (cause instanceof SealflowError) throw cause;
    const { code, stderr } = cause as { code?: unknown; stderr?: string };
    const why =
      code === "ENOENT" ? "it is not installed" : (stderr?.trim().split("\n").at(-1) ?? String(cause));
    throw failed(`${exec.command}: expected credentials, got an error: ${why}`, exec.installHint, cause);
  }
}

function readCredential(output: string, command: string): Given {
  const value: unknown = JSON.parse(output);
  const status = isJsonObject(value) ? value.status : undefined;
  if (!isJsonObject(status)) throw failed(`${command}: expected an ExecCredential with a status`);
  const { token, clientCertificateData, clientKeyData, expirationTimestamp } = status;
  return {
    ...(typeof token === "string" ? { authorization: `Bearer ${token}` } : {}),
    ...(typeof clientCertificateData === "string" ? { certificate: clientCertificateData } : {}),
    ...(typeof clientKeyData === "string" ? { key: clientKeyData } : {}),
    ...(typeof expirationTimestamp === "string" ? { expires: Date.parse(expirationTimestamp) } : {}),
  };
}

function failed(message: string, hint?: string, cause?: unknown): SealflowError {
  return new SealflowError({
    code: "CLUSTER_CREDENTIALS_FAILED",
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
  });
}
