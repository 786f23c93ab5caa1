/** The component runtime in the cluster: the engine's own Python sources, as one config map per version. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "@sealflow/core";
import type { KubeObject } from "../kube/objects.js";
import { managedBy } from "./names.js";

/** Where the sources stand in a pod. */
export const runtimeDirectory = "/sealflow/runtime";

/** The sources of a directory. */
export interface Runtime {
  readonly name: string;
  readonly object: (namespace: string) => KubeObject;
  /** The volume that puts each file at its path. */
  readonly volume: JsonObject;
}

/** Reads the package `sealflow` below a directory. */
export function readRuntime(directory: string): Runtime {
  const files = readdirSync(join(directory, "sealflow"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".py"))
    .sort();
  const contents = files.map((file) => readFileSync(join(directory, "sealflow", file), "utf8"));
  const hash = createHash("sha256")
    .update(JSON.stringify([files, contents]))
    .digest("hex");
  const name = `sealflow-runtime-${hash.slice(0, 16)}`;
  // A key holds no slashes; the volume leads each to its path again.
  const keys = files.map((_, index) => `f${index}`);
  const data = Object.fromEntries(keys.map((key, index) => [key, contents[index] ?? ""]));
  return {
    name,
    object: (namespace) => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace, labels: managedBy },
      immutable: true,
      data,
    }),
    volume: {
      name: "sealflow-runtime",
      configMap: { name, items: keys.map((key, index) => ({ key, path: `sealflow/${files[index]}` })) },
    },
  };
}
