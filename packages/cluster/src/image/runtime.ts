/** The Python runtime in the image, with the two programs that start it: outside the enclave and in it. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { canonicalJson, type Digest } from "@sealflow/core";
import type { LayerEntry } from "../oci/layer.js";

/** Where the runtime, and the environment of the components, lie in the image. */
export const RUNTIME_DIRECTORY = "/opt/sealflow/python";
export const ENVIRONMENT_DIRECTORY = "/opt/sealflow/environment";

/** The only directory that enclave and host share. */
export const EXCHANGE_DIRECTORY = "/sealflow/io";

/** What the pod starts, outside the enclave. */
export const SHIM = "/opt/sealflow/shim.py";
/** What the enclave starts. */
export const INSIDE = "/opt/sealflow/inside.py";

/** Gramine's files of the image: `gramine-sgx` takes the name without its endings. */
export const GRAMINE_APPLICATION = "/opt/sealflow/gramine/entrypoint";

const program = (module: string) => `import sys

site = "${ENVIRONMENT_DIRECTORY}/lib/python%d.%d/site-packages" % sys.version_info[:2]
sys.path[:0] = [${JSON.stringify(RUNTIME_DIRECTORY)}, site]

from ${module} import main

sys.exit(main())
`;

/** Files of the runtime. `simulated` writes down that the image's enclave is none. */
export function runtimeEntries(sources: string, simulated: boolean): readonly LayerEntry[] {
  const settings = {
    version: "sealflow.enclave/v1",
    enclave: simulated ? "simulated" : "gramine",
    application: simulated ? INSIDE : GRAMINE_APPLICATION,
    exchange: EXCHANGE_DIRECTORY,
  };
  return [
    ...pythonFiles(sources).map(({ name, content }) => ({
      path: `${RUNTIME_DIRECTORY}/sealflow/${name}`,
      content,
    })),
    { path: SHIM, content: program("sealflow.enclave.shim") },
    { path: INSIDE, content: program("sealflow.enclave.inside") },
    { path: "/opt/sealflow/enclave.json", content: canonicalJson(settings) },
    { path: EXCHANGE_DIRECTORY, content: "directory" },
  ];
}

interface PythonFile {
  /** Path below the package, with slashes. */
  readonly name: string;
  readonly content: Uint8Array;
}

/** Files of the package `sealflow`, Python and what belongs to it, in order. */
function pythonFiles(sources: string): readonly PythonFile[] {
  const root = join(sources, "sealflow");
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes("__pycache__"))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ name: relative(root, path).split(sep).join("/"), content: readFileSync(path) }))
    .filter(({ name }) => !name.endsWith(".pyc"))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Digest of the runtime: of every Python file of its package, by path; the runtime computes the same of itself. */
export function runtimeDigestOf(sources: string): Digest {
  const files = Object.fromEntries(
    pythonFiles(sources)
      .filter(({ name }) => name.endsWith(".py"))
      .map(({ name, content }) => [name, createHash("sha256").update(content).digest("hex")]),
  );
  const text = canonicalJson({ version: "sealflow.runtime/v1", files });
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}
