/** `sealflow attest`. */
import { resolve } from "node:path";
import {
  type AppraisalPolicy,
  appraise,
  describeReport,
  parseQuote,
  Refusal,
  type SgxVerdict,
  type TrustRoot,
  trustRootFromCertificate,
  verifySgxQuote,
} from "@sealflow/attest";
import { SealflowError } from "@sealflow/core";
import { type CliContext, wantsColour } from "../context.js";
import { exitCode } from "../exit-code.js";
import { readPolicyFile } from "../load/policy-file.js";
import { readUserBytes } from "../load/read-bytes.js";
import { readUserFile } from "../load/read-file.js";
import { styleFor } from "../render/style.js";
import { formatColumns, visible } from "../render/text.js";
import type { AttestShowFlags, AttestVerifyFlags } from "../routes/attest.js";

/** Verifies a quote; the exit code is the verdict. */
export async function verifyQuote(context: CliContext, flags: AttestVerifyFlags): Promise<number> {
  const at = parseTime(flags.at);
  const root = flags.root === undefined ? undefined : await readRoot(context, flags.root);
  const policy = flags.policy === undefined ? undefined : await readAppraisal(context, flags.policy);
  const known = { at, ...(root ? { root } : {}) };
  const quote = await readUserBytes(context, flags.quote);
  const evidence = await verifySgxQuote({
    quote,
    collateral: await readCollateral(context, flags.collateral),
    ...known,
  });
  const component = flags.component === undefined ? {} : { component: flags.component };
  const verdict = policy ? await appraise(evidence, { policy, ...known, ...component }) : evidence;
  const { stdout } = context.process;
  stdout.write(
    flags.json
      ? `${JSON.stringify({ ...verdict, enclave: verdict.enclave ?? {} })}\n`
      : render(context, verdict),
  );
  return verdict.verdict === "accept" ? exitCode.ok : exitCode.refused;
}

/** The appraisal policy in a file, a trust policy's too: for this call its word counts, whoever signed it. */
async function readAppraisal(context: CliContext, file: string): Promise<AppraisalPolicy> {
  const { kind, policy } = await readPolicyFile(context, file);
  return kind === "trust" ? policy.appraisal : policy;
}

/** Prints what a quote claims. */
export async function showQuote(context: CliContext, flags: AttestShowFlags, file: string): Promise<number> {
  const { stdout } = context.process;
  try {
    const quote = parseQuote(await readUserBytes(context, file));
    const claims = { ...describeReport(quote.report), qeSvn: quote.qeSvn, pceSvn: quote.pceSvn };
    const rows = Object.entries(claims).map(([name, value]) => [name, `${value}`]);
    stdout.write(
      flags.json ? `${JSON.stringify({ verified: false, enclave: claims })}\n` : formatColumns(rows),
    );
    if (!flags.json) stdout.write("not verified: sealflow attest verify checks these claims\n");
    return exitCode.ok;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new SealflowError({
      code: error.code,
      message: `${file}: ${error.message}`,
      where: { file },
      cause: error,
    });
  }
}

function parseTime(text: string): number {
  const seconds = /^\d{1,11}$/.test(text);
  const iso = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text);
  const time = seconds
    ? Number(text) * 1000
    : iso && isDay(text.slice(0, 10))
      ? Date.parse(text)
      : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new SealflowError({
    code: "CLI_TIME_INVALID",
    message: `--at: expected a time such as 2025-09-01T00:00:00Z or seconds since 1970, got ${text}`,
  });
}

/** False for the 30th of February, which `Date` takes for a day of March. */
function isDay(text: string): boolean {
  const time = Date.parse(text);
  return !Number.isNaN(time) && new Date(time).toISOString().slice(0, 10) === text;
}

async function readText(context: CliContext, file: string): Promise<string> {
  return readUserFile(resolve(context.cwd, file), file);
}

/** Collateral that is no JSON is judged like any malformed collateral. */
async function readCollateral(context: CliContext, file: string): Promise<unknown> {
  const text = await readText(context, file);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function readRoot(context: CliContext, file: string): Promise<TrustRoot> {
  const bytes = await readUserBytes(context, file);
  try {
    return trustRootFromCertificate(bytes);
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause;
    throw new SealflowError({
      code: "CLI_ROOT_INVALID",
      message: `--root ${file}: expected a certificate in DER, got ${cause.message}`,
      where: { file },
      hint: "openssl x509 -outform der decodes PEM",
      cause,
    });
  }
}

function render(context: CliContext, verdict: SgxVerdict): string {
  const { stdout, env } = context.process;
  const style = styleFor(wantsColour(stdout, env));
  const marks = (passed: boolean) => (passed ? style.green("ok") : style.red("REFUSED"));
  const checks = verdict.checks.map(({ passed, what, expected, got, code }) =>
    passed
      ? `${marks(true)}  ${what}\n`
      : `${marks(false)}  ${what} (${code})\n  expected ${visible(expected)}\n  got ${visible(got)}\n`,
  );
  const rows = Object.entries(verdict.enclave ?? {}).map(([name, value]) => [name, `${value}`]);
  const end = verdict.verdict === "accept" ? style.green("accept") : style.red(`refuse ${verdict.code}`);
  const marked = verdict.kind === "simulated" ? " SIMULATED: protects against nothing but mistakes" : "";
  const advisories = verdict.advisories.length > 0 ? ` (${verdict.advisories.join(", ")})` : "";
  return `${checks.join("")}${formatColumns(rows)}${end}${marked}\nTCB ${verdict.status ?? "unknown"}${visible(advisories)}\n`;
}
