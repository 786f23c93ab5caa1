/** `sealflow image build` and `image resolve`. */
import { resolve } from "node:path";
import {
  type AcrResource,
  type BuiltImage,
  buildBase,
  buildImage,
  type EnclaveInput,
  type EnclaveSizing,
  enclaveSizing,
  epcLimitOf,
  parseImage,
  parseLock,
  parseSize,
  pinned,
  RegistryRepository,
  type StatementSigner,
  sgxNode,
  storedLogins,
} from "@sealflow/cluster";
import { SealflowError } from "@sealflow/core";
import { locksOf } from "@sealflow/pipeline";
import { ed25519Signer, signEnvelope } from "@sealflow/seal";
import type { CliContext } from "../context.js";
import { exitCode } from "../exit-code.js";
import { version } from "../index.js";
import { enclaveSigner } from "../load/enclave-signer.js";
import { loadPipeline } from "../load/pipeline-file.js";
import { pythonSources } from "../load/python.js";
import { readUserFile } from "../load/read-file.js";
import { readSigningKey } from "../load/signing-key.js";
import { writeUserFile } from "../load/write-file.js";
import { visible } from "../render/text.js";
import type { ImageBaseFlags, ImageBuildFlags, ImageResolveFlags } from "../routes/image.js";

/** Builds, pushes, writes the image lock. */
export async function build(context: CliContext, flags: ImageBuildFlags, file: string): Promise<number> {
  const { document } = await loadPipeline(context, file, flags);
  const enclave = await enclaveOf(context, flags);
  const { env, stderr, stdout } = context.process;
  const sources = pythonSources(env);
  if (sources === undefined)
    throw new SealflowError({ code: "CLI_PYTHON_MISSING", message: "python: no modules" });
  const lock = flags.lock === undefined ? undefined : await lockFrom(context, flags.lock);
  const statementSigner = await statementSignerOf(context, flags.statementKey);
  const built = await interruptible(context, (signal) =>
    buildImage(
      {
        ...{
          document,
          locks: locksOf(document),
          base: flags.base,
          target: flags.to,
          pythonSources: sources,
          version,
        },
        ...(lock === undefined ? {} : { lock }),
        ...(enclave === undefined ? {} : { enclave }),
        ...(statementSigner === undefined ? {} : { statementSigner }),
      },
      {
        access: { fetch, logins: storedLogins(env), signal },
        environment: env,
        signal,
        ...(env.SEALFLOW_PYTHON ? { python: env.SEALFLOW_PYTHON } : {}),
        progress: (line) => stderr.write(`${visible(line)}\n`),
      },
    ),
  );
  writeUserFile(context, flags.output, `${JSON.stringify(built.lock, null, 2)}\n`);
  if (flags.manifest !== undefined && built.gramineManifest !== undefined) {
    writeUserFile(context, flags.manifest, built.gramineManifest);
  }
  const { gramineManifest: _, ...shown } = built;
  stdout.write(
    flags.json ? `${JSON.stringify({ ok: true, ...shown, output: flags.output })}\n` : described(built),
  );
  return exitCode.ok;
}

function described({ lock, leftOut, documents, sent }: BuiltImage): string {
  const { enclave } = lock;
  return [
    `image      ${lock.image}`,
    ...(enclave === null
      ? ["enclave    simulated: protects nothing"]
      : [
          `MRENCLAVE  ${enclave.mrenclave}`,
          `MRSIGNER   ${enclave.mrsigner}`,
          `product    ${enclave.productId}, security version ${enclave.svn}`,
        ]),
    `components ${Object.keys(lock.executors).join(", ")}`,
    ...leftOut.map(({ executor, reason }) => `left out   ${executor}: ${reason}`),
    `SBOM       ${documents.sbom}`,
    `provenance ${documents.provenance}${documents.signed ? "" : " (unsigned)"}`,
    `sent       ${Math.ceil(sent / 1024)} KiB`,
    "",
  ]
    .map(visible)
    .join("\n");
}

async function enclaveOf(context: CliContext, flags: ImageBuildFlags): Promise<EnclaveInput | undefined> {
  if (flags.simulated) return undefined;
  const { edmm, productId, svn } = flags;
  return { sizing: sizingOf(flags), edmm, productId, svn, signer: await enclaveSigner(context, flags) };
}

function sizingOf(flags: ImageBuildFlags): EnclaveSizing {
  const sizing = enclaveSizing(sgxNode(flags.nodeSize), flags.perNode);
  const size =
    flags.enclaveSize === undefined ? sizing.enclaveSize : parseSize(flags.enclaveSize, "--enclave-size");
  return {
    ...sizing,
    enclaveSize: size,
    epcLimit: epcLimitOf(size),
    maxThreads: flags.threads ?? sizing.maxThreads,
  };
}

async function lockFrom(context: CliContext, file: string) {
  return parseLock(await readUserFile(resolve(context.cwd, file), file), file);
}

async function statementSignerOf(
  context: CliContext,
  file: string | undefined,
): Promise<StatementSigner | undefined> {
  if (file === undefined) return undefined;
  const signer = ed25519Signer(await readSigningKey(context, file));
  return async (payload) =>
    JSON.stringify(await signEnvelope({ payloadType: "application/vnd.in-toto+json", payload }, [signer]));
}

/** Builds a base image and prints its name by digest. */
export async function base(context: CliContext, flags: ImageBaseFlags, directory: string): Promise<number> {
  const { env, stderr, stdout } = context.process;
  const reference = await interruptible(context, async (signal) => {
    const { azureToken } = await import("../load/azure-token.js");
    const tools = { fetch, token: azureToken, environment: env, signal };
    const { to: target, builder, dockerfile } = flags;
    const acr = acrOf(flags);
    return buildBase(
      {
        ...{ directory: resolve(context.cwd, directory), target, builder },
        ...(dockerfile === undefined ? {} : { dockerfile }),
        ...(acr === undefined ? {} : { acr }),
      },
      { ...tools, progress: (line) => stderr.write(`${visible(line)}\n`) },
    );
  });
  stdout.write(flags.json ? `${JSON.stringify({ ok: true, image: reference })}\n` : `${reference}\n`);
  return exitCode.ok;
}

function acrOf({ builder, to, subscription, resourceGroup }: ImageBaseFlags): AcrResource | undefined {
  if (builder !== "acr") return undefined;
  const { host } = parseImage(to);
  const [, registry] = /^([a-z0-9]+)\.azurecr\.io$/.exec(host) ?? [];
  if (registry !== undefined && subscription !== undefined && resourceGroup !== undefined) {
    return { subscription, resourceGroup, registry };
  }
  throw new SealflowError({
    code: "CLI_ACR_RESOURCE",
    message: "image base: expected --subscription, --resource-group and a name NAME.azurecr.io/…",
  });
}

/** Ctrl-C stops the work; what was begun on this machine is removed. */
async function interruptible<T>(context: CliContext, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const control = new AbortController();
  const release = context.onInterrupt(() => control.abort());
  try {
    return await work(control.signal);
  } catch (error) {
    if (!control.signal.aborted) throw error;
    throw new SealflowError({ code: "CLI_INTERRUPTED", message: "image build: interrupted", cause: error });
  } finally {
    release();
  }
}

/** Prints what a tag means today. */
export async function resolveImage(
  context: CliContext,
  flags: ImageResolveFlags,
  name: string,
): Promise<void> {
  const image = parseImage(name);
  const access = { fetch, logins: storedLogins(context.process.env) };
  const { digest } = await new RegistryRepository(image, access).manifest(
    image.digest ?? image.tag ?? "latest",
  );
  const reference = pinned(image, digest);
  const { stdout } = context.process;
  stdout.write(flags.json ? `${JSON.stringify({ image: reference, digest })}\n` : `${reference}\n`);
}
