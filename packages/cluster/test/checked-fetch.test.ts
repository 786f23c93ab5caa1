import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkedFetch, pinOfCertificate, pinOfServer } from "../src/broker/index.js";

let server: Server;
let url = "";
let pin = "";
let heard = 0;
beforeAll(async () => {
  const directory = mkdtempSync(join(tmpdir(), "sealflow-pin-"));
  const at = (name: string) => join(directory, name);
  const how = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=nobody";
  execFileSync("openssl", [...how.split(" "), "-keyout", at("k"), "-out", at("c")], { stdio: "ignore" });
  const [key, cert] = [readFileSync(at("k"), "utf8"), readFileSync(at("c"), "utf8")];
  rmSync(directory, { recursive: true });
  pin = pinOfCertificate(cert);
  server = createServer({ key, cert }, async (request, response) => {
    heard += 1;
    let body = "";
    for await (const part of request) body += part;
    response.writeHead(201, { "content-type": "application/json" });
    response.end(JSON.stringify({ method: request.method, path: request.url, body }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

describe("a checked fetch", () => {
  it("talks to the key that it was given, whoever vouches for its certificate", async () => {
    expect(await pinOfServer(url)).toBe(pin);
    const answer = await checkedFetch({ pin })(`${url}/v1/x?y=1`, {
      method: "POST",
      body: '{"a":1}',
      headers: { "content-type": "application/json" },
    });
    expect(answer.status).toBe(201);
    expect(await answer.json()).toEqual({ method: "POST", path: "/v1/x?y=1", body: '{"a":1}' });
  });

  it("sends nothing to another key, over plain HTTP, or to nobody", async () => {
    const before = heard;
    const other = checkedFetch({ pin: "0".repeat(64) });
    await expect(other(`${url}/v1/x`)).rejects.toMatchObject({ code: "CLUSTER_CERTIFICATE_REFUSED" });
    expect(heard).toBe(before);
    await expect(other(url.replace("https", "http"))).rejects.toThrow("begin with https:");
    await expect(pinOfServer("https://127.0.0.1:1")).rejects.toMatchObject({
      code: "CLUSTER_PIN_UNREACHABLE",
    });
  });
});
