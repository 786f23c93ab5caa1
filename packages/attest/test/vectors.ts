/** Reads the attestation vectors beside the checkout. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { shared } from "../../../test-support/shared.js";

export const vectors = shared("attestation-vectors");

export interface Vector {
  readonly name: string;
  readonly quote: Uint8Array<ArrayBuffer>;
  readonly collateral: Record<string, string>;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** Recorded: what the Rust verifier dcap-qvl 0.7.0 said of it. */
  readonly rust: string;
}

export interface SyntheticCase extends Vector {
  /** `accept:STATUS`, `refuse` or `refuse-strict`. */
  readonly expected: string;
}

export function readBytes(...path: readonly string[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(readFileSync(join(vectors ?? "", ...path)));
}

function readJson<T>(...path: readonly string[]): T {
  return JSON.parse(readFileSync(join(vectors ?? "", ...path), "utf8")) as T;
}

export function readBundle(name: string): Vector {
  const meta = readJson<{ time: string; rust_dcap_qvl_0_7_0: string }>("bundles", `${name}.meta.json`);
  return {
    name,
    quote: readBytes("bundles", `${name}.quote.bin`),
    collateral: readJson("bundles", `${name}.collateral.json`),
    at: Date.parse(meta.time),
    rust: meta.rust_dcap_qvl_0_7_0,
  };
}

export function bundleNames(): string[] {
  if (!vectors || !existsSync(vectors)) return [];
  return readdirSync(join(vectors, "bundles"))
    .filter((file) => file.endsWith(".quote.bin"))
    .map((file) => file.slice(0, -".quote.bin".length));
}

export function syntheticCases(): SyntheticCase[] {
  if (!vectors) return [];
  const { cases } = readJson<{
    cases: { name: string; expected: string; time: number; rust_dcap_qvl_0_7_0: string }[];
  }>("synthetic", "index.json");
  return cases.map(({ name, expected, time, rust_dcap_qvl_0_7_0: rust }) => ({
    ...{ name, expected, rust },
    at: time * 1000,
    quote: readBytes("synthetic", `${name}.quote.bin`),
    collateral: readJson("synthetic", `${name}.collateral.json`),
  }));
}
