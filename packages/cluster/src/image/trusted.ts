/** Which files of an image the enclave may read: those that run Python and the components, each with its hash. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { HashedFile } from "../gramine/manifest.js";
import type { ImageFileSystem } from "../oci/file-system.js";
import type { LayerEntry } from "../oci/layer.js";
import { INSIDE } from "./runtime.js";

/** Directories of programs and libraries. What is elsewhere in the image can't be opened in the enclave. */
const directories = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"];

/** Files outside of them that C libraries and TLS look for. */
const singles = [
  "/etc/ld.so.cache",
  "/etc/mime.types",
  "/etc/nsswitch.conf",
  "/etc/passwd",
  "/etc/group",
  "/etc/localtime",
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/ssl/openssl.cnf",
];

/** Never needed: byte code that Python would have to believe, and Gramine's own untrusted parts. */
const passedOver = /\/__pycache__\/|\.pyc$|\/gramine\/(sgx|direct)\//;

/** Puts the entries of a layer on top of a file system. */
export function overlayEntries(files: ImageFileSystem, entries: readonly LayerEntry[]): void {
  for (const { path, content } of entries) {
    if (content === "directory") files.set(path, { kind: "directory" });
    else {
      const bytes =
        typeof content === "string"
          ? Buffer.from(content)
          : content instanceof Uint8Array
            ? content
            : readFileSync(content.file);
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      files.set(path, { kind: "file", sha256, size: bytes.length });
    }
  }
}

/** Every file that may be opened, under each of its names. */
export function trustedFiles(files: ImageFileSystem, python: string): readonly HashedFile[] {
  const all = new Map<string, string>();
  const roots = [
    ...directories,
    "/opt/sealflow/python",
    "/opt/sealflow/environment",
    "/opt/sealflow/components",
  ];
  for (const root of [...roots, ...singles, python, INSIDE, "/opt/sealflow/enclave.json"]) {
    for (const { path, sha256 } of files.filesUnder([root])) {
      if (!passedOver.test(path)) all.set(path, sha256);
    }
  }
  return [...all].map(([path, sha256]) => ({ path, sha256 }));
}
