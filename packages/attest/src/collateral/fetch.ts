/**
 * Fetches collateral from Intel's Provisioning Certification Service or Azure's cache of it (both: PCS API v4). What
 * comes back is believed by nobody: the verifier checks its signatures.
 */
import { type Clock, type Fetch, SealflowError, toHex } from "@sealflow/core";
import { parseUtc } from "../der/values.js";
import { parseCollateral, type SgxCollateral } from "../sgx/collateral.js";

/** Where collateral comes from. */
export interface CollateralService {
  readonly name: string;
  /** URL of the API, without a slash at the end. */
  readonly api: string;
  /** URL of the root's revocation list. */
  readonly rootList: string;
}

/** Intel's own service. */
export const intelPcs: CollateralService = {
  name: "Intel PCS",
  api: "https://api.trustedservices.intel.com/sgx/certification/v4",
  rootList: "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der",
};

/** Azure's Trusted Hardware Identity Management: serves Azure's platforms, with Intel's signatures. */
export const azureThim: CollateralService = {
  name: "Azure THIM",
  api: "https://global.acccache.azure.net/sgx/certification/v4",
  rootList: "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der",
};

/** Which collateral: hex of the FMSPC, and the authority that issued the PCK certificate. */
export interface CollateralRequest {
  readonly fmspc: string;
  readonly authority: "platform" | "processor";
}

/** What a fetcher uses of the outside world. */
export interface CollateralFetcherOptions {
  readonly fetch: Fetch;
  readonly clock: Clock;
  /** Default: Intel PCS. */
  readonly service?: CollateralService;
  /** How long an answer is kept, at most; never past its `nextUpdate`. Default: one day. */
  readonly maximumAgeMs?: number;
}

interface Entry {
  readonly collateral: Promise<SgxCollateral>;
  readonly fetchedAt: number;
}

/**
 * A fetcher that keeps what it fetched and asks once for concurrent requests.
 *
 * @returns A function that throws SealflowError `ATTEST_COLLATERAL_UNREACHABLE`, `ATTEST_COLLATERAL_ANSWER`.
 */
export function createCollateralFetcher(
  options: CollateralFetcherOptions,
): (request: CollateralRequest) => Promise<SgxCollateral> {
  const cache = new Map<string, Entry>();
  const maximumAge = options.maximumAgeMs ?? 86_400_000;
  return async (request) => {
    if (!/^[0-9a-fA-F]{12}$/.test(request.fmspc)) throw new TypeError("fmspc: expected 12 hex digits");
    const key = `${request.fmspc.toLowerCase()} ${request.authority}`;
    const kept = cache.get(key);
    const now = options.clock.now();
    if (kept && now - kept.fetchedAt < maximumAge && now < nextUpdate(await kept.collateral))
      return kept.collateral;
    const collateral = fetchCollateral(request, options);
    cache.set(key, { collateral, fetchedAt: now });
    collateral.catch(() => cache.delete(key));
    return collateral;
  };
}

/** The earlier end of both documents, in milliseconds since the Unix epoch. */
function nextUpdate(collateral: SgxCollateral): number {
  const ends = [collateral.tcb_info, collateral.qe_identity].map((text) => {
    const match = /"nextUpdate":"([^"]+)"/.exec(text);
    return match?.[1] === undefined ? 0 : parseUtc(match[1]);
  });
  return Math.min(...ends);
}

async function fetchCollateral(
  { fmspc, authority }: CollateralRequest,
  { fetch, service = intelPcs }: CollateralFetcherOptions,
): Promise<SgxCollateral> {
  const get = (url: string) => request(fetch, url, service.name);
  const [tcb, qe, list, rootList] = await Promise.all([
    get(`${service.api}/tcb?fmspc=${fmspc.toUpperCase()}`),
    get(`${service.api}/qe/identity`),
    get(`${service.api}/pckcrl?ca=${authority}&encoding=der`),
    get(service.rootList),
  ]);
  const info = await signedPart(tcb, "tcbInfo");
  const identity = await signedPart(qe, "enclaveIdentity");
  return parseCollateral({
    root_ca_crl: await hexBody(rootList),
    pck_crl: await hexBody(list),
    tcb_info_issuer_chain: chainHeader(tcb, ["TCB-Info-Issuer-Chain", "SGX-TCB-Info-Issuer-Chain"]),
    tcb_info: info.text,
    tcb_info_signature: info.signature,
    qe_identity_issuer_chain: chainHeader(qe, ["SGX-Enclave-Identity-Issuer-Chain"]),
    qe_identity: identity.text,
    qe_identity_signature: identity.signature,
  });
}

async function request(fetch: Fetch, url: string, name: string): Promise<Response> {
  const response = await fetch(url).catch((cause: unknown) => {
    throw new SealflowError({
      code: "ATTEST_COLLATERAL_UNREACHABLE",
      message: `${name}: expected an answer from ${url}, got none`,
      cause,
    });
  });
  if (response.ok) return response;
  throw new SealflowError({
    code: "ATTEST_COLLATERAL_UNREACHABLE",
    message: `${name}: expected status 200 from ${url}, got ${response.status}`,
  });
}

/** The signature covers the exact text of the inner object, so it is cut out, not decoded and written again. */
async function signedPart(response: Response, name: string): Promise<{ text: string; signature: string }> {
  const body = await response.text();
  const start = `{"${name}":`;
  const end = /,"signature":"([0-9a-fA-F]{128})"\}\s*$/.exec(body);
  if (!body.startsWith(start) || end?.[1] === undefined)
    throw unexpected(response, `${name} and its signature`);
  return { text: body.slice(start.length, end.index), signature: end[1] };
}

async function hexBody(response: Response): Promise<string> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes[0] !== 0x30) throw unexpected(response, "a revocation list in DER");
  return toHex(bytes);
}

function chainHeader(response: Response, names: readonly string[]): string {
  const found = names.map((name) => response.headers.get(name)).find((value) => value !== null);
  if (!found) throw unexpected(response, `the header ${names[0]}`);
  try {
    return decodeURIComponent(found);
  } catch {
    throw unexpected(response, `a URL-encoded ${names[0]}`);
  }
}

function unexpected(response: Response, expected: string): SealflowError {
  return new SealflowError({
    code: "ATTEST_COLLATERAL_ANSWER",
    message: `collateral: expected ${expected} from ${response.url}, got something else`,
  });
}
