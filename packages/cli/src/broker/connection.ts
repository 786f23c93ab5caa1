/** Which broker flags and environment name, and how its certificate is known. */
import { X509Certificate } from "node:crypto";
import { resolve } from "node:path";
import type { CertificateTrust } from "@sealflow/cluster";
import { SealflowError } from "@sealflow/core";
import type { BrokerPlace } from "../confidential/register.js";
import type { CliContext } from "../context.js";
import { readUserFile } from "../load/read-file.js";
import type { BrokerConnectionFlags } from "../routes/broker-connection.js";

/**
 * The broker that flags and environment name.
 *
 * @throws SealflowError `CLI_BROKER_ADDRESS`, `CLI_BROKER_CA`, `CLI_BROKER_PIN`, `CLI_FILE_…`
 */
export async function brokerPlace(context: CliContext, flags: BrokerConnectionFlags): Promise<BrokerPlace> {
  const { env } = context.process;
  const address = flags.broker ?? env.SEALFLOW_BROKER;
  if (address === undefined || address === "") {
    throw new SealflowError({
      code: "CLI_BROKER_ADDRESS",
      message: "broker: expected its address, got none",
      hint: "give --broker URL, or set SEALFLOW_BROKER",
    });
  }
  const url = requireAddress(address);
  const trust = await certificateTrust(context, flags);
  if (url.protocol === "http:" && (trust.ca !== undefined || trust.pin !== undefined)) {
    throw addressError(address, "https:// where a certificate is to be checked");
  }
  return { url: address, ...trust };
}

function requireAddress(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const here = ["localhost", "127.0.0.1", "[::1]"].includes(url?.hostname ?? "");
  if (url?.protocol === "https:" || (url?.protocol === "http:" && here)) return url;
  throw addressError(address, "https://HOST[:PORT]; http:// for this machine only");
}

function addressError(address: string, expected: string): SealflowError {
  return new SealflowError({
    code: "CLI_BROKER_ADDRESS",
    message: `--broker ${address}: expected ${expected}`,
  });
}

async function certificateTrust(
  { cwd, process: { env } }: CliContext,
  flags: BrokerConnectionFlags,
): Promise<CertificateTrust> {
  const file = flags.brokerCa ?? (env.SEALFLOW_BROKER_CA || undefined);
  const pin = flags.brokerPin ?? (env.SEALFLOW_BROKER_PIN || undefined);
  return {
    ...(file === undefined ? {} : { ca: await authorities(resolve(cwd, file), file) }),
    ...(pin === undefined ? {} : { pin: pinFrom(pin) }),
  };
}

async function authorities(path: string, file: string): Promise<string> {
  const text = await readUserFile(path, file);
  try {
    new X509Certificate(text);
    return text;
  } catch (cause) {
    throw new SealflowError({
      code: "CLI_BROKER_CA",
      message: `--broker-ca ${file}: expected certificates in PEM, got another file`,
      where: { file },
      cause,
    });
  }
}

function pinFrom(text: string): string {
  const hex = /^(?:sha256:)?([0-9a-f]{64})$/.exec(text)?.[1];
  if (hex !== undefined) return hex;
  throw new SealflowError({
    code: "CLI_BROKER_PIN",
    message: `--broker-pin: expected sha256: and 64 lower-case hex digits, got ${text}`,
    hint: "openssl x509 -in cert.pem -pubkey -noout | openssl pkey -pubin -outform der | sha256sum",
  });
}
