/**
 * A simulated SGX platform: quotes and collateral of the real shape under a root of its own. It shows the mechanism
 * and protects against nothing but mistakes: whoever has the root makes any evidence.
 */
import { concatBytes, fromBase64, fromHex, type Random, sha256, toBase64, toHex, utf8 } from "@sealflow/core";
import { derNumber, derOctets, derOid, derSequence } from "../der/writer.js";
import type { SgxCollateral } from "../sgx/collateral.js";
import { type TrustRoot, trustRootFromCertificate } from "../trust-root.js";
import {
  exportHolder,
  type Holder,
  importHolder,
  issueCertificate,
  issueRevocationList,
  newHolder,
  type Period,
  signRaw,
  toPem,
} from "./authority.js";

type Bytes = Uint8Array<ArrayBuffer>;

const fmspc = "00606a000000";
const pceId = "0000";
const evaluation = 1;
const pceSvn = 13;
/** MRSIGNER of the simulated quoting enclave: SHA-256 of this text, so that it is nobody's key. */
const qeSignerText = "sealflow simulated quoting enclave";

/** What a simulated enclave claims. Digests are 32 bytes, REPORTDATA 64. */
export interface SimulatedEnclave {
  readonly mrEnclave: Uint8Array;
  readonly mrSigner: Uint8Array;
  readonly productId: number;
  readonly svn: number;
  readonly reportData: Uint8Array;
  /** ATTRIBUTES; default INIT and MODE64, x87 and SSE. */
  readonly attributes?: Uint8Array;
}

/** A simulated platform. */
export interface SimulatedPlatform {
  /** The root to name in policies; its kind is always `simulated`. */
  readonly root: TrustRoot;
  /** DER of the root's certificate. */
  readonly rootCertificate: Bytes;
  /** Collateral for the period. */
  collateral(period: Period): Promise<SgxCollateral>;
  quote(enclave: SimulatedEnclave): Promise<Bytes>;
  /** For `restoreSimulatedPlatform`. */
  save(): Promise<SavedPlatform>;
}

/** Everything that a platform is made of. Secret in form only: it protects nothing. */
interface Material {
  readonly root: Holder;
  readonly authority: Holder;
  readonly leaf: Holder;
  readonly signer: Holder;
  readonly key: Holder;
  readonly rootCertificate: Bytes;
  readonly authorityPem: string;
  readonly leafPem: string;
  readonly signerPem: string;
}

const roles = {
  root: "Root CA",
  authority: "PCK Platform CA",
  leaf: "PCK Certificate",
  signer: "TCB Signing",
  key: "PCK Certificate",
} as const;

/**
 * Makes a platform with fresh keys.
 *
 * @param period Validity of its certificates, in milliseconds since the Unix epoch; seconds are kept, fractions not.
 */
export async function createSimulatedPlatform(
  options: Period & { readonly random: Random },
): Promise<SimulatedPlatform> {
  const [root, authority, leaf, signer, key] = await Promise.all([
    newHolder(roles.root),
    newHolder(roles.authority),
    newHolder(roles.leaf),
    newHolder(roles.signer),
    newHolder(roles.key),
  ]);
  const extra = [sgxExtension(options.random.bytes(16))];
  return platformOf({
    ...{ root, authority, leaf, signer, key },
    rootCertificate: await issueCertificate(root, root, options),
    authorityPem: toPem(await issueCertificate(authority, root, options)),
    signerPem: toPem(await issueCertificate(signer, root, options)),
    leafPem: toPem(await issueCertificate(leaf, authority, { ...options, extra })),
  });
}

/** A platform as JSON: private keys and certificates. */
export type SavedPlatform = Readonly<Record<keyof Material, string>>;

/**
 * The platform that was saved: same root, same keys.
 *
 * @throws SealflowError `CORE_BASE64_INVALID`, and WebCrypto's errors, for anything that `save` did not give.
 */
export async function restoreSimulatedPlatform(saved: SavedPlatform): Promise<SimulatedPlatform> {
  const holder = (name: keyof typeof roles) => importHolder(roles[name], fromBase64(saved[name]));
  const [root, authority, leaf] = [await holder("root"), await holder("authority"), await holder("leaf")];
  const { authorityPem, leafPem, signerPem } = saved;
  return platformOf({
    ...{ root, authority, leaf, signer: await holder("signer"), key: await holder("key") },
    ...{ rootCertificate: fromBase64(saved.rootCertificate), authorityPem, leafPem, signerPem },
  });
}

async function saveMaterial(material: Material): Promise<SavedPlatform> {
  const { authorityPem, leafPem, signerPem } = material;
  const exported = async (holder: Holder) => toBase64(await exportHolder(holder));
  return {
    root: await exported(material.root),
    authority: await exported(material.authority),
    leaf: await exported(material.leaf),
    signer: await exported(material.signer),
    key: await exported(material.key),
    rootCertificate: toBase64(material.rootCertificate),
    ...{ authorityPem, leafPem, signerPem },
  };
}

function platformOf(material: Material): SimulatedPlatform {
  const { root, authority, leaf, signer, key, rootCertificate, authorityPem, leafPem, signerPem } = material;
  const rootPem = toPem(rootCertificate);
  const chain = utf8(`${leafPem}${authorityPem}${rootPem}`);
  return {
    root: trustRootFromCertificate(rootCertificate),
    rootCertificate,
    collateral: (period) => makeCollateral({ root, authority, signer }, `${signerPem}${rootPem}`, period),
    quote: (enclave) => makeQuote(enclave, { leaf, key }, chain),
    save: () => saveMaterial(material),
  };
}

function sgxExtension(ppid: Bytes): Bytes {
  const base = "1.2.840.113741.1.13.1";
  const item = (number: string, value: Bytes) => derSequence(derOid(`${base}.${number}`), value);
  const components = Array.from({ length: 16 }, (_, i) => item(`2.${i + 1}`, derNumber(1)));
  const tcb = derSequence(
    ...components,
    item("2.17", derNumber(pceSvn)),
    item("2.18", derOctets(new Uint8Array(16).fill(1))),
  );
  const fields = derSequence(
    item("1", derOctets(ppid)),
    item("2", tcb),
    item("3", derOctets(fromHex(pceId))),
    item("4", derOctets(fromHex(fmspc))),
  );
  return derSequence(derOid(base), derOctets(fields));
}

async function makeCollateral(
  holders: Record<"root" | "authority" | "signer", Holder>,
  signerChain: string,
  period: Period,
): Promise<SgxCollateral> {
  const utc = (time: number) => `${new Date(time).toISOString().slice(0, 19)}Z`;
  const common = {
    issueDate: utc(period.from),
    nextUpdate: utc(period.until),
    tcbEvaluationDataNumber: evaluation,
  };
  const level = { tcbDate: utc(period.from), tcbStatus: "UpToDate" };
  const sgxtcbcomponents = Array.from({ length: 16 }, () => ({ svn: 1 }));
  const info = JSON.stringify({
    ...{ id: "SGX", version: 3, ...common, fmspc, pceId, tcbType: 0 },
    tcbLevels: [{ tcb: { sgxtcbcomponents, pcesvn: pceSvn }, ...level }],
  });
  const identity = JSON.stringify({
    ...{ id: "QE", version: 2, ...common, miscselect: "00000000", miscselectMask: "ffffffff" },
    attributes: "11".padEnd(32, "0"),
    attributesMask: "fbffffffffffffff".padEnd(32, "0"),
    mrsigner: toHex(await sha256(utf8(qeSignerText))),
    isvprodid: 1,
    tcbLevels: [{ tcb: { isvsvn: 1 }, ...level }],
  });
  const sign = async (text: string) => toHex(await signRaw(holders.signer, utf8(text)));
  return {
    root_ca_crl: toHex(await issueRevocationList(holders.root, period)),
    pck_crl: toHex(await issueRevocationList(holders.authority, period)),
    tcb_info_issuer_chain: signerChain,
    tcb_info: info,
    tcb_info_signature: await sign(info),
    qe_identity_issuer_chain: signerChain,
    qe_identity: identity,
    qe_identity_signature: await sign(identity),
  };
}

async function makeQuote(
  enclave: SimulatedEnclave,
  { leaf, key }: Record<"leaf" | "key", Holder>,
  chain: Bytes,
): Promise<Bytes> {
  const header = concatBytes(
    ...[little(3, 2), little(2, 2), little(0, 4), little(1, 2), little(pceSvn, 2)],
    fromHex("939a7233f79c4ca9940a0db3957f0607"),
    new Uint8Array(20),
  );
  const signed = concatBytes(header, makeReport(enclave));
  const authentication = utf8("simulated");
  const binding = await sha256(concatBytes(key.point, authentication));
  const qeReport = makeReport({
    mrEnclave: new Uint8Array(32),
    mrSigner: await sha256(utf8(qeSignerText)),
    productId: 1,
    svn: 1,
    reportData: concatBytes(binding, new Uint8Array(32)),
    attributes: fromHex("15".padEnd(16, "0") + "07".padEnd(16, "0")),
  });
  const signatureData = concatBytes(
    await signRaw(key, signed),
    ...[key.point, qeReport, await signRaw(leaf, qeReport)],
    ...[little(authentication.length, 2), authentication],
    ...[little(5, 2), little(chain.length, 4), chain],
  );
  return concatBytes(signed, little(signatureData.length, 4), signatureData);
}

function makeReport(enclave: SimulatedEnclave): Bytes {
  const attributes = enclave.attributes ?? fromHex("05".padEnd(16, "0") + "07".padEnd(16, "0"));
  const zeros = (length: number) => new Uint8Array(length);
  return concatBytes(
    ...[new Uint8Array(16).fill(1), zeros(4), zeros(28), sized(attributes, 16)],
    ...[sized(enclave.mrEnclave, 32), zeros(32), sized(enclave.mrSigner, 32), zeros(96)],
    ...[little(enclave.productId, 2), little(enclave.svn, 2), zeros(60), sized(enclave.reportData, 64)],
  );
}

function sized(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length !== length) throw new TypeError(`enclave: expected ${length} bytes, got ${bytes.length}`);
  return bytes;
}

function little(value: number, length: number): Bytes {
  return Uint8Array.from({ length }, (_, i) => (value >>> (8 * i)) & 0xff);
}
