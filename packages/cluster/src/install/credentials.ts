/** Credentials of databases, object store and login: made once, then kept as the cluster has them. */
import { createHash, randomBytes } from "node:crypto";
import { isJsonObject } from "@sealflow/core";
import type { KubeClient } from "../kube/client.js";
import type { Credentials } from "./overlay.js";

/** Credentials that the manifests carry: nobody's secret. */
const published = new Set(["", "minio", "minio123", "test", "pUBnBOY80SnXgjibTYM9ZWNY2xY7NGQok"]);

/** Those of an earlier installation, else new ones. Existing data would be lost with other passwords. */
export async function credentialsOf(client: KubeClient, namespace: string): Promise<Credentials> {
  const database = await secret(client, namespace, "mysql-secret");
  const store = await secret(client, namespace, "mlpipeline-minio-artifact");
  const katib = await secret(client, namespace, "katib-mysql-secrets");
  const oidc = await secret(client, "auth", "dex-oidc-client");
  const oidcSecret = kept(oidc.OIDC_CLIENT_SECRET) ?? random(32);
  return {
    katibPassword: kept(katib.MYSQL_ROOT_PASSWORD) ?? random(24),
    oidcSecret,
    // The proxy's secret has another name in each release: the key follows from the one that is kept.
    cookieSecret: createHash("sha256").update(`session cookies ${oidcSecret}`).digest("hex").slice(0, 32),
    databasePassword: kept(database.password) ?? random(24),
    storeAccessKey: kept(store.accesskey) ?? `sealflow-${random(6)}`,
    storeSecretKey: kept(store.secretkey) ?? random(32),
  };
}

function kept(value: string | undefined): string | undefined {
  return value === undefined || published.has(value) ? undefined : value;
}

function random(bytes: number): string {
  return randomBytes(bytes).toString("base64url");
}

async function secret(client: KubeClient, namespace: string, name: string): Promise<Record<string, string>> {
  const found = await client.find({ apiVersion: "v1", kind: "Secret", name, namespace });
  const data = isJsonObject(found?.data) ? found.data : {};
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(String(value), "base64").toString()]),
  );
}
