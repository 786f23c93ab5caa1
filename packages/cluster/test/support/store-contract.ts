import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ArtifactStore, keyOf, openArtifactStore, type SignedAddress, uriOf } from "../../src/index.js";

/** A store under test, with its own end. */
export interface StoreUnderTest {
  readonly uri: string;
  readonly environment: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (content: Uint8Array | undefined) =>
  content === undefined ? undefined : new TextDecoder().decode(content);

/** What every store must do. */
export function storeContract(
  name: string,
  start: () => Promise<StoreUnderTest>,
  { checksSignatures = true, firstWins = true } = {},
): void {
  describe(`${name} as a store of artifacts`, () => {
    let server: StoreUnderTest;
    let store: ArtifactStore;
    const open = (environment: Record<string, string> = {}, now = Date.now) =>
      openArtifactStore(server.uri, { environment: { ...server.environment, ...environment }, fetch, now });
    beforeAll(async () => {
      server = await start();
      store = open();
    });
    afterAll(() => server?.stop());

    it("keeps, reads, replaces and removes objects", async () => {
      expect(await store.get("a/none")).toBeUndefined();
      expect(await store.has("a/none")).toBe(false);
      expect(await store.put("a/one", bytes("1"))).toBe(true);
      expect(await store.put("a/one", bytes("one"))).toBe(true);
      expect(text(await store.get("a/one"))).toBe("one");
      expect(await store.has("a/one")).toBe(true);
      expect(await store.put("a/empty", bytes(""))).toBe(true);
      expect(text(await store.get("a/empty"))).toBe("");
      await store.delete("a/one");
      await store.delete("a/one");
      expect(await store.has("a/one")).toBe(false);
    });

    it.runIf(firstWins)("lets the first of several writers win, where that is asked for", async () => {
      const writers = ["x", "y", "z"].map((each) => store.put("first/wins", bytes(each), { ifAbsent: true }));
      const won = await Promise.all(writers);
      expect(won.filter((each) => each)).toHaveLength(1);
      expect(text(await store.get("first/wins"))).toBe(["x", "y", "z"][won.indexOf(true)]);
      expect(await store.put("first/wins", bytes("late"), { ifAbsent: true })).toBe(false);
    });

    it("lists keys below a prefix, also those with odd characters, and no others", async () => {
      const keys = ["list/a=1", "list/a+b", "list/a~c/d", "list/z.tar", "list-not"];
      for (const key of keys) await store.put(key, bytes(key));
      expect(await store.list("list/")).toEqual(keys.slice(0, 4).sort());
      for (const key of keys) expect(text(await store.get(key))).toBe(key);
      expect(await store.list("nothing/")).toEqual([]);
    });

    it("gives addresses that read or write one object without credentials", async () => {
      const put = await store.address("signed/one", { method: "PUT", seconds: 60 });
      await write(put, "by address");
      const get = await store.address("signed/one", { method: "GET", seconds: 60 });
      expect(await read(get)).toBe("by address");
      const first = await store.address("signed/first", { method: "PUT", seconds: 60, ifAbsent: true });
      await write(first, "1");
      if (firstWins && !first.url.startsWith("file:"))
        await expect(write(first, "2")).rejects.toThrow(/409|412/);
      if (firstWins) expect(text(await store.get("signed/first"))).toBe("1");
    });

    it("moves a large object whole", async () => {
      const large = new Uint8Array(9 * 1024 * 1024).map((_, index) => index % 251);
      await store.put("large", large);
      expect(Buffer.compare(Buffer.from((await store.get("large")) ?? []), Buffer.from(large))).toBe(0);
    });

    it("knows its own URIs", async () => {
      expect(keyOf(store, uriOf(store, "a/b"))).toBe("a/b");
      expect(keyOf(store, "s3://elsewhere/a")).toBeUndefined();
      for (const key of ["", "/a", "a//b", "../a", "a/../b", "a/./b", "a b", "a\\b", "ä", "a?b"])
        await expect((async () => store.has(key))()).rejects.toMatchObject({
          code: "CLUSTER_STORE_KEY",
        });
    });

    it.runIf(checksSignatures)("refuses wrong keys, altered and expired addresses", async () => {
      await store.put("guarded", bytes("secret"));
      const wrong = open({
        AWS_SECRET_ACCESS_KEY: "wrong",
        AZURE_STORAGE_KEY: Buffer.from("wrong").toString("base64"),
      });
      const refused = await wrong.get("guarded").catch((error: Error) => error);
      expect(refused).toMatchObject({
        code: "CLUSTER_STORE_FAILED",
        message: expect.stringMatching(/answered 403/),
      });
      expect(String(refused)).not.toMatch(/[Ss]ig(nature)?=/);
      const { url, headers } = await store.address("guarded", { method: "GET", seconds: 60 });
      const other = await fetch(url.replace("guarded", "large"), { headers });
      expect([401, 403]).toContain(other.status);
      const put = await fetch(url, {
        method: "PUT",
        headers: { ...headers, "x-ms-blob-type": "BlockBlob" },
        body: "x",
      });
      expect([401, 403]).toContain(put.status);
      const old = await open({}, () => Date.now() - 3_600_000).address("guarded", {
        method: "GET",
        seconds: 60,
      });
      expect([400, 401, 403]).toContain((await fetch(old.url, { headers: old.headers })).status);
    });
  });
}

async function read({ url, headers }: SignedAddress): Promise<string> {
  if (url.startsWith("file:")) return readFileSync(fileURLToPath(url), "utf8");
  const answer = await fetch(url, { headers });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.text();
}

async function write({ url, headers }: SignedAddress, content: string): Promise<void> {
  if (url.startsWith("file:")) {
    const path = fileURLToPath(url);
    const { mkdirSync } = await import("node:fs");
    mkdirSync(new URL(".", url), { recursive: true });
    writeFileSync(path, content);
    return;
  }
  const answer = await fetch(url, { method: "PUT", headers, body: content });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
}
