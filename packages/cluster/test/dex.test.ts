import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dexSession } from "../src/contexts/dex.js";

/** The gateway as oauth2-proxy and Dex behind it answer: redirects, a form, an approval, a cookie. */
let gateway: Server;
let origin: string;
let approval = true;
let elsewhere = false;
const seen: string[] = [];

beforeAll(async () => {
  gateway = createServer((request, response) => void answer(request, response));
  await new Promise<void>((done) => gateway.listen(0, "127.0.0.1", done));
  origin = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
});
afterAll(() => gateway.close());

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://gateway");
  seen.push(`${request.method} ${url.pathname}`);
  const to = (location: string, cookie?: string) =>
    response.writeHead(302, { location, ...(cookie === undefined ? {} : { "set-cookie": cookie }) }).end();
  const page = (html: string) => response.writeHead(200, { "content-type": "text/html" }).end(html);
  let body = "";
  for await (const chunk of request) body += chunk;
  const form = new URLSearchParams(body);
  if (url.pathname === "/oauth2/start") {
    return void to(
      elsewhere ? "https://login.example/" : "/dex/auth?state=a",
      "oauth2_proxy_kubeflow_csrf=n; Path=/; HttpOnly",
    );
  }
  if (url.pathname === "/dex/auth") return void to("/dex/auth/local?req=r1&amp");
  if (url.pathname === "/dex/auth/local") return void to("/dex/auth/local/login?back=&state=s");
  if (url.pathname === "/dex/auth/local/login") {
    const right = form.get("login") === "user@example.com" && form.get("password") === "se cret&";
    if (request.method === "POST" && right)
      return void to(approval ? "/dex/approval?req=r1" : "/oauth2/callback?code=c&state=a");
    return void page(
      `<form method="post" action="/dex/auth/local/login?back=&amp;state=s"><input name="login"><input name="password"></form>`,
    );
  }
  if (url.pathname === "/dex/approval") {
    if (request.method === "POST" && form.get("req") === "r1")
      return void to("/oauth2/callback?code=c&state=a");
    return void page(
      `<form method="post"><input type="hidden" name="req" value="r1"><input name="approval" value="approve"></form>`,
    );
  }
  if (url.pathname === "/oauth2/callback" && /csrf=n/.test(request.headers.cookie ?? ""))
    return void to("/", "oauth2_proxy_kubeflow=session; Path=/");
  response.writeHead(200).end("home");
}

const login = (password: string) =>
  dexSession({ endpoint: `${origin}/pipeline`, username: "user@example.com", password, fetch });

describe("a session at a Kubeflow gateway", () => {
  it.each([true, false])("is begun with user and password, approval page: %s", async (asked) => {
    approval = asked;
    seen.length = 0;
    expect(await login("se cret&")).toContain("oauth2_proxy_kubeflow=session");
    expect(seen.at(-1)).toBe("GET /oauth2/callback");
  });

  it("is refused with a wrong password, which is sent once", async () => {
    seen.length = 0;
    await expect(login("wrong")).rejects.toMatchObject({ code: "CLUSTER_LOGIN_FAILED" });
    expect(seen.filter((each) => each.startsWith("POST"))).toHaveLength(1);
  });

  it("sends the password to no other host", async () => {
    elsewhere = true;
    await expect(login("se cret&")).rejects.toMatchObject({
      code: "CLUSTER_LOGIN_FAILED",
      message: expect.stringContaining("login.example"),
    });
    elsewhere = false;
  });
});
