/**
 * Signatures of requests to S3 and stores that speak its protocol.
 * Source: AWS Signature Version 4, "Create a signed AWS API request" of the IAM user guide.
 */
import { createHash, createHmac } from "node:crypto";

/** Credentials as the AWS tools read them from the environment. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** What to sign. */
export interface SignedRequest {
  readonly url: URL;
  readonly region: string;
  readonly credentials: AwsCredentials;
  /** Milliseconds since the Unix epoch; servers refuse a difference of more than 15 minutes. */
  readonly now: number;
}

/** SHA-256 of nothing: the body of a GET. */
const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** Headers that make a GET request of S3's a signed one; `Host` is the URL's. */
export function signedHeaders({ url, region, credentials, now }: SignedRequest): Record<string, string> {
  const time = new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const date = time.slice(0, 8);
  const headers: Record<string, string> = {
    host: url.host,
    "x-amz-content-sha256": EMPTY,
    "x-amz-date": time,
    ...(credentials.sessionToken === undefined ? {} : { "x-amz-security-token": credentials.sessionToken }),
  };
  const names = Object.keys(headers).sort();
  const canonical = [
    "GET",
    url.pathname,
    canonicalQuery(url),
    ...names.map((name) => `${name}:${headers[name]}`),
    "",
    names.join(";"),
    EMPTY,
  ].join("\n");
  const scope = `${date}/${region}/s3/aws4_request`;
  const digest = createHash("sha256").update(canonical).digest("hex");
  const text = ["AWS4-HMAC-SHA256", time, scope, digest].join("\n");
  const key = [date, region, "s3", "aws4_request"].reduce<string | Buffer>(
    (secret, part) => createHmac("sha256", secret).update(part).digest(),
    `AWS4${credentials.secretAccessKey}`,
  );
  const signature = createHmac("sha256", key).update(text).digest("hex");
  const { host: _, ...sent } = headers;
  const credential = `Credential=${credentials.accessKeyId}/${scope}`;
  const authorization = `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
  return { ...sent, authorization };
}

function canonicalQuery({ searchParams }: URL): string {
  const pairs = [...searchParams].map(([name, value]) => `${encoded(name)}=${encoded(value)}`);
  return pairs.sort().join("&");
}

/** Percent-encoding as the signature wants it: everything but letters, digits and `-._~`. */
export function encoded(text: string): string {
  const hex = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text).replace(/[!'()*]/g, hex);
}
