/** One HTTP exchange, signed with a token. Everything above is ours; this is Azure's own pipeline for Node. */
import type { PipelineResponse, TlsSettings } from "@azure/core-rest-pipeline";
import type { Credential } from "./credential.js";

/** A request whose body, when there is one, is text. */
export interface HttpRequest {
  readonly method: "GET" | "PUT" | "POST" | "PATCH" | "DELETE";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** An answer; names of headers are in lower case. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends a request once. Rejects when no answer comes. */
export type Transport = (request: HttpRequest, signal?: AbortSignal) => Promise<HttpResponse>;

/** How a transport is made. */
export interface TransportOptions {
  /** Undefined for services that ask for no sign-in. */
  readonly credential?: Credential;
  readonly scope?: string;
  /** Certificate authorities besides the system's and NODE_EXTRA_CA_CERTS, in PEM. */
  readonly ca?: string;
  readonly timeoutMs?: number;
}

const userAgent = "sealflow";

/**
 * A transport over `@azure/core-rest-pipeline`: proxies from the environment, TLS, bearer tokens that are renewed and
 * answer challenges, and that refuse to go out without TLS. Loaded when it is first used.
 */
export function createTransport(options: TransportOptions): Transport {
  let ready: Promise<Transport> | undefined;
  return async (request, signal) => {
    ready ??= build(options);
    return (await ready)(request, signal);
  };
}

async function build({ credential, scope, ca, timeoutMs = 100_000 }: TransportOptions): Promise<Transport> {
  const azure = await import("@azure/core-rest-pipeline");
  const pipeline = azure.createEmptyPipeline();
  pipeline.addPolicy(azure.proxyPolicy());
  pipeline.addPolicy(azure.setClientRequestIdPolicy());
  const tls: TlsSettings | undefined = ca === undefined ? undefined : { ca };
  if (tls !== undefined) pipeline.addPolicy(azure.tlsPolicy(tls));
  if (credential !== undefined && scope !== undefined) {
    pipeline.addPolicy(azure.bearerTokenAuthenticationPolicy({ credential, scopes: [scope] }));
  }
  const client = azure.createDefaultHttpClient();
  return async ({ method, url, headers, body }, signal) => {
    const request = azure.createPipelineRequest({
      method,
      url,
      headers: azure.createHttpHeaders({ "user-agent": userAgent, ...headers }),
      timeout: timeoutMs,
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { abortSignal: signal }),
    });
    return toHttpResponse(await pipeline.sendRequest(client, request));
  };
}

function toHttpResponse({ status, headers, bodyAsText }: PipelineResponse): HttpResponse {
  return { status, headers: headers.toJSON(), body: bodyAsText ?? "" };
}
