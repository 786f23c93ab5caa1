/** Reading objects of S3, stores with its protocol, and Google Cloud Storage. */
import type { Fetch } from "@sealflow/core";
import { encoded, signedHeaders } from "./aws-signature.js";

/** What requests are made with. */
export interface RemoteAccess {
  readonly fetch: Fetch;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** A bucket of a store. */
export interface Bucket {
  /** The object's content; undefined when there is no such object. */
  get(key: string): Promise<Response | undefined>;
  /** Keys that begin with a prefix. */
  list(prefix: string): Promise<readonly string[]>;
}

/** Time until a server must have begun to answer. */
const ANSWER_MS = 20_000;

/** Most pages of a listing; a page has at most a thousand keys. */
const MOST_PAGES = 100;

/** The bucket of a URI's scheme and host; undefined for schemes that are not read here. */
export function bucketOf(scheme: string, name: string, access: RemoteAccess): Bucket | undefined {
  if (scheme === "s3" || scheme === "minio") return s3Bucket(scheme, name, access);
  return scheme === "gs" ? googleBucket(name, access) : undefined;
}

async function request(url: URL, headers: Record<string, string>, access: RemoteAccess): Promise<Response> {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(new Error("no answer in time")), ANSWER_MS);
  try {
    const signal = AbortSignal.any([access.signal, patience.signal]);
    return await access.fetch(url, { headers, signal });
  } finally {
    clearTimeout(timer);
  }
}

async function found(response: Response): Promise<Response | undefined> {
  if (response.ok) return response;
  await response.body?.cancel();
  if (response.status === 404) return undefined;
  throw new Error(`the server answered ${response.status}`);
}

/** Endpoint, region and credentials come from the variables that the AWS tools read. */
function s3Bucket(scheme: string, name: string, access: RemoteAccess): Bucket {
  const { environment: env } = access;
  const region = env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? "us-east-1";
  const endpoint = env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL;
  if (endpoint === undefined && scheme === "minio") {
    throw new Error("expected the store's address in AWS_ENDPOINT_URL_S3, got none");
  }
  const base = endpoint === undefined ? `https://${name}.s3.${region}.amazonaws.com` : `${endpoint}/${name}`;
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
  const get = (path: string): Promise<Response | undefined> => {
    const url = new URL(`${base.replace(/\/+$/, "")}/${path}`);
    const token = env.AWS_SESSION_TOKEN;
    const headers =
      accessKeyId && secretAccessKey
        ? signedHeaders({
            ...{ url, region, now: access.now() },
            credentials: { accessKeyId, secretAccessKey, ...(token ? { sessionToken: token } : {}) },
          })
        : {};
    return request(url, headers, access).then(found);
  };
  return {
    get: (key) => get(key.split("/").map(encoded).join("/")),
    list: (prefix) =>
      pages(async (token) => {
        const more = token === undefined ? "" : `&continuation-token=${encoded(token)}`;
        const page = (await (await get(`?list-type=2&prefix=${encoded(prefix)}${more}`))?.text()) ?? "";
        const next = /<NextContinuationToken>([^<]+)</.exec(page)?.[1];
        return { keys: [...page.matchAll(/<Key>([^<]+)</g)].map(([, key = ""]) => unescapedXml(key)), next };
      }),
  };
}

function unescapedXml(text: string): string {
  const names: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => names[name] ?? "");
}

/** Public objects are read without a token; one comes from `GOOGLE_OAUTH_ACCESS_TOKEN`. */
function googleBucket(name: string, access: RemoteAccess): Bucket {
  const { GOOGLE_OAUTH_ACCESS_TOKEN: token, STORAGE_EMULATOR_HOST: emulator } = access.environment;
  const host = emulator ?? "https://storage.googleapis.com";
  const objects = `${/^https?:/.test(host) ? host : `http://${host}`}/storage/v1/b/${encoded(name)}/o`;
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  const get = (rest: string) => request(new URL(objects + rest), headers, access).then(found);
  return {
    get: (key) => get(`/${encoded(key)}?alt=media`),
    list: (prefix) =>
      pages(async (pageToken) => {
        const more = pageToken === undefined ? "" : `&pageToken=${encoded(pageToken)}`;
        const response = await get(`?prefix=${encoded(prefix)}&fields=items(name),nextPageToken${more}`);
        const page = ((await response?.json()) ?? {}) as GooglePage;
        return { keys: (page.items ?? []).map((item) => item.name), next: page.nextPageToken };
      }),
  };
}

/** What the listing of Cloud Storage's JSON API answers. */
interface GooglePage {
  readonly items?: readonly { readonly name: string }[];
  readonly nextPageToken?: string;
}

interface Page {
  readonly keys: readonly string[];
  readonly next: string | undefined;
}

async function pages(page: (token: string | undefined) => Promise<Page>): Promise<readonly string[]> {
  const keys: string[] = [];
  let token: string | undefined;
  for (let count = 0; count < MOST_PAGES; count++) {
    const { keys: more, next } = await page(token);
    keys.push(...more);
    if (next === undefined) return keys;
    token = next;
  }
  throw new Error(`expected at most ${MOST_PAGES} pages of objects, got more`);
}
