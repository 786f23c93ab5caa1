/** `sealflow image simulate`. */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { fromHex, type JsonObject, SealflowError, toHex } from "@sealflow/core";
import type { EnclavePlatform } from "@sealflow/engine";
import { readImageLock } from "../confidential/image-lock.js";
import type { CliContext } from "../context.js";
import { exitCode } from "../exit-code.js";
import { readUserFile } from "../load/read-file.js";
import type { ImageSimulateFlags } from "../routes/image.js";
import { type QuoteServer, startQuoteServer } from "../sealed/quote-server.js";
import { simulatedPlatforms } from "../sealed/simulated-platform.js";
import { untilInterrupted } from "./serve.js";

/** Serves quotes until it is interrupted. */
export async function simulate(
  context: CliContext,
  flags: ImageSimulateFlags,
  lockFile: string,
): Promise<number> {
  const lock = await readImageLock(context, lockFile);
  if (lock.enclave !== null) {
    throw new SealflowError({
      code: "CLI_SIMULATE_REAL",
      message: `${lockFile}: expected an image that was built with --simulated, got one with an enclave`,
    });
  }
  // An image's digest covers all that is in it: that is what the simulated processor measures.
  const mrenclave = lock.image.slice(-64);
  const platform = await platformIn(context, flags.platform);
  const token = randomBytes(32).toString("hex");
  const tls = await tlsOf(context, flags);
  const host = flags.host ?? "127.0.0.1";
  if (tls === undefined && !/^(127\.|::1$|localhost$)/.test(host)) {
    throw usage("--host", "an address of the loopback, or --tls-cert and --tls-key", host);
  }
  const server = await startQuoteServer({
    ...{ platform, token, host, measurement: fromHex(mrenclave), port: flags.port ?? 0 },
    ...(tls === undefined ? {} : { tls }),
  });
  const interrupted = untilInterrupted(context);
  announce(context, flags, { server, token, mrenclave, platform });
  await interrupted;
  await server.close();
  return exitCode.ok;
}

interface Announced {
  readonly server: QuoteServer;
  readonly token: string;
  readonly mrenclave: string;
  readonly platform: EnclavePlatform;
}

function announce(
  context: CliContext,
  flags: ImageSimulateFlags,
  { server, token, mrenclave, platform }: Announced,
): void {
  const { url, pin } = server;
  const roots = platform.simulatedRoots;
  const anchors = platform.roots.map(({ publicKeyInfo }) => `simulated:${toHex(publicKeyInfo)}`);
  const { stdout } = context.process;
  if (flags.json) {
    stdout.write(
      `${JSON.stringify({ url, token, ...(pin === undefined ? {} : { pin }), mrenclave, simulatedRoots: roots, roots: anchors })}\n`,
    );
    return;
  }
  const flagsFor = [
    `--quotes ${url}`,
    `--quotes-token ${token}`,
    ...(pin === undefined ? [] : [`--quotes-pin ${pin}`]),
  ];
  stdout.write(`For sealflow confidential: ${flagsFor.join(" ")}\n`);
  stdout.write(`For broker init: ${anchors.map((anchor) => `--root ${anchor}`).join(" ")}\n`);
  stdout.write(`For the policy: mrenclave ${mrenclave}, simulatedRoots ${roots.join(", ")}\n`);
  stdout.write("This simulates SGX and protects nothing. Ctrl-C ends it.\n");
}

/** The platform of a file, which only its owner reads; a new one when there is none. */
async function platformIn(context: CliContext, file: string): Promise<EnclavePlatform> {
  const path = resolve(context.cwd, file);
  const maker = simulatedPlatforms(() => context.clock.now());
  if (!existsSync(path)) {
    await writeFile(path, JSON.stringify(await maker.create()), { mode: 0o600, flag: "wx" }).catch(
      (cause: unknown) => {
        const message = `${file}: expected a file that can be written, got ${cause}`;
        throw new SealflowError({ code: "CLI_FILE_UNWRITABLE", message, where: { file }, cause });
      },
    );
  }
  try {
    return await maker.restore(JSON.parse(readFileSync(path, "utf8")) as JsonObject);
  } catch (cause) {
    const message = `${file}: expected a simulated platform that image simulate made`;
    throw new SealflowError({ code: "CLI_PLATFORM_INVALID", message, where: { file }, cause });
  }
}

async function tlsOf(context: CliContext, { tlsCert, tlsKey }: ImageSimulateFlags) {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined)
    throw usage("--tls-cert", "it together with --tls-key", "one of them");
  const read = (file: string) => readUserFile(resolve(context.cwd, file), file);
  return { cert: await read(tlsCert), key: await read(tlsKey) };
}

function usage(flag: string, expected: string, got: string): SealflowError {
  return new SealflowError({
    code: "CLI_SIMULATE_FLAG",
    message: `${flag}: expected ${expected}, got ${got}`,
  });
}
