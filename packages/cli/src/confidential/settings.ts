/** What confidential runs elsewhere are made with: flags, else what the context holds. */
import { isAbsolute, join, resolve } from "node:path";
import {
  AKS_SGX_POOL,
  type BrokerAddress,
  type ConfidentialContext,
  type OverlayOptions,
  type PoolTaint,
  type SgxPool,
} from "@sealflow/cluster";
import { SealflowError } from "@sealflow/core";
import type { CliContext } from "../context.js";
import { defaultKeyName } from "../keys/keyring.js";
import { readUserFile } from "../load/read-file.js";
import { type SealedElsewhereFlags, sealedElsewhereFlags } from "../routes/sealed-elsewhere.js";
import { readImageLock } from "./image-lock.js";

/** Everything that a confidential run elsewhere needs besides the pipeline. */
export interface ConfidentialSettings {
  readonly overlay: OverlayOptions;
  /** As this machine reaches it. */
  readonly broker: BrokerAddress;
  readonly submitter: string;
  /** File of its key. */
  readonly submitterKey: string;
  readonly trust: string | undefined;
  /** Recipients, or names of keys here. */
  readonly recipients: readonly string[];
}

/**
 * Settings from flags, and from a context where a flag is not given.
 *
 * @throws SealflowError `CLI_CONFIDENTIAL_FLAG`, `CLUSTER_IMAGE_LOCK`, `CLI_FILE_…`
 */
export async function confidentialSettings(
  context: CliContext,
  flags: SealedElsewhereFlags & { readonly unprotected?: readonly string[] },
  held: ConfidentialContext = {},
): Promise<ConfidentialSettings> {
  const all = { ...held, ...given(flags) };
  const { broker, submitter, submitterKey, image = [], recipient = [defaultKeyName] } = all;
  if (broker === undefined) throw missing("--broker", "address of the data owner's broker");
  if (submitter === undefined) throw missing("--submitter", "name that the trust policy knows you by");
  if (submitterKey === undefined) throw missing("--submitter-key", "file of the submitter's key");
  if (image.length === 0) throw missing("--image", "image lock of `sealflow image build`");
  const address = serviceAt("--broker", broker, all.brokerPin);
  const images = await Promise.all(image.map((name) => readImageLock(context, name)));
  return {
    broker:
      all.brokerHere === undefined ? address : serviceAt("--broker-here", all.brokerHere, all.brokerPin),
    overlay: {
      ...{ images, broker: address, pool: poolOf(all) },
      ...(await quotesOf(context, all)),
      ...(all.depot === undefined ? {} : { depot: { claim: all.depot } }),
      ...(flags.unprotected === undefined ? {} : { unprotected: flags.unprotected }),
    },
    ...{ submitter, submitterKey, trust: all.trust, recipients: recipient },
  };
}

/** What a context keeps of flags: paths of files as absolute ones, since it is used from other directories. */
export function keptInContext(context: CliContext, flags: SealedElsewhereFlags): ConfidentialContext {
  const file = (path: string) => (isAbsolute(path) ? path : join(context.cwd, path));
  const { image, submitterKey, trust, quotesTokenFile, ...rest } = given(flags);
  return {
    ...rest,
    ...(image === undefined ? {} : { image: image.map(file) }),
    ...(submitterKey === undefined ? {} : { submitterKey: file(submitterKey) }),
    ...(trust === undefined ? {} : { trust: file(trust) }),
    ...(quotesTokenFile === undefined ? {} : { quotesTokenFile: file(quotesTokenFile) }),
  };
}

/** What was given of these flags; commands have others beside them. */
function given(flags: SealedElsewhereFlags): ConfidentialContext {
  const names = Object.keys(sealedElsewhereFlags) as (keyof SealedElsewhereFlags)[];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = flags[name];
      return value === undefined ? [] : [[name, Array.isArray(value) ? [...value] : value]];
    }),
  );
}

async function quotesOf(
  context: CliContext,
  { quotes, quotesPin, quotesTokenFile }: ConfidentialContext,
): Promise<Pick<OverlayOptions, "quotes">> {
  if (quotes === undefined) return {};
  if (quotesTokenFile === undefined)
    throw missing("--quotes-token-file", "file with the token that `sealflow image simulate` printed");
  const token = await readUserFile(resolve(context.cwd, quotesTokenFile), quotesTokenFile);
  return { quotes: { ...serviceAt("--quotes", quotes, quotesPin), token: token.trim() } };
}

/**
 * A service that pods reach, and how they know it.
 *
 * @throws SealflowError `CLI_CONFIDENTIAL_FLAG`
 */
export function serviceAt(flag: string, address: string, pin: string | undefined): BrokerAddress {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const loopback = url?.hostname === "localhost" || url?.hostname === "127.0.0.1";
  if (url?.protocol !== "https:" && !(url?.protocol === "http:" && loopback)) {
    throw wrongFlag(flag, "https://HOST[:PORT]", address);
  }
  const at = { url: address.replace(/\/+$/, "") };
  if (pin === undefined) return at;
  const hex = /^(?:sha256:)?([0-9a-f]{64})$/.exec(pin)?.[1];
  if (hex === undefined) throw wrongFlag(`${flag}-pin`, "sha256: and 64 lower-case hex digits", pin);
  return { ...at, pin: hex };
}

/** Where confidential pods go. */
export interface PoolFlags {
  readonly nodeLabel?: readonly string[] | undefined;
  readonly annotation?: readonly string[] | undefined;
  readonly taint?: readonly string[] | undefined;
  readonly epcResource?: string | undefined;
}

/** The pool that flags describe; what they leave out is the reference architecture's. */
export function poolOf({ nodeLabel, annotation, taint, epcResource }: PoolFlags): SgxPool {
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
      if (key === "") throw wrongFlag(flag, "KEY=VALUE", text);
      return [key, value];
    }),
  );
}

function taintOf(text: string): PoolTaint {
  const [, key = "", value, effect = ""] =
    /^([^=:\s]+)(?:=([^:]*))?:(NoSchedule|PreferNoSchedule|NoExecute)$/.exec(text) ?? [];
  if (key === "")
    throw wrongFlag("--taint", "KEY[=VALUE]:EFFECT with NoSchedule, PreferNoSchedule or NoExecute", text);
  return { key, effect: effect as PoolTaint["effect"], ...(value === undefined ? {} : { value }) };
}

function missing(flag: string, what: string): SealflowError {
  return new SealflowError({
    code: "CLI_CONFIDENTIAL_FLAG",
    message: `${flag}: expected the ${what}, got none`,
    hint: "give the flag, or keep it in the context: sealflow contexts add NAME … with the same flags",
  });
}

/** A flag of a confidential run with a value that it can't have. */
export function wrongFlag(flag: string, expected: string, got: string): SealflowError {
  return new SealflowError({
    code: "CLI_CONFIDENTIAL_FLAG",
    message: `${flag}: expected ${expected}, got ${got}`,
  });
}
