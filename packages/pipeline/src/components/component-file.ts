/** What `python -m sealflow.signatures` says about one Python file. */
import type { ErrorBody, JsonValue } from "@sealflow/core";
import type { TypeSpec } from "../authoring/value-types.js";

/** A Python file: its text, what travels with it, what it requires, its components, what is wrong with it. */
export interface ComponentFile {
  /** As it was given to the reader. */
  readonly path: string;
  readonly text: string;
  /** Modules beside the file that it imports, directly or through one another, sorted by name. */
  readonly modules: readonly LocalModule[];
  /** Modules from elsewhere that those modules import. */
  readonly imports: readonly string[];
  readonly requirements: Requirements;
  readonly components: readonly FunctionSignature[];
  /** Files that its components read, which travel along. */
  readonly embedded?: EmbeddedFiles;
  readonly errors: readonly ErrorBody[];
}

/** A module that is embedded with the component's own. */
export interface LocalModule {
  /** Dotted name. */
  readonly name: string;
  /** Relative to the component's file. */
  readonly path: string;
  readonly text: string;
  readonly package: boolean;
}

/** Files inside a source: a directory's, one file, or a notebook. */
export interface EmbeddedFiles {
  /** Base64 of a gzipped tar archive. */
  readonly archive: string;
  /** Name of the one file; absent for a directory. */
  readonly file?: string;
  /** True for a notebook that `dsl.run_notebook` runs. */
  readonly notebook: boolean;
}

/** The file's inline script metadata (PEP 723), and `[tool.sealflow]` in it. */
export interface Requirements {
  readonly dependencies: readonly string[];
  readonly requiresPython?: string;
  readonly baseImage?: string;
  /** Version of the `kfp` package that runs the component on a cluster. */
  readonly kfp?: string;
  /** Package indexes: the first takes the place of PyPI, the others are searched as well. */
  readonly indexUrls?: readonly string[];
  /** Hosts whose certificates are not checked. */
  readonly trustedHosts?: readonly string[];
  /** A hash-locked requirements file, relative to the component's file. */
  readonly lock?: { readonly path: string; readonly sha256: string };
}

/** A component function's signature. */
export interface FunctionSignature {
  readonly name: string;
  readonly line: number;
  readonly description?: string;
  /** Digest of name, inputs and outputs. */
  readonly digest: string;
  readonly inputs: readonly SignatureInput[];
  readonly outputs: readonly SignatureOutput[];
}

/** An input as the signature declares it. */
export type SignatureInput = { readonly name: string; readonly description?: string } & (
  | {
      readonly kind: "parameter";
      readonly type: TypeSpec;
      readonly optional: boolean;
      readonly default?: JsonValue;
    }
  | {
      readonly kind: "artifact";
      readonly artifactType: string;
      readonly list?: boolean;
      readonly optional: boolean;
    }
  | { readonly kind: "finalStatus" }
  | { readonly kind: "taskConfig" }
);

/** An output as the signature declares it. */
export type SignatureOutput = { readonly name: string; readonly description?: string } & (
  | { readonly kind: "parameter"; readonly type: TypeSpec }
  | { readonly kind: "artifact"; readonly artifactType: string }
);
