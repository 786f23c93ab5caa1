/** Object stores for tests: real servers on addresses of this machine, each with a bucket of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A store that runs, and what leads to it. */
export interface StoreServer {
  /** URI of an empty bucket. */
  readonly uri: string;
  readonly environment: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

async function cache(): Promise<{ directory: string; binaries: string }> {
  const { kubernetesCache } = (await import(
    new URL("../../tools/kubernetes/cache.mjs", import.meta.url).href
  )) as {
    kubernetesCache: () => { directory: string; binaries: string };
  };
  return kubernetesCache();
}

/** An S3-compatible store (versitygw) on an address. */
export async function s3Server(host = "127.0.0.1"): Promise<StoreServer> {
  const { binaries } = await cache();
  const directory = mkdtempSync(join(tmpdir(), "sealflow-s3-"));
  mkdirSync(join(directory, "artifacts"));
  const port = await freePort(host);
  const environment = {
    AWS_ACCESS_KEY_ID: "test-access",
    AWS_SECRET_ACCESS_KEY: "test-secret/+",
    AWS_ENDPOINT_URL_S3: `http://${host}:${port}`,
  };
  const own = {
    ROOT_ACCESS_KEY: environment.AWS_ACCESS_KEY_ID,
    ROOT_SECRET_KEY: environment.AWS_SECRET_ACCESS_KEY,
  };
  const child = start(join(binaries, "versitygw"), ["--port", `${host}:${port}`, "posix", directory], own);
  await reachable(`http://${host}:${port}/`, child);
  return { uri: "s3://artifacts/runs", environment, stop: () => stop(child, directory) };
}

/** Google Cloud Storage's emulator. It checks no signatures. */
export async function googleServer(address = "127.0.0.1"): Promise<StoreServer> {
  const { binaries } = await cache();
  const directory = mkdtempSync(join(tmpdir(), "sealflow-gs-"));
  const port = await freePort(address);
  const host = `${address}:${port}`;
  const args = [
    "-scheme",
    "http",
    "-host",
    address,
    "-port",
    String(port),
    "-backend",
    "memory",
    "-public-host",
    host,
  ];
  const child = start(join(binaries, "fake-gcs-server"), args, {});
  await reachable(`http://${host}/storage/v1/b?project=test`, child);
  const made = await fetch(`http://${host}/storage/v1/b?project=test`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "artifacts" }),
  });
  if (!made.ok) throw new Error(`bucket: ${made.status}`);
  const environment = {
    STORAGE_EMULATOR_HOST: `http://${host}`,
    GOOGLE_HMAC_ACCESS_ID: "GOOGTEST",
    GOOGLE_HMAC_SECRET: "secret",
  };
  return { uri: "gs://artifacts/runs", environment, stop: () => stop(child, directory) };
}

/** Azure Blob Storage's emulator, with an account of its own. */
export async function azureServer(host = "127.0.0.1"): Promise<StoreServer> {
  const { directory: built } = await cache();
  const directory = mkdtempSync(join(tmpdir(), "sealflow-azure-"));
  const port = await freePort(host);
  const key = Buffer.from("a key of thirty-two bytes, or so").toString("base64");
  const program = join(built, "azurite", "node_modules", ".bin", "azurite-blob");
  const args = [
    "--blobHost",
    host,
    "--blobPort",
    String(port),
    "--location",
    directory,
    "--silent",
    "--skipApiVersionCheck",
  ];
  const child = start(program, args, { AZURITE_ACCOUNTS: `testaccount:${key}` });
  const endpoint = `http://${host}:${port}/testaccount`;
  await reachable(endpoint, child);
  const environment = { AZURE_STORAGE_KEY: key, AZURE_STORAGE_BLOB_ENDPOINT: endpoint };
  await makeContainer(endpoint, key);
  return { uri: "azure://testaccount/artifacts/runs", environment, stop: () => stop(child, directory) };
}

/** A container is made with the account's key, by the shared-key scheme. */
async function makeContainer(endpoint: string, key: string): Promise<void> {
  const { createHmac } = await import("node:crypto");
  const date = new Date().toUTCString();
  const version = "2022-11-02";
  const resource = "/testaccount/testaccount/artifacts\nrestype:container";
  const text = `PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:${date}\nx-ms-version:${version}\n${resource}`;
  const signature = createHmac("sha256", Buffer.from(key, "base64")).update(text).digest("base64");
  const answer = await fetch(`${endpoint}/artifacts?restype=container`, {
    method: "PUT",
    headers: {
      "x-ms-date": date,
      "x-ms-version": version,
      authorization: `SharedKey testaccount:${signature}`,
    },
  });
  if (answer.status !== 201) throw new Error(`container: ${answer.status} ${await answer.text()}`);
}

function start(program: string, args: readonly string[], env: Record<string, string>): ChildProcess {
  const child = spawn(program, [...args], { env: { ...process.env, ...env }, stdio: "ignore" });
  process.once("exit", () => child.kill("SIGKILL"));
  return child;
}

async function stop(child: ChildProcess, directory: string): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  if (child.exitCode === null && child.signalCode === null) await ended;
  rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
}

async function reachable(url: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (child.exitCode !== null) throw new Error(`the store ended with ${child.exitCode}`);
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      return;
    await sleep(100);
  }
  throw new Error(`${url}: no answer`);
}

function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, host, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
