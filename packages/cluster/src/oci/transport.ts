/**
 * Requests to a registry: authorization, retries, errors. Sources: OCI distribution specification 1.1; the token
 * authentication that registries share ("Docker Registry v2 authentication via central service").
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Fetch, isJsonObject, SealflowError } from "@sealflow/core";
import type { Login, Logins } from "./credentials.js";

/** What a registry is reached with. */
export interface RegistryAccess {
  readonly fetch: Fetch;
  readonly logins: Logins;
  readonly signal?: AbortSignal;
  /** Milliseconds before the first repeat; doubled each time. Default 250. */
  readonly backoffMs?: number;
  /** Attempts in all. Default 6. */
  readonly attempts?: number;
}

/** A body is made anew for each attempt. */
export interface RegistryRequest {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "PATCH" | "DELETE";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: () => Promise<Uint8Array<ArrayBuffer> | Blob>;
  /** Statuses that are answers, besides 2xx. */
  readonly expected?: readonly number[];
  /** What the request is for, for messages. */
  readonly what: string;
  /** What is asked of which repositories: `repository:NAME:pull,push`. */
  readonly scope: string;
}

/** Registries of this machine speak plain HTTP, as container engines have it too. */
export function originOf(host: string): string {
  const loopback = /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/.test(host);
  return `${loopback ? "http" : "https"}://${host === "docker.io" ? "registry-1.docker.io" : host}`;
}

const repeated = new Set([408, 425, 429, 500, 502, 503, 504]);

/** One registry. Tokens are kept per scope for as long as the object lives. */
export class RegistryTransport {
  private readonly host: string;
  private readonly access: RegistryAccess;
  private readonly authorizations = new Map<string, string>();

  constructor(host: string, access: RegistryAccess) {
    this.host = host;
    this.access = access;
  }

  /**
   * Sends a request, repeats what is worth repeating, logs in when asked to.
   *
   * @throws SealflowError `CLUSTER_REGISTRY_UNREACHABLE`, `_REFUSED`, `_LOGIN`
   */
  async send(request: RegistryRequest): Promise<Response> {
    const attempts = this.access.attempts ?? 6;
    for (let attempt = 1; ; attempt++) {
      const response = await this.tried(request, attempt === attempts);
      if (response !== undefined) {
        const last = attempt === attempts;
        if (response.ok || request.expected?.includes(response.status) === true) return response;
        if (!repeated.has(response.status) || last) throw await this.refusal(request, response);
        await response.body?.cancel();
        await this.pause(attempt, response.headers.get("retry-after"));
      } else await this.pause(attempt, null);
    }
  }

  /** Undefined when the network failed and another attempt remains. */
  private async tried(request: RegistryRequest, last: boolean): Promise<Response | undefined> {
    try {
      return await this.authorized(request);
    } catch (cause) {
      this.access.signal?.throwIfAborted();
      if (cause instanceof SealflowError) throw cause;
      if (!last) return undefined;
      throw new SealflowError({
        code: "CLUSTER_REGISTRY_UNREACHABLE",
        message: `${this.host}: expected an answer to ${request.what}, got ${reasonOf(cause)}`,
        hint: "check the registry's name and the network",
        cause,
      });
    }
  }

  private async authorized(request: RegistryRequest): Promise<Response> {
    const response = await this.once(request);
    if (response.status !== 401) return response;
    await response.body?.cancel();
    const challenge = response.headers.get("www-authenticate") ?? "";
    this.authorizations.set(request.scope, await this.authorize(challenge, request.scope));
    return this.once(request);
  }

  private async once({ method, url, headers, body, scope }: RegistryRequest): Promise<Response> {
    const target = new URL(url, originOf(this.host));
    // Uploads may be sent to another host: what is for the registry is not for it.
    const own = target.origin === originOf(this.host) ? this.authorizations.get(scope) : undefined;
    const content = await body?.();
    const { signal } = this.access;
    return this.access.fetch(target, {
      method,
      headers: { ...headers, ...(own === undefined ? {} : { authorization: own }) },
      ...(content === undefined ? {} : { body: content }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  private async authorize(challenge: string, scope: string): Promise<string> {
    const login = await this.access.logins(this.host);
    if (/^basic\b/i.test(challenge)) {
      if (login?.kind !== "password") throw this.loginError("no login for it is stored");
      return basic(login);
    }
    const fields = Object.fromEntries(
      [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = "", value = ""]) => [name, value]),
    );
    if (!/^bearer\b/i.test(challenge) || fields.realm === undefined) {
      throw this.loginError("it asks for a kind of login that is not known");
    }
    return `Bearer ${await this.token(fields.realm, fields.service ?? "", { scope, login })}`;
  }

  private async token(
    realm: string,
    service: string,
    { scope, login }: { readonly scope: string; readonly login: Login | undefined },
  ): Promise<string> {
    const url = new URL(realm);
    // A registry on this machine may have its token service there too; anything else must not see logins in the clear.
    if (url.protocol !== "https:" && !originOf(url.host).startsWith("http:")) {
      throw this.loginError("its token service has no TLS");
    }
    const { signal } = this.access;
    const common = signal === undefined ? {} : { signal };
    const response =
      login?.kind === "refresh-token"
        ? await this.access.fetch(url, {
            ...common,
            method: "POST",
            body: new URLSearchParams({
              grant_type: "refresh_token",
              refresh_token: login.token,
              service,
              scope,
            }),
          })
        : await this.access.fetch(withQuery(url, { service, scope }), {
            ...common,
            headers: login === undefined ? {} : { authorization: basic(login) },
          });
    const answer: unknown = response.ok ? await response.json().catch(() => undefined) : undefined;
    const token = isJsonObject(answer) ? (answer.token ?? answer.access_token) : undefined;
    if (typeof token === "string") return token;
    throw this.loginError(`its token service answered ${response.status}`);
  }

  private loginError(got: string): SealflowError {
    return new SealflowError({
      code: "CLUSTER_REGISTRY_LOGIN",
      message: `${this.host}: expected a login that it takes, but ${got}`,
      hint: `docker login ${this.host}, podman login ${this.host}, or az acr login`,
    });
  }

  private async refusal(request: RegistryRequest, response: Response): Promise<SealflowError> {
    const text = await response.text().catch(() => "");
    const denied = response.status === 401 || response.status === 403;
    return new SealflowError({
      code: denied ? "CLUSTER_REGISTRY_LOGIN" : "CLUSTER_REGISTRY_REFUSED",
      message: `${this.host}: ${request.what}: expected success, got ${response.status}${described(text)}`,
      ...(denied ? { hint: `log in with permission for ${request.scope}` } : {}),
      data: { status: response.status },
    });
  }

  private async pause(attempt: number, after: string | null): Promise<void> {
    const seconds = Number(after);
    const wanted = after !== null && Number.isFinite(seconds) ? seconds * 1000 : 0;
    const own = (this.access.backoffMs ?? 250) * 2 ** (attempt - 1) * (0.75 + Math.random() / 2);
    const { signal } = this.access;
    await sleep(Math.min(30_000, Math.max(wanted, own)), undefined, signal === undefined ? {} : { signal });
  }
}

function basic(login: Login): string {
  if (login.kind !== "password") throw new TypeError("a refresh token is no password");
  return `Basic ${Buffer.from(`${login.user}:${login.password}`).toString("base64")}`;
}

function withQuery(url: URL, fields: Readonly<Record<string, string>>): URL {
  for (const [name, value] of Object.entries(fields)) if (value !== "") url.searchParams.set(name, value);
  return url;
}

/** The registry's own words: `: CODE message`, first error of its list. */
function described(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    const [first] = isJsonObject(value) && Array.isArray(value.errors) ? value.errors : [];
    return isJsonObject(first) ? `: ${first.code} ${first.message ?? ""}`.trimEnd() : "";
  } catch {
    return "";
  }
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const inner = cause.cause;
  return inner instanceof Error ? inner.message : cause.message;
}
