import { buildCommand } from "@stricli/core";
import type { CliContext } from "../context.js";
import { argument, jsonFlag, switchFlag, textFlag, textsFlag } from "./flags.js";
import { type KeyFlagValues, keyFlags } from "./keys.js";
import { lazy } from "./lazy.js";

/** Flags of `seal`. */
export interface SealFlags extends KeyFlagValues {
  readonly output?: string;
  readonly to?: readonly string[];
  readonly lineage?: readonly string[];
  readonly force: boolean;
  readonly json: boolean;
}

/** Flags of `open`. */
export interface OpenFlags extends KeyFlagValues {
  readonly output?: string;
  readonly key?: string;
  readonly lineage?: readonly string[];
  readonly force: boolean;
  readonly json: boolean;
}

/** Flags of `export`. */
export interface ExportFlags extends KeyFlagValues {
  readonly output: string;
  readonly key?: string;
  readonly age?: readonly string[];
  readonly jwe?: string;
  readonly kid?: string;
  readonly force: boolean;
  readonly json: boolean;
}

const force = switchFlag("Replace what is there");
const key = textFlag("name", "Key to open with (default: project)");

export const sealCommand = buildCommand<SealFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/seal.js")).seal),
  parameters: {
    flags: {
      ...keyFlags,
      output: textFlag(
        "file",
        "Where to write the artifact, - for standard output (default: the source's name and .sealed)",
      ),
      to: textsFlag(
        "recipient",
        "Who can open it: a recipient, or the name of a key; may be given several times (default: project)",
      ),
      lineage: textsFlag("name=value", "What it belongs to: readable by anyone, changed by nobody"),
      force,
      json: jsonFlag,
    },
    aliases: { o: "output", t: "to" },
    positional: { kind: "tuple", parameters: [argument("path", "File or directory")] },
  },
  docs: {
    brief: "Seal a file or directory: only its recipients can read it, nobody can change it unnoticed",
  },
});

export const openCommand = buildCommand<OpenFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/seal.js")).open),
  parameters: {
    flags: {
      ...keyFlags,
      output: textFlag(
        "path",
        "Where to write the content, - for standard output (default: the name without .sealed)",
      ),
      key,
      lineage: textsFlag("name=value", "Refuse an artifact that does not belong to this"),
      force,
      json: jsonFlag,
    },
    aliases: { o: "output" },
    positional: { kind: "tuple", parameters: [argument("file", "Sealed file")] },
  },
  docs: { brief: "Open a sealed file or directory" },
});

export const exportCommand = buildCommand<ExportFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/seal.js")).exportArtifact),
  parameters: {
    flags: {
      ...keyFlags,
      output: {
        kind: "parsed",
        parse: (text: string) => text,
        placeholder: "file",
        brief: "Where to write the result",
      },
      key,
      age: textsFlag("recipient", "Encrypt for this age recipient (age1…); may be given several times"),
      jwe: textFlag(
        "file",
        "Encrypt to a JWE (A256KW, A256GCM) with the key of 32 bytes in this file: raw, hex, base64 or JWK",
      ),
      kid: textFlag("id", "Where a server finds the JWE's key, for example kbs:///default/model/key"),
      force,
      json: jsonFlag,
    },
    aliases: { o: "output" },
    positional: { kind: "tuple", parameters: [argument("file", "Sealed file")] },
  },
  docs: { brief: "Hand a sealed file on in another encryption: age, or JWE for model servers" },
});
