/**
 * A session at a Kubeflow gateway: oauth2-proxy in front, Dex behind it with its own list of users.
 * Source: oauth2-proxy, `/oauth2/start`; Dex, `/auth/local/login` and `/approval`. The session is the cookie.
 */
import { type Fetch, SealflowError } from "@sealflow/core";

/** Who logs in where. */
export interface DexLogin {
  /** Any address of the gateway. */
  readonly endpoint: string;
  readonly username: string;
  readonly password: string;
  readonly fetch: Fetch;
}

/** More redirects than any login has. */
const MAX_STEPS = 15;

/** Cookies by name. The gateway and Dex share one host. */
class CookieJar {
  private readonly cookies = new Map<string, string>();

  get header(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  take(answer: Response): void {
    for (const line of answer.headers.getSetCookie()) {
      const [pair = "", ...attributes] = line.split(";");
      const at = pair.indexOf("=");
      if (at < 0) continue;
      const name = pair.slice(0, at).trim();
      const value = pair.slice(at + 1).trim();
      const removed = value === "" || attributes.some((each) => /^\s*max-age\s*=\s*(0|-\d+)\s*$/i.test(each));
      if (removed) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
  }

  has(pattern: RegExp): boolean {
    return [...this.cookies.keys()].some((name) => pattern.test(name));
  }
}

/**
 * Logs in and returns the value of the `Cookie` header for what follows.
 *
 * @throws SealflowError `CLUSTER_LOGIN_FAILED`
 */
export async function dexSession(login: DexLogin): Promise<string> {
  const { origin } = new URL(login.endpoint);
  const jar = new CookieJar();
  let url = new URL("/oauth2/start?rd=%2F", origin);
  let form: URLSearchParams | undefined;
  let tried = false;
  for (let step = 0; step < MAX_STEPS; step++) {
    const answer = await send(login, { url, jar, form });
    form = undefined;
    jar.take(answer);
    const location = answer.headers.get("location");
    const page = location === null ? await answer.text() : "";
    if (location !== null) {
      url = sameHost(new URL(location, url), origin);
    } else if (/name="password"/.test(page)) {
      if (tried) throw failed("Dex does not know this user or password");
      tried = true;
      url = sameHost(new URL(formAction(page) ?? url.href, url), origin);
      form = new URLSearchParams({ login: login.username, password: login.password });
    } else if (/name="approval"/.test(page)) {
      const req = hidden(page, "req") ?? url.searchParams.get("req") ?? "";
      form = new URLSearchParams({ req, approval: "approve" });
    } else if (/\/auth\/local/.test(page) && !tried) {
      url = sameHost(new URL(linkTo(page, /\/auth\/local[^"]*/) ?? "", url), origin);
    } else {
      if (jar.has(/^oauth2_proxy/)) return jar.header;
      throw failed(`${url.pathname} answered ${answer.status} without a session`);
    }
    if (location !== null && tried && jar.has(/^oauth2_proxy(?!.*csrf)/)) return jar.header;
  }
  throw failed(`the login did not end after ${MAX_STEPS} steps`);
}

interface Step {
  readonly url: URL;
  readonly jar: CookieJar;
  readonly form: URLSearchParams | undefined;
}

function send({ fetch }: DexLogin, { url, jar, form }: Step): Promise<Response> {
  return fetch(url, {
    redirect: "manual",
    headers: { Cookie: jar.header, Accept: "text/html" },
    ...(form === undefined ? {} : { method: "POST", body: form }),
  });
}

/** The password goes to the gateway's host and to no other. */
function sameHost(url: URL, origin: string): URL {
  if (url.origin === origin) return url;
  throw failed(
    `expected a login at ${origin}, got one at ${url.origin}`,
    "Only Dex behind the same gateway is supported.",
  );
}

function formAction(page: string): string | undefined {
  return entities(/<form[^>]*\baction="([^"]+)"/i.exec(page)?.[1]);
}

function hidden(page: string, name: string): string | undefined {
  return entities(new RegExp(`name="${name}"[^>]*value="([^"]*)"`).exec(page)?.[1]);
}

function linkTo(page: string, pattern: RegExp): string | undefined {
  return entities(new RegExp(`href="(${pattern.source})"`).exec(page)?.[1]);
}

function entities(text: string | undefined): string | undefined {
  return text?.replaceAll("&amp;", "&").replaceAll("&#43;", "+").replaceAll("&#x2F;", "/");
}

function failed(reason: string, hint?: string): SealflowError {
  return new SealflowError({
    code: "CLUSTER_LOGIN_FAILED",
    message: `login: ${reason}`,
    hint: hint ?? "Check the user, the password and the endpoint of the context.",
  });
}
