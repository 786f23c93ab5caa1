/** `sealflow broker`. */
import { unwatchFile, watchFile } from "node:fs";
import { join, resolve } from "node:path";
import { intelRoot, Refusal, type TrustRoot, trustRootFromCertificate } from "@sealflow/attest";
import { fromHex, isSealflowError, type LogLevel, SealflowError, toHex } from "@sealflow/core";
import { type Envelope, parseEnvelope, projectKeyFrom } from "@sealflow/seal";
import { type BrokerServerOptions, type RunningBroker, startBrokerServer } from "@sealflow/server";
import { formatTrustFile, parseTrustFile, type TrustAnchors } from "@sealflow/trust";
import { type CliContext, wantsColour } from "../context.js";
import { exitCode } from "../exit-code.js";
import { type KeyFlags, random, unlockKey } from "../keys/keyring.js";
import { publicKeyNamed } from "../load/public-key.js";
import { readUserBytes } from "../load/read-bytes.js";
import { readUserFile } from "../load/read-file.js";
import { writeUserFile } from "../load/write-file.js";
import { findProject, storeDirectory } from "../project/project.js";
import { styleFor } from "../render/style.js";
import { visible } from "../render/text.js";
import type { BrokerInitFlags } from "../routes/broker.js";
import type { BrokerServeFlags } from "../routes/broker-serve.js";
import { untilInterrupted } from "./serve.js";

/** The key that is meant when none is named. */
const defaultBrokerKey = "broker";

/** Writes the trust file of a deployment. */
export async function init(context: CliContext, flags: BrokerInitFlags): Promise<void> {
  const { signer, identity } = await projectKeyFrom(await brokerSecret(context, flags));
  const anchors: TrustAnchors = {
    domain: flags.domain,
    policySigner: await publicKeyNamed(context, "--policy-signer", flags.policySigner),
    brokerKey: toHex(signer.publicKey),
    roots: await Promise.all(flags.root.map((root) => rootNamed(context, root))),
    ...(flags.minimumEpoch === undefined ? {} : { minimumEpoch: flags.minimumEpoch }),
  };
  const text = formatTrustFile(anchors);
  // What is written must be readable.
  parseTrustFile(text);
  const { stdout } = context.process;
  if (flags.output === undefined && !flags.json) stdout.write(text);
  if (flags.output !== undefined) writeUserFile(context, flags.output, text);
  if (flags.json) {
    const { domain, policySigner, brokerKey } = anchors;
    stdout.write(
      `${JSON.stringify({ domain, policySigner, brokerKey, recipient: toHex(identity.recipient) })}\n`,
    );
  }
}

async function brokerSecret(context: CliContext, flags: KeyFlags & { readonly key?: string }) {
  const { secrets } = await unlockKey(context, flags, flags.key ?? defaultBrokerKey);
  const [secret] = secrets;
  if (secret === undefined) throw new TypeError("key file: expected a secret");
  return secret;
}

async function rootNamed(context: CliContext, root: string): Promise<TrustRoot> {
  if (root === "intel") return intelRoot;
  const [, key] = /^simulated:((?:[0-9a-f]{2}){32,512})$/.exec(root) ?? [];
  if (key !== undefined) return { kind: "simulated", publicKeyInfo: fromHex(key) };
  try {
    return trustRootFromCertificate(await readUserBytes(context, root));
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause;
    throw new SealflowError({
      code: "CLI_ROOT_INVALID",
      message: `--root ${root}: expected intel, simulated:KEY, or a certificate in DER, got ${cause.message}`,
      where: { file: root },
      hint: "openssl x509 -outform der decodes PEM",
      cause,
    });
  }
}

/** Serves until it is interrupted; a second interrupt does not wait. */
export async function serve(context: CliContext, flags: BrokerServeFlags): Promise<number> {
  const server = await startBrokerServer(await serverOptions(context, flags));
  const interrupted = untilInterrupted(context);
  const stopFollowing = followPolicy(context, flags, server);
  announce(context, flags, server);
  await interrupted;
  stopFollowing();
  if (!flags.json) context.process.stderr.write("stopping\n");
  await server.close();
  return exitCode.ok;
}

/** How often the policy's file is looked at. */
const policyIntervalMs = 2000;

/** Puts the policy of the file in force whenever the file changes, and when the process is told to. */
function followPolicy(
  context: CliContext,
  flags: BrokerServeFlags,
  server: Pick<RunningBroker, "putPolicy">,
): () => void {
  const path = resolve(context.cwd, flags.policy);
  const reload = () => {
    readEnvelope(context, flags.policy, "--policy")
      .then((policy) => server.putPolicy(policy))
      .then(
        (epoch) => tell(context, "info", `${flags.policy}: policy epoch ${epoch} is in force`),
        (error: unknown) =>
          tell(context, "error", `${flags.policy}: the policy in force stays: ${told(error)}`),
      );
  };
  watchFile(path, { interval: policyIntervalMs, persistent: false }, reload);
  const forget = context.onReload?.(reload);
  return () => {
    unwatchFile(path, reload);
    forget?.();
  };
}

function told(error: unknown): string {
  return isSealflowError(error) ? `${error.message} (${error.code})` : "an internal error";
}

async function serverOptions(context: CliContext, flags: BrokerServeFlags): Promise<BrokerServerOptions> {
  const anchors = parseTrustFile(await readText(context, flags.trust), flags.trust);
  const secret = await brokerSecret(context, flags);
  const { signer } = await projectKeyFrom(secret);
  if (toHex(signer.publicKey) !== anchors.brokerKey) {
    throw new SealflowError({
      code: "CLI_BROKER_KEY",
      message: `key ${flags.key ?? defaultBrokerKey}: expected the broker's of ${flags.trust}, got another`,
      hint: "name the key with --key, or write a trust file for this one with `sealflow broker init`",
    });
  }
  const { domain, policySigner, roots } = anchors;
  const { host, port, checkpointFile, recover } = flags;
  const tls = await tlsOf(context, flags);
  return {
    ...{ secret, domain, policySigner, roots, random, clock: context.clock },
    policy: await readEnvelope(context, flags.policy, "--policy"),
    checkpoints: await Promise.all(
      (flags.checkpoint ?? []).map((file) => readEnvelope(context, file, "--checkpoint")),
    ),
    directory: await directoryOf(context, flags),
    behindProxy: flags.behindProxy,
    log: { log: (level, message) => tell(context, level, message) },
    ...(tls === undefined ? {} : { tls }),
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(checkpointFile === undefined ? {} : { checkpointFile: resolve(context.cwd, checkpointFile) }),
    ...(recover === undefined ? {} : { recovery: { reason: recover } }),
  };
}

async function directoryOf(context: CliContext, { directory, store }: BrokerServeFlags): Promise<string> {
  if (directory !== undefined) return resolve(context.cwd, directory);
  return join(storeDirectory(context, await findProject(context.cwd), store), "broker");
}

async function tlsOf(context: CliContext, { tlsCert, tlsKey }: BrokerServeFlags) {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert !== undefined && tlsKey !== undefined) {
    return { cert: await readText(context, tlsCert), key: await readText(context, tlsKey) };
  }
  throw new SealflowError({
    code: "CLI_TLS_INCOMPLETE",
    message: `broker: expected --tls-cert and --tls-key together, got --tls-${tlsCert === undefined ? "key" : "cert"} alone`,
  });
}

function readText(context: CliContext, file: string): Promise<string> {
  return readUserFile(resolve(context.cwd, file), file);
}

async function readEnvelope(context: CliContext, file: string, flag: string): Promise<Envelope> {
  const text = await readText(context, file);
  try {
    return parseEnvelope(text.trimEnd());
  } catch (cause) {
    throw new SealflowError({
      code: "CLI_POLICY_UNSIGNED",
      message: `${flag} ${file}: expected a signed document, got another file`,
      where: { file },
      hint: "sealflow policy sign FILE --key KEY -o SIGNED signs a policy",
      cause,
    });
  }
}

function announce(
  context: CliContext,
  flags: BrokerServeFlags,
  { url, brokerKey, recipient }: RunningBroker,
): void {
  const { stdout, env } = context.process;
  if (flags.json) {
    stdout.write(`${JSON.stringify({ url, brokerKey, recipient })}\n`);
    return;
  }
  const style = styleFor(wantsColour(stdout, env));
  stdout.write(`${style.bold("Broker")} ${url}\nkey ${brokerKey}\nrecipient ${recipient}\n`);
}

function tell({ process: { stderr } }: CliContext, level: LogLevel, message: string): void {
  if (level !== "debug") stderr.write(`${level}: ${visible(message)}\n`);
}
