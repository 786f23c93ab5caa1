/**
 * Azure Blob Storage, by shared access signatures: of the account's key, or of a key that Entra ID delegates.
 * Source: Microsoft Learn, "Create a service SAS" and "Create a user delegation SAS", version 2022-11-02.
 */
import { createHmac } from "node:crypto";
import { type Dialect, type DialectRequest, elements, encodedKey } from "./http-store.js";
import type { SignedAddress } from "./store.js";

const VERSION = "2022-11-02";

/** A key that signs in the name of an identity. */
export interface DelegatedKey {
  readonly oid: string;
  readonly tid: string;
  readonly start: string;
  readonly expiry: string;
  readonly service: string;
  readonly version: string;
  readonly value: string;
}

/** Where a container is. */
export interface ContainerOptions {
  readonly account: string;
  readonly container: string;
  readonly prefix: string;
  /** Address of the account, without a slash at the end. */
  readonly endpoint: string;
  /** In base64: the account's key, or one that is delegated. */
  readonly key: { readonly account: string } | { readonly delegated: () => Promise<DelegatedKey> };
  readonly now: () => number;
}

/** Permissions by method. */
const permissions = { GET: "r", HEAD: "r", PUT: "cw", DELETE: "d" } as const;

/** Azure Blob Storage. */
export function azureDialect(options: ContainerOptions): Dialect {
  const { account, container, prefix } = options;
  return {
    root: `azure://${[account, container, prefix].filter((part) => part !== "").join("/")}`,
    prefix: prefix === "" ? "" : `${prefix}/`,
    putHeaders: (ifAbsent) => ({
      "x-ms-blob-type": "BlockBlob",
      ...(ifAbsent ? { "if-none-match": "*" } : {}),
    }),
    sign: (request) => sign(options, request),
    listQuery: (wanted, after): Record<string, string> => ({
      ...{ restype: "container", comp: "list", prefix: wanted },
      ...(after === undefined ? {} : { marker: after }),
    }),
    readList: (text) => ({
      keys: elements(text, "Name"),
      next: elements(text, "NextMarker").find((each) => each !== ""),
    }),
  };
}

async function sign(options: ContainerOptions, request: DialectRequest): Promise<SignedAddress> {
  const { account, container, endpoint, now } = options;
  const whole = request.key === "";
  const signature = {
    permissions: whole ? "l" : permissions[request.method],
    expiry: new Date(now() + request.seconds * 1000).toISOString().replace(/\.\d+/, ""),
    resource: `/blob/${account}/${container}${whole ? "" : `/${request.key}`}`,
    kind: whole ? "c" : "b",
  };
  const query =
    "account" in options.key
      ? serviceQuery(options.key.account, signature)
      : delegatedQuery(await options.key.delegated(), signature);
  const path = whole ? container : `${container}/${encodedKey(request.key)}`;
  const text = new URLSearchParams({ ...request.query, ...query });
  return { url: `${endpoint}/${path}?${text}`, headers: { "x-ms-version": VERSION, ...request.headers } };
}

interface Signature {
  readonly permissions: string;
  readonly expiry: string;
  readonly resource: string;
  readonly kind: string;
}

function serviceQuery(
  key: string,
  { permissions: sp, expiry: se, resource, kind: sr }: Signature,
): Record<string, string> {
  // Permissions, start, expiry, resource, identifier, IP, protocol, version, kind, snapshot, encryption scope, five headers.
  const fields = [sp, "", se, resource, "", "", "", VERSION, sr, "", "", "", "", "", "", ""];
  return { sv: VERSION, se, sr, sp, sig: hmac(key, fields.join("\n")) };
}

function delegatedQuery(
  key: DelegatedKey,
  { permissions: sp, expiry: se, resource, kind: sr }: Signature,
): Record<string, string> {
  const own = {
    skoid: key.oid,
    sktid: key.tid,
    skt: key.start,
    ske: key.expiry,
    sks: key.service,
    skv: key.version,
  };
  // As above, with the delegated key's fields after the resource, then three for authorized and correlated ids.
  const fields = [
    sp,
    "",
    se,
    resource,
    ...Object.values(own),
    "",
    "",
    "",
    "",
    "",
    VERSION,
    sr,
    "",
    "",
    "",
    "",
    "",
    "",
    "",
  ];
  return { sv: VERSION, se, sr, sp, ...own, sig: hmac(key.value, fields.join("\n")) };
}

function hmac(key: string, text: string): string {
  return createHmac("sha256", Buffer.from(key, "base64")).update(text).digest("base64");
}
