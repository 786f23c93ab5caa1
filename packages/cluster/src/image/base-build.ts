/** Base images of one's own: a Dockerfile, built by Docker or Podman on this machine, or by ACR Tasks. */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { type Digest, isDigest, isJsonObject, SealflowError } from "@sealflow/core";
import { writeLayer } from "../oci/layer.js";
import { type ImageReference, parseImage, pinned } from "../oci/reference.js";
import { type AcrAccess, type AcrResource, acrBuild } from "./acr-tasks.js";
import { requirePinnedStages } from "./dockerfile.js";

/** Who builds. */
export type Builder = "docker" | "podman" | "acr";

/** What is built. */
export interface BaseBuildInput {
  readonly directory: string;
  /** Path below the directory. Default `Dockerfile`. */
  readonly dockerfile?: string;
  /** `HOST/NAME:TAG`. Never `latest`. */
  readonly target: string;
  readonly builder: Builder;
  /** For ACR Tasks. */
  readonly acr?: AcrResource;
}

/** The outside world. */
export interface BaseBuildTools extends AcrAccess {
  readonly environment: Readonly<Partial<Record<string, string>>>;
}

/**
 * Builds and pushes a base image; gives its name by digest, for `image build --base`.
 *
 * @throws SealflowError `CLUSTER_IMAGE_UNPINNED`, `CLUSTER_BUILDER_FAILED`, `CLUSTER_ACR_…`
 */
export async function buildBase(input: BaseBuildInput, tools: BaseBuildTools): Promise<string> {
  const target = parseImage(input.target);
  if (target.tag === undefined || target.tag === "latest") {
    throw new SealflowError({
      code: "CLUSTER_IMAGE_UNPINNED",
      message: `target: expected HOST/NAME:TAG with a tag of its own, got ${input.target}`,
    });
  }
  const dockerfile = input.dockerfile ?? "Dockerfile";
  requirePinnedStages(readFileSync(join(input.directory, dockerfile), "utf8"), dockerfile);
  const scratch = mkdtempSync(join(tmpdir(), "sealflow-base-"));
  try {
    const digest = await built({ ...input, dockerfile }, target, scratch, tools);
    return pinned(target, digest);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function built(
  input: BaseBuildInput & { readonly dockerfile: string },
  target: ImageReference,
  scratch: string,
  tools: BaseBuildTools,
): Promise<Digest> {
  if (input.builder === "docker") return withDocker(input, scratch, tools);
  if (input.builder === "podman") return withPodman(input, scratch, tools);
  if (input.acr === undefined) throw failure("acr", "a subscription and a resource group, got none");
  const context = await contextArchive(input.directory, scratch);
  const image = `${target.name}:${target.tag}`;
  return acrBuild({ acr: input.acr, image, context, dockerfile: input.dockerfile }, tools);
}

/** The directory as a gzipped archive: the same files give the same bytes. */
async function contextArchive(directory: string, scratch: string): Promise<Uint8Array<ArrayBuffer>> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !relative(directory, file).split(sep).includes(".git"))
    .map((file) => ({
      path: `/${relative(directory, file).split(sep).join("/")}`,
      content: { file },
      executable: (statSync(file).mode & 0o100) !== 0,
    }));
  const { file } = await writeLayer(entries, join(scratch, "context.tar.gz"));
  return Uint8Array.from(readFileSync(file));
}

async function withDocker(
  { directory, dockerfile, target }: BaseBuildInput,
  scratch: string,
  tools: BaseBuildTools,
): Promise<Digest> {
  const metadata = join(scratch, "metadata.json");
  await run(
    "docker",
    [
      ...["buildx", "build", "--platform", "linux/amd64", "--provenance=false", "--push"],
      ...[
        "--metadata-file",
        metadata,
        "--file",
        join(directory, dockerfile ?? "Dockerfile"),
        "--tag",
        target,
        directory,
      ],
    ],
    tools,
  );
  const value: unknown = JSON.parse(readFileSync(metadata, "utf8"));
  return asDigest(isJsonObject(value) ? value["containerimage.digest"] : undefined, "docker");
}

async function withPodman(
  { directory, dockerfile, target }: BaseBuildInput,
  scratch: string,
  tools: BaseBuildTools,
): Promise<Digest> {
  const file = join(directory, dockerfile ?? "Dockerfile");
  await run(
    "podman",
    ["build", "--platform", "linux/amd64", "--file", file, "--tag", target, directory],
    tools,
  );
  const digestFile = join(scratch, "digest");
  await run("podman", ["push", "--digestfile", digestFile, target], tools);
  return asDigest(readFileSync(digestFile, "utf8").trim(), "podman");
}

function asDigest(value: unknown, builder: string): Digest {
  if (typeof value === "string" && isDigest(value)) return value;
  throw failure(builder, "the digest of what was pushed, got none");
}

function run(command: string, args: readonly string[], tools: BaseBuildTools): Promise<void> {
  const { environment: env, signal, progress } = tools;
  progress?.(`${command} ${args[0]}`);
  return new Promise((resolve, reject) => {
    const options = { env: { ...env }, maxBuffer: 2 ** 26, ...(signal === undefined ? {} : { signal }) };
    execFile(command, [...args], options, (error, _, stderr) => {
      if (error === null) return resolve();
      const tail = stderr.trim().split("\n").slice(-5).join("\n");
      reject(failure(command, `success, got ${tail || error.message}`));
    });
  });
}

function failure(builder: string, expected: string): SealflowError {
  return new SealflowError({
    code: "CLUSTER_BUILDER_FAILED",
    message: `${builder}: expected ${expected}`,
    hint: "sealflow image build needs no builder when the base image has all that is needed",
  });
}
