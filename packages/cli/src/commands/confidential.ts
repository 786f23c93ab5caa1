/** `sealflow confidential`. */
import { resolve } from "node:path";
import {
  AKS_SGX_POOL,
  checkImageLock,
  confidentialOverlay,
  type ImageLock,
  type OverlayReport,
  type PoolTaint,
  type SgxPool,
  type TaskProtection,
} from "@sealflow/cluster";
import { SealflowError } from "@sealflow/core";
import { formatPipelineYaml } from "@sealflow/pipeline";
import { type CliContext, wantsColour } from "../context.js";
import { exitCode } from "../exit-code.js";
import { loadPipeline } from "../load/pipeline-file.js";
import { readUserFile } from "../load/read-file.js";
import { writeUserFile } from "../load/write-file.js";
import { styleFor } from "../render/style.js";
import { visible } from "../render/text.js";
import type { ConfidentialFlags } from "../routes/confidential.js";

/** Writes the spec when every task is protected or exempted; otherwise only the report, and 4. */
export async function confidential(
  context: CliContext,
  flags: ConfidentialFlags,
  file: string,
): Promise<number> {
  const { document } = await loadPipeline(context, file, flags);
  const images = await Promise.all((flags.image ?? []).map((name) => readImageLock(context, name)));
  const { document: fresh, report } = await confidentialOverlay(document, {
    images,
    broker: brokerOf(flags),
    pool: poolOf(flags),
    ...quotesOf(flags),
    ...(flags.run === undefined ? {} : { runId: flags.run }),
    ...(flags.unprotected === undefined ? {} : { unprotected: flags.unprotected }),
  });
  const { stdout, stderr } = context.process;
  const toOutput = flags.output === "-";
  if (report.ok) {
    const yaml = formatPipelineYaml(fresh);
    if (toOutput && !flags.json) stdout.write(yaml);
    else if (!toOutput) writeUserFile(context, flags.output, yaml);
  }
  if (flags.json) stdout.write(`${JSON.stringify({ ...report, output: report.ok ? flags.output : null })}\n`);
  else printReport(context, report, toOutput ? stderr : stdout);
  return report.ok ? exitCode.ok : exitCode.refused;
}

/**
 * An image lock from its file.
 *
 * @throws SealflowError `CLI_FILE_…`, `CLUSTER_IMAGE_LOCK`
 */
export async function readImageLock(context: CliContext, file: string): Promise<ImageLock> {
  const text = await readUserFile(resolve(context.cwd, file), file);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const message = `${file}: expected the JSON that sealflow image build wrote`;
    throw new SealflowError({ code: "CLUSTER_IMAGE_LOCK", message, where: { file }, cause });
  }
  return checkImageLock(value, file);
}

function brokerOf({ broker, brokerPin }: ConfidentialFlags) {
  return serviceAt("--broker", broker, brokerPin);
}

/** A service that pods reach, and how they know it. */
function serviceAt(flag: string, address: string, pin: string | undefined) {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const loopback = url?.hostname === "localhost" || url?.hostname === "127.0.0.1";
  if (url?.protocol !== "https:" && !(url?.protocol === "http:" && loopback)) {
    throw usage(flag, "https://HOST[:PORT]", address);
  }
  if (pin !== undefined && !/^[0-9a-f]{64}$/.test(pin)) {
    throw usage(`${flag}-pin`, "64 lower-case hex digits", pin);
  }
  return { url: address.replace(/\/+$/, ""), ...(pin === undefined ? {} : { pin }) };
}

function quotesOf({ quotes, quotesToken, quotesPin }: ConfidentialFlags) {
  if (quotes === undefined) return {};
  if (quotesToken === undefined)
    throw usage("--quotes-token", "the token that image simulate printed", "none");
  return { quotes: { ...serviceAt("--quotes", quotes, quotesPin), token: quotesToken } };
}

function poolOf(flags: ConfidentialFlags): SgxPool {
  const { nodeLabel, annotation, taint, epcResource } = flags;
  return {
    labels: nodeLabel === undefined ? AKS_SGX_POOL.labels : pairs("--node-label", nodeLabel),
    annotations: annotation === undefined ? AKS_SGX_POOL.annotations : pairs("--annotation", annotation),
    taints: taint === undefined ? AKS_SGX_POOL.taints : taint.map(taintOf),
    epcResource: epcResource ?? AKS_SGX_POOL.epcResource,
  };
}

function pairs(flag: string, texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const [, key = "", value = ""] = /^([^=\s]+)=(.*)$/.exec(text) ?? [];
      if (key === "") throw usage(flag, "KEY=VALUE", text);
      return [key, value];
    }),
  );
}

function taintOf(text: string): PoolTaint {
  const [, key = "", value, effect = ""] =
    /^([^=:\s]+)(?:=([^:]*))?:(NoSchedule|PreferNoSchedule|NoExecute)$/.exec(text) ?? [];
  if (key === "")
    throw usage("--taint", "KEY[=VALUE]:EFFECT with NoSchedule, PreferNoSchedule or NoExecute", text);
  return { key, effect: effect as PoolTaint["effect"], ...(value === undefined ? {} : { value }) };
}

function usage(flag: string, expected: string, got: string): SealflowError {
  return new SealflowError({
    code: "CLI_CONFIDENTIAL_FLAG",
    message: `${flag}: expected ${expected}, got ${got}`,
  });
}

function printReport(
  context: CliContext,
  report: OverlayReport,
  output: CliContext["process"]["stdout"],
): void {
  const style = styleFor(wantsColour(output, context.process.env));
  const states = {
    protected: style.green,
    simulated: style.yellow,
    unprotected: style.red,
    "no-pod": style.dim,
  } as const;
  for (const task of report.tasks) {
    const exempt = report.exempted.includes(task.executor) ? " (exempted)" : "";
    const state = states[task.state](task.state.padEnd(11));
    output.write(`${state} ${visible(task.path)} ${style.dim(visible(task.executor))}${exempt}\n`);
    for (const line of detailsOf(task)) output.write(`            ${visible(line)}\n`);
  }
  if (report.declassify.length > 0) {
    output.write(`conditions and loops need in the clear: ${visible(report.declassify.join(", "))}\n`);
  }
  const open = report.tasks.filter(({ state }) => state === "unprotected").length;
  output.write(
    `${report.tasks.length} tasks, ${open} unprotected${report.ok ? "" : ": nothing was written"}\n`,
  );
}

function detailsOf({ reasons, visible: shown }: TaskProtection): readonly string[] {
  const names = shown.map(({ name, why }) => `${name} (${why})`);
  return [
    ...reasons.map(({ code, message }) => `${code}: ${message}`),
    ...(names.length === 0 ? [] : [`the control plane passes: ${names.join(", ")}`]),
  ];
}
