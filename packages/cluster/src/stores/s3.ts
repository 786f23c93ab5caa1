/**
 * Amazon S3 and stores that speak its protocol; and Google Cloud Storage, whose XML API signs the same way under other
 * names. Sources: AWS Signature Version 4, "Authenticating Requests: Using Query Parameters"; Google Cloud Storage,
 * "V4 signing process" with HMAC keys.
 */
import { createHash, createHmac } from "node:crypto";
import { type Dialect, type DialectRequest, elements, encoded, encodedKey } from "./http-store.js";
import type { SignedAddress } from "./store.js";

/** A pair of keys. */
export interface HmacCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Where a bucket is. */
export interface BucketOptions {
  readonly bucket: string;
  /** Without slashes around it; may be empty. */
  readonly prefix: string;
  /** Address with the bucket in it, without a slash at the end. */
  readonly base: string;
  readonly region: string;
  readonly credentials: HmacCredentials;
  readonly now: () => number;
}

/** Words of a scheme of signatures. */
interface Scheme {
  readonly uri: string;
  readonly algorithm: string;
  readonly key: string;
  readonly request: string;
  readonly service: string;
  readonly field: string;
}

const aws: Scheme = {
  uri: "s3",
  algorithm: "AWS4-HMAC-SHA256",
  key: "AWS4",
  request: "aws4_request",
  service: "s3",
  field: "X-Amz",
};
const google: Scheme = {
  uri: "gs",
  algorithm: "GOOG4-HMAC-SHA256",
  key: "GOOG4",
  request: "goog4_request",
  service: "storage",
  field: "X-Goog",
};

/** S3. */
export function s3Dialect(options: BucketOptions): Dialect {
  return dialect(
    options,
    aws,
    (ifAbsent): Record<string, string> => (ifAbsent ? { "if-none-match": "*" } : {}),
  );
}

/** Google Cloud Storage. */
export function googleDialect(options: BucketOptions): Dialect {
  return dialect(
    options,
    google,
    (ifAbsent): Record<string, string> => (ifAbsent ? { "x-goog-if-generation-match": "0" } : {}),
  );
}

function dialect(options: BucketOptions, scheme: Scheme, putHeaders: Dialect["putHeaders"]): Dialect {
  const prefix = options.prefix === "" ? "" : `${options.prefix}/`;
  return {
    root: `${scheme.uri}://${[options.bucket, options.prefix].filter((part) => part !== "").join("/")}`,
    prefix,
    putHeaders,
    sign: async (request) => sign(options, scheme, request),
    listQuery: (wanted, after): Record<string, string> =>
      scheme === google
        ? { prefix: wanted, ...(after === undefined ? {} : { marker: after }) }
        : {
            "list-type": "2",
            prefix: wanted,
            ...(after === undefined ? {} : { "continuation-token": after }),
          },
    readList: (text) => {
      const keys = elements(text, "Key");
      const more = elements(text, "IsTruncated")[0] === "true";
      const next =
        elements(text, "NextContinuationToken")[0] ??
        elements(text, "NextMarker")[0] ??
        (more ? keys.at(-1) : undefined);
      return { keys, next };
    },
  };
}

function sign(options: BucketOptions, scheme: Scheme, request: DialectRequest): SignedAddress {
  const { base, region, credentials, now } = options;
  const url = new URL(request.key === "" ? `${base}/` : `${base}/${encodedKey(request.key)}`);
  const time = new Date(now()).toISOString().replace(/[-:]|\.\d+/g, "");
  const scope = `${time.slice(0, 8)}/${region}/${scheme.service}/${scheme.request}`;
  // Conditions are signed too: whoever holds the address can't leave them out.
  const signed = { host: url.host, ...request.headers };
  const names = Object.keys(signed).sort();
  const { field } = scheme;
  const query = {
    ...request.query,
    [`${field}-Algorithm`]: scheme.algorithm,
    [`${field}-Credential`]: `${credentials.accessKeyId}/${scope}`,
    [`${field}-Date`]: time,
    [`${field}-Expires`]: String(request.seconds),
    [`${field}-SignedHeaders`]: names.join(";"),
    ...(credentials.sessionToken === undefined
      ? {}
      : { [`${field}-Security-Token`]: credentials.sessionToken }),
  };
  const queryText = Object.entries(query)
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join("&");
  const headers = names.map((name) => `${name}:${(signed as Record<string, string>)[name]}\n`).join("");
  const canonical = [
    request.method,
    url.pathname,
    queryText,
    headers,
    names.join(";"),
    "UNSIGNED-PAYLOAD",
  ].join("\n");
  const digest = createHash("sha256").update(canonical).digest("hex");
  const text = [scheme.algorithm, time, scope, digest].join("\n");
  const key = scope
    .split("/")
    .reduce<string | Buffer>(
      (parent, part) => hmac(parent, part),
      `${scheme.key}${credentials.secretAccessKey}`,
    );
  const signature = createHmac("sha256", key).update(text).digest("hex");
  return {
    url: `${url.origin}${url.pathname}?${queryText}&${field}-Signature=${signature}`,
    headers: request.headers ?? {},
  };
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
