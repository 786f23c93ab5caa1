/**
 * The policy of an attestation provider, which lies behind the provider's own address. Source: Microsoft Azure
 * Attestation REST API 2022-08-01, operations "Policy - Get" and "Policy - Set": a policy travels as a JWS whose payload
 * is `{"AttestationPolicy": BASE64URL(text)}`, unsigned in providers without policy signing certificates.
 */
import {
  fromBase64Url,
  fromUtf8,
  isJsonObject,
  type JsonObject,
  SealflowError,
  toBase64Url,
  utf8,
} from "@sealflow/core";
import { parseAzureError, requestFailed } from "../arm/failure.js";
import type { HttpRequest, HttpResponse, Transport } from "../arm/transport.js";
import { apiVersions } from "../resources/ids.js";

/** How providers are reached: a transport whose tokens are for the attestation service. */
export interface AttestationData {
  readonly transport: Transport;
}

/** Text of the policy for a kind of enclave; undefined where only the service's default is. */
export async function readAttestationPolicy(
  { transport }: AttestationData,
  endpoint: string,
  tee: string,
): Promise<string | undefined> {
  const response = await must(
    transport,
    { method: "GET", url: addressOf(endpoint, tee), headers: {} },
    [404],
  );
  if (response.status === 404) return undefined;
  const { token } = parse(response.body);
  if (typeof token !== "string") return undefined;
  const stored = payloadOf(token)["x-ms-policy"];
  return typeof stored === "string" ? policyText(stored) : undefined;
}

/** The policy stands in the claim either as text or as the JWS that set it. */
function policyText(stored: string): string | undefined {
  const inner = stored.includes(".") ? stored : decode(stored);
  if (inner === undefined || inner.split(".").length !== 3) return inner;
  const text = payloadOf(inner).AttestationPolicy;
  return typeof text === "string" ? decode(text) : undefined;
}

/** Sets the policy. */
export async function writeAttestationPolicy(
  { transport }: AttestationData,
  endpoint: string,
  tee: string,
  policy: string,
): Promise<void> {
  const encode = (value: unknown) => toBase64Url(utf8(JSON.stringify(value)));
  const body = `${encode({ alg: "none" })}.${encode({ AttestationPolicy: toBase64Url(utf8(policy)) })}.`;
  await must(transport, {
    method: "PUT",
    url: addressOf(endpoint, tee),
    headers: { "content-type": "text/plain" },
    body,
  });
}

function addressOf(endpoint: string, tee: string): string {
  const url = new URL(`${endpoint.replace(/\/+$/, "")}/policies/${tee}`);
  url.searchParams.set("api-version", apiVersions.attestationData);
  if (url.protocol === "https:") return url.href;
  throw new SealflowError({
    code: "AZURE_ANSWER_INVALID",
    message: `attestation provider: expected an https:// address, got ${url.protocol}`,
  });
}

async function must(
  transport: Transport,
  request: HttpRequest,
  accepted: readonly number[] = [],
): Promise<HttpResponse> {
  const response = await transport(request);
  if (response.status < 300 || accepted.includes(response.status)) return response;
  const error = parseAzureError(parse(response.body)) ?? { code: `HTTP ${response.status}`, message: "" };
  throw requestFailed(error, {
    method: request.method,
    path: new URL(request.url).pathname,
    status: response.status,
  });
}

function parse(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}

function payloadOf(token: string): JsonObject {
  return parse(decode(token.split(".")[1] ?? "") ?? "");
}

function decode(text: string): string | undefined {
  try {
    return fromUtf8(fromBase64Url(text));
  } catch {
    return undefined;
  }
}
