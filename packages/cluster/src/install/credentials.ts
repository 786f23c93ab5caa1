/** The database's and the object store's credentials: made once, then kept as the cluster has them. */
import { randomBytes } from "node:crypto";
import { isJsonObject } from "@sealflow/core";
import type { KubeClient } from "../kube/client.js";
import type { Credentials } from "./overlay.js";

/** Credentials that the manifests carry: nobody's secret. */
const published = new Set(["", "minio", "minio123"]);

/** Those of an earlier installation, else new ones. Existing data would be lost with other passwords. */
export async function credentialsOf(client: KubeClient, namespace: string): Promise<Credentials> {
  const database = await secret(client, namespace, "mysql-secret");
  const store = await secret(client, namespace, "mlpipeline-minio-artifact");
  return {
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
