/** Reading Gramine's manifests: TOML 1.0. */
import { fromUtf8, isJsonObject, SealflowError } from "@sealflow/core";
import { parse, TomlError } from "smol-toml";

/** A table of the manifest; values are what TOML has, integers as numbers. */
export type ManifestTable = Readonly<Record<string, unknown>>;

/** A manifest with the tables that this room looks into. */
export interface ManifestFile {
  readonly all: ManifestTable;
  readonly loader: ManifestTable;
  readonly libos: ManifestTable;
  readonly sys: ManifestTable;
  readonly fs: ManifestTable;
  readonly sgx: ManifestTable;
}

/**
 * Parses a manifest.
 *
 * @param name For messages.
 * @throws SealflowError `CLUSTER_MANIFEST_INVALID`
 */
export function parseManifest(bytes: Uint8Array, name = "manifest"): ManifestFile {
  const all = read(bytes, name);
  const table = (key: string): ManifestTable => {
    const value = all[key] ?? {};
    if (isJsonObject(value)) return value;
    throw invalid(name, `${key} to be a table`, {});
  };
  return {
    all,
    loader: table("loader"),
    libos: table("libos"),
    sys: table("sys"),
    fs: table("fs"),
    sgx: table("sgx"),
  };
}

function read(bytes: Uint8Array, name: string): ManifestTable {
  try {
    return parse(fromUtf8(bytes));
  } catch (cause) {
    if (cause instanceof TomlError) {
      const [reason] = cause.message.split("\n");
      throw invalid(name, `TOML, got: ${reason}`, { line: cause.line, column: cause.column });
    }
    throw invalid(name, "TOML in UTF-8", {}, cause);
  }
}

function invalid(
  name: string,
  expected: string,
  place: { line?: number; column?: number },
  cause?: unknown,
): SealflowError {
  return new SealflowError({
    code: "CLUSTER_MANIFEST_INVALID",
    message: `${name}: expected ${expected}`,
    where: { file: name, ...place },
    cause,
  });
}
