/** One request to an API server, over Node's own client: `fetch` can't present a client certificate. */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { CredentialSource, type Credentials } from "./credentials.js";
import { refusal, unreachable } from "./errors.js";
import type { Environment, KubeContext } from "./kubeconfig.js";

/** A request relative to the server's address. */
export interface KubeRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** What TLS needs besides the request's own credentials. */
export interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly rejectUnauthorized: boolean;
  readonly servername?: string;
}

/** Sends requests as a context says, and keeps connections. */
export class KubeTransport {
  readonly context: KubeContext;
  private readonly credentials: CredentialSource;
  private agent: HttpAgent | HttpsAgent | undefined;
  private agentKey = "";

  constructor(context: KubeContext, environment: Environment) {
    this.context = context;
    this.credentials = new CredentialSource(context, environment);
  }

  /**
   * Sends a request; the answer's body is not read yet.
   *
   * @throws SealflowError `CLUSTER_UNREACHABLE`, `CLUSTER_REQUEST_REFUSED`, `CLUSTER_CREDENTIALS_FAILED`
   */
  async open(request: KubeRequest): Promise<IncomingMessage> {
    const answer = await this.raw(request);
    const status = answer.statusCode ?? 0;
    if (status < 400) return answer;
    const body = await readAll(answer);
    if (status === 401 && this.credentials.forget()) return this.openAgain(request);
    throw refusal(request, status, body.toString("utf8"));
  }

  /** Sends a request and hands over any answer, refusals too. */
  async raw(request: KubeRequest): Promise<IncomingMessage> {
    const { authorization, ...certificates } = await this.credentials.current();
    const tls = this.tls(certificates);
    return this.send(request, authorization, tls);
  }

  /** The whole answer. */
  async text(request: KubeRequest): Promise<string> {
    return (await readAll(await this.open(request))).toString("utf8");
  }

  /** What a WebSocket to the same server needs. */
  async connection(): Promise<{ authorization?: string; tls: TlsOptions }> {
    const { authorization, ...certificates } = await this.credentials.current();
    return { ...(authorization === undefined ? {} : { authorization }), tls: this.tls(certificates) };
  }

  /** Closes kept connections. */
  close(): void {
    this.agent?.destroy();
    this.agent = undefined;
  }

  private async openAgain(request: KubeRequest): Promise<IncomingMessage> {
    const answer = await this.raw(request);
    const status = answer.statusCode ?? 0;
    if (status < 400) return answer;
    throw refusal(request, status, (await readAll(answer)).toString("utf8"));
  }

  private tls({ certificate, key }: Credentials): TlsOptions {
    const { certificateAuthority, insecure, tlsServerName } = this.context;
    return {
      ...(certificateAuthority === undefined ? {} : { ca: certificateAuthority }),
      ...(certificate === undefined ? {} : { cert: certificate }),
      ...(key === undefined ? {} : { key }),
      rejectUnauthorized: !insecure,
      ...(tlsServerName === undefined ? {} : { servername: tlsServerName }),
    };
  }

  private agentFor(tls: TlsOptions): HttpAgent | HttpsAgent {
    const key = `${tls.cert ?? ""}`;
    if (this.agent !== undefined && this.agentKey === key) return this.agent;
    this.agent?.destroy();
    this.agentKey = key;
    const secure = this.context.server.startsWith("https:");
    this.agent = secure ? new HttpsAgent({ keepAlive: true, ...tls }) : new HttpAgent({ keepAlive: true });
    return this.agent;
  }

  private send(
    request: KubeRequest,
    authorization: string | undefined,
    tls: TlsOptions,
  ): Promise<IncomingMessage> {
    const { server } = this.context;
    const url = new URL(server + request.path);
    const start = url.protocol === "https:" ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const sent = start(
        url,
        {
          method: request.method,
          agent: this.agentFor(tls),
          headers: {
            accept: "application/json",
            "user-agent": "sealflow",
            ...(request.body === undefined
              ? {}
              : { "content-length": String(Buffer.byteLength(request.body)) }),
            ...request.headers,
            ...(authorization === undefined ? {} : { authorization }),
          },
          ...(request.signal === undefined ? {} : { signal: request.signal }),
        },
        resolve,
      );
      sent.on("error", (cause) =>
        reject(request.signal?.aborted === true ? request.signal.reason : unreachable(server, cause)),
      );
      sent.end(request.body);
    });
  }
}

/** Reads a body whole. */
export async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
