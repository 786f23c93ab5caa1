/** A base image as small as can be, with the shape of the real ones: merged /usr, Python, Gramine, a file removed later. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { type Descriptor, type Manifest, mediaTypes, RegistryRepository } from "@sealflow/cluster";
import { type Header, pack } from "tar-stream";
import { fakeLibpal } from "../gramine/fake-libpal.js";

type Member = Partial<Header> & { readonly name: string; readonly content?: string | Uint8Array };

async function layer(members: readonly Member[]): Promise<Buffer> {
  const tar = pack();
  for (const { content, ...header } of members) {
    if (content === undefined) tar.entry(header);
    else tar.entry(header, content);
  }
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const gramine = "usr/lib/x86_64-linux-gnu/gramine";
const system = (withGramine: boolean): readonly Member[] => [
  { name: "usr/", type: "directory" },
  { name: "usr/local/bin/", type: "directory" },
  { name: "usr/local/bin/python3.11", mode: 0o755, content: "the interpreter" },
  { name: "usr/local/bin/python3", type: "symlink", linkname: "python3.11" },
  { name: "usr/lib/", type: "directory" },
  { name: "usr/lib/x86_64-linux-gnu/", type: "directory" },
  { name: "usr/lib/x86_64-linux-gnu/libz.so.1.2", content: "zlib" },
  { name: "usr/lib/x86_64-linux-gnu/libz.so.1", type: "symlink", linkname: "libz.so.1.2" },
  {
    name: "usr/lib/x86_64-linux-gnu/libhard.so",
    type: "link",
    linkname: "usr/lib/x86_64-linux-gnu/libz.so.1.2",
  },
  { name: "usr/lib/old.so", content: "old" },
  { name: "usr/lib/__pycache__/x.cpython-311.pyc", content: "byte code" },
  { name: "lib", type: "symlink", linkname: "usr/lib" },
  { name: "etc/passwd", content: "root" },
  ...(withGramine
    ? [
        { name: `${gramine}/libsysdb.so`, content: "libos" },
        { name: `${gramine}/sgx/libpal.so`, content: fakeLibpal() },
        { name: `${gramine}/runtime/glibc/libc.so.6`, content: "libc" },
      ]
    : []),
];
const changes: readonly Member[] = [
  { name: "usr/lib/.wh.old.so", content: "" },
  { name: "etc/passwd", content: "root and others" },
];

function named(content: Uint8Array, mediaType: string) {
  const bytes = Uint8Array.from(content);
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}` as const;
  const descriptor: Descriptor = { mediaType, digest, size: bytes.length };
  return { descriptor, content: bytes };
}

/** Pushes it; gives `HOST/NAME@DIGEST`. */
export async function pushBase(host: string, withGramine = true): Promise<string> {
  const repository = new RegistryRepository(
    { host, name: "base/python" },
    { fetch, logins: async () => undefined },
  );
  const archives = [await layer(system(withGramine)), await layer(changes)];
  const layers = archives.map((archive) => named(gzipSync(archive), mediaTypes.layer));
  const config = named(
    Buffer.from(
      JSON.stringify({
        architecture: "amd64",
        os: "linux",
        created: "2026-03-04T05:06:07.123Z",
        config: { Env: ["PATH=/usr/local/bin"], Cmd: ["python3"] },
        rootfs: {
          type: "layers",
          diff_ids: archives.map((archive) => `sha256:${createHash("sha256").update(archive).digest("hex")}`),
        },
      }),
    ),
    mediaTypes.config,
  );
  for (const blob of [...layers, config]) await repository.upload(blob);
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifests.oci,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
  };
  const { digest } = await repository.put(manifest);
  return `${host}/base/python@${digest}`;
}
