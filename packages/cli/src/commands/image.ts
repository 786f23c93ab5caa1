/** `sealflow image lint|measure|sign|show`. */
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import {
  type EnclaveMeasured,
  lintManifest,
  type ManifestFinding,
  measureEnclave,
  parseGramineOffsets,
  readSigstruct,
  signaturePlan,
  signEnclave,
} from "@sealflow/cluster";
import { SealflowError } from "@sealflow/core";
import type { CliContext } from "../context.js";
import { exitCode } from "../exit-code.js";
import { enclaveSigner } from "../load/enclave-signer.js";
import { readUserBytes } from "../load/read-bytes.js";
import { readUserFile } from "../load/read-file.js";
import { visible } from "../render/text.js";
import type { ImageLintFlags, ImageMeasureFlags, ImageShowFlags, ImageSignFlags } from "../routes/image.js";

/** Prints what lets the host in; 4 when anything does. */
export async function lint(context: CliContext, flags: ImageLintFlags, file: string): Promise<number> {
  const bytes = await readUserBytes(context, file);
  const findings = lintManifest(bytes, { name: file, final: flags.final });
  const { stdout } = context.process;
  if (flags.json) stdout.write(`${JSON.stringify({ ok: findings.length === 0, findings })}\n`);
  else printFindings(context, findings, file);
  return findings.length === 0 ? exitCode.ok : exitCode.refused;
}

function printFindings(context: CliContext, findings: readonly ManifestFinding[], file: string): void {
  const { stdout } = context.process;
  for (const { code, path, message } of findings) {
    stdout.write(`error[${code}]: ${visible(message)}\nwhere: ${visible(`${file}: ${path}`)}\n`);
  }
  stdout.write(`${findings.length} findings\n`);
}

/** Prints the measurement; 4 when it is not the expected one. */
export async function measure(context: CliContext, flags: ImageMeasureFlags, file: string): Promise<number> {
  const { measured } = await measureFile(context, flags, file);
  const { regions, ...rest } = measured;
  const asExpected = flags.expect === undefined || flags.expect.toLowerCase() === measured.mrenclave;
  const { stdout, stderr } = context.process;
  if (flags.json) {
    stdout.write(`${JSON.stringify({ ok: asExpected, ...rest, ...(flags.regions ? { regions } : {}) })}\n`);
  } else {
    stdout.write(`${measured.mrenclave}\n`);
    if (flags.regions) for (const line of regionLines(measured)) stdout.write(`${line}\n`);
  }
  if (!asExpected) stderr.write(`expected MRENCLAVE ${flags.expect}, got ${measured.mrenclave}\n`);
  return asExpected ? exitCode.ok : exitCode.refused;
}

function regionLines({ regions }: EnclaveMeasured): string[] {
  return regions.map(({ what, offset, pages, measured }) => {
    const end = offset + pages * 4096;
    const range = [offset, end].map((value) => value.toString(16).padStart(12, "0")).join("-");
    return `${range} ${measured ? "measured  " : "unmeasured"} ${what}`;
  });
}

interface MeasureFlags {
  readonly libpal: string;
  readonly offsets?: string;
}

async function measureFile(context: CliContext, flags: MeasureFlags, file: string) {
  const manifest = await readUserBytes(context, file);
  const libpal = await readUserBytes(context, flags.libpal);
  const { offsets } = flags;
  const build =
    offsets === undefined
      ? {}
      : { build: parseGramineOffsets(await readUserFile(resolve(context.cwd, offsets), offsets), offsets) };
  return { manifest, measured: measureEnclave({ manifest, libpal, ...build }) };
}

/** Signs an enclave that passes the lint. */
export async function sign(context: CliContext, flags: ImageSignFlags, file: string): Promise<number> {
  const signer = await enclaveSigner(context, flags);
  const { manifest, measured } = await measureFile(context, flags, file);
  const findings = lintManifest(manifest, { name: file, final: true });
  if (findings.length > 0) {
    const { stdout } = context.process;
    if (flags.json) stdout.write(`${JSON.stringify({ ok: false, findings })}\n`);
    else printFindings(context, findings, file);
    return exitCode.refused;
  }
  const content = signaturePlan(manifest, measured.mrenclave, dateOf(context, flags));
  const { sigstruct, mrsigner } = await signEnclave(content, signer);
  await writeFile(resolve(context.cwd, flags.output), sigstruct).catch((cause: unknown) => {
    const message = `${flags.output}: expected a file that can be written, got ${cause}`;
    throw new SealflowError({ code: "CLI_FILE_UNWRITABLE", message, where: { file: flags.output }, cause });
  });
  const { mrenclave } = measured;
  const { productId, svn } = content;
  context.process.stdout.write(
    flags.json
      ? `${JSON.stringify({ ok: true, mrenclave, mrsigner, productId, svn, output: flags.output })}\n`
      : `MRENCLAVE ${mrenclave}\nMRSIGNER  ${mrsigner}\n`,
  );
  return exitCode.ok;
}

function dateOf(context: CliContext, { date }: ImageSignFlags): Date {
  if (date === undefined) return new Date(context.clock.now());
  const day = new Date(`${date}T00:00:00Z`);
  if (/^\d{4}-\d\d-\d\d$/.test(date) && !Number.isNaN(day.getTime())) return day;
  throw new SealflowError({
    code: "CLI_DATE_INVALID",
    message: `--date: expected YYYY-MM-DD, got ${date}`,
  });
}

/** Prints what a SIGSTRUCT says. */
export async function show(context: CliContext, flags: ImageShowFlags, file: string): Promise<void> {
  const view = readSigstruct(await readUserBytes(context, file));
  const { stdout } = context.process;
  if (flags.json) stdout.write(`${JSON.stringify(view)}\n`);
  else for (const [name, value] of Object.entries(view)) stdout.write(`${name.padEnd(10)} ${value}\n`);
}
