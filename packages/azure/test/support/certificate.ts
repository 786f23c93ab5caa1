/** The certificate that the stand-in shows, which is its own authority. For localhost; protects nothing. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const file = (name: string) => fileURLToPath(new URL(`../testdata/${name}`, import.meta.url));
const text = (name: string) => (existsSync(file(name)) ? readFileSync(file(name), "utf8") : "");

/** Its file, for NODE_EXTRA_CA_CERTS. */
export const standInCaFile: string = file("stand-in-cert.pem");
/** In PEM; empty in bundles, which are given the file. */
export const standInCa: string = text("stand-in-cert.pem");
export const standInKey: string = text("stand-in-key.pem");
