/** The password of Kubeflow's first user. */
import { randomBytes } from "node:crypto";
import { hash } from "bcryptjs";

/** bcrypt with cost 12, as Dex reads it. */
export function hashPassword(password: string): Promise<string> {
  return hash(password, 12);
}

/** A password that nobody has used before: 120 bits. */
export function newPassword(): string {
  return randomBytes(15).toString("base64url");
}
