/** The password of Kubeflow's first user. */
import { randomBytes } from "node:crypto";
import { isJsonObject } from "@sealflow/core";
import { compare, hash } from "bcryptjs";
import type { KubeClient } from "../kube/client.js";

/** The one in the manifests, and in every guide. */
const PUBLISHED = "12341234";

/** bcrypt with cost 12, as Dex reads it. */
export function hashPassword(password: string): Promise<string> {
  return hash(password, 12);
}

/** Whether a hash is that of the password. */
export function fitsPassword(password: string, hashed: string): Promise<boolean> {
  return compare(password, hashed).catch(() => false);
}

/** A password that nobody has used before: 120 bits. */
export function newPassword(): string {
  return randomBytes(15).toString("base64url");
}

/** Hash of the password that an earlier installation set; undefined where there is none, or it is the published one. */
export async function keptPasswordHash(client: KubeClient): Promise<string | undefined> {
  const ref = { apiVersion: "v1", kind: "Secret", name: "dex-passwords", namespace: "auth" };
  const data = (await client.find(ref))?.data;
  const encoded = isJsonObject(data) ? data.DEX_USER_PASSWORD : undefined;
  if (typeof encoded !== "string") return undefined;
  const hashed = Buffer.from(encoded, "base64").toString();
  return (await fitsPassword(PUBLISHED, hashed)) ? undefined : hashed;
}
