/** A store by its URI, with the credentials that each cloud's tools read from the environment. */
import { type Fetch, SealflowError } from "@sealflow/core";
import { azureDialect, type DelegatedKey } from "./azure-blob.js";
import { delegatedKey } from "./azure-delegation.js";
import { DirectoryStore } from "./directory-store.js";
import { HttpStore } from "./http-store.js";
import { googleDialect, s3Dialect } from "./s3.js";
import type { ArtifactStore } from "./store.js";

/** What a store needs of the outside world. */
export interface StoreAccess {
  readonly environment: Readonly<Partial<Record<string, string>>>;
  readonly fetch: Fetch;
  readonly now: () => number;
}

/**
 * `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `azure://ACCOUNT/CONTAINER/PREFIX` or `file:///DIRECTORY`. Nothing is asked yet.
 *
 * @throws SealflowError `CLUSTER_STORE_URI`, `CLUSTER_STORE_CREDENTIALS`
 */
export function openArtifactStore(uri: string, access: StoreAccess): ArtifactStore {
  const [, scheme = "", rest = ""] = /^([a-z0-9]+):\/\/(.*)$/.exec(uri) ?? [];
  const [first = "", ...more] = rest.split("/").filter((part) => part !== "");
  if (scheme === "file" && rest.startsWith("/"))
    return new DirectoryStore(decodeURIComponent(rest.replace(/\/+$/, "")));
  if (scheme === "s3" && first !== "") return s3(first, more.join("/"), access);
  if (scheme === "gs" && first !== "") return google(first, more.join("/"), access);
  const [container, ...prefix] = more;
  if (scheme === "azure" && container !== undefined) return azure(first, container, prefix.join("/"), access);
  throw new SealflowError({
    code: "CLUSTER_STORE_URI",
    message: `artifacts: expected s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or azure://ACCOUNT/CONTAINER/PREFIX, got ${uri}`,
  });
}

function s3(bucket: string, prefix: string, { environment: env, fetch, now }: StoreAccess): ArtifactStore {
  const region = env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? "us-east-1";
  const endpoint = env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL;
  const accessKeyId = needed(env, "AWS_ACCESS_KEY_ID");
  const secretAccessKey = needed(env, "AWS_SECRET_ACCESS_KEY");
  const sessionToken = env.AWS_SESSION_TOKEN;
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
  const base =
    endpoint === undefined
      ? `https://${bucket}.s3.${region}.amazonaws.com`
      : `${endpoint.replace(/\/+$/, "")}/${bucket}`;
  return new HttpStore(s3Dialect({ bucket, prefix, base, region, credentials, now }), fetch);
}

function google(
  bucket: string,
  prefix: string,
  { environment: env, fetch, now }: StoreAccess,
): ArtifactStore {
  const emulator = env.STORAGE_EMULATOR_HOST;
  const host =
    emulator === undefined
      ? "https://storage.googleapis.com"
      : /^https?:/.test(emulator)
        ? emulator
        : `http://${emulator}`;
  const credentials = {
    accessKeyId: needed(env, "GOOGLE_HMAC_ACCESS_ID"),
    secretAccessKey: needed(env, "GOOGLE_HMAC_SECRET"),
  };
  return new HttpStore(
    googleDialect({
      bucket,
      prefix,
      base: `${host.replace(/\/+$/, "")}/${bucket}`,
      region: "auto",
      credentials,
      now,
    }),
    fetch,
  );
}

function azure(account: string, container: string, prefix: string, access: StoreAccess): ArtifactStore {
  const { environment: env, fetch, now } = access;
  const endpoint = (env.AZURE_STORAGE_BLOB_ENDPOINT ?? `https://${account}.blob.core.windows.net`).replace(
    /\/+$/,
    "",
  );
  const accountKey = env.AZURE_STORAGE_KEY;
  let known: Promise<DelegatedKey> | undefined;
  const delegated = async (): Promise<DelegatedKey> => {
    known ??= delegatedKey(endpoint, access);
    const key = await known;
    if (Date.parse(key.expiry) - now() < 3_600_000) known = delegatedKey(endpoint, access);
    return known;
  };
  const key = accountKey ? { account: accountKey } : { delegated };
  return new HttpStore(azureDialect({ account, container, prefix, endpoint, key, now }), fetch);
}

function needed(env: StoreAccess["environment"], name: string): string {
  const value = env[name];
  if (value) return value;
  throw new SealflowError({
    code: "CLUSTER_STORE_CREDENTIALS",
    message: `artifacts: expected the store's credentials in the environment, got no ${name}`,
    hint: "S3: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Google: GOOGLE_HMAC_ACCESS_ID and GOOGLE_HMAC_SECRET. Azure: AZURE_STORAGE_KEY, or AZURE_ACCESS_TOKEN.",
  });
}
