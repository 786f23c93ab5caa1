/** Object stores over HTTP: every request is made through a signed address, here as in the pods. */
import type { Fetch } from "@sealflow/core";
import {
  type AddressOptions,
  type ArtifactStore,
  checkKey,
  type SignedAddress,
  storeFailed,
} from "./store.js";

/** What tells one kind of object store from another. */
export interface Dialect {
  readonly root: string;
  readonly prefix: string;
  sign(request: DialectRequest): Promise<SignedAddress>;
  /** Headers of a PUT, and what makes it fail where the object is there. */
  putHeaders(ifAbsent: boolean): Readonly<Record<string, string>>;
  /** Query of a listing, from its continuation. */
  listQuery(prefix: string, after: string | undefined): Readonly<Record<string, string>>;
  /** Keys of a listing's answer, and the continuation. */
  readList(text: string): { readonly keys: readonly string[]; readonly next: string | undefined };
}

/** A request to be signed. */
export interface DialectRequest {
  readonly method: "GET" | "PUT" | "HEAD" | "DELETE";
  /** Whole key; empty for the bucket itself. */
  readonly key: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly seconds: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Time that an own request may take to be sent, in seconds. */
const OWN_SECONDS = 900;

/** Tries of a request that the network or a busy store breaks off. */
const TRIES = 4;

/** A store over HTTP. */
export class HttpStore implements ArtifactStore {
  readonly root: string;
  private readonly dialect: Dialect;
  private readonly fetch: Fetch;

  constructor(dialect: Dialect, fetch: Fetch) {
    this.dialect = dialect;
    this.fetch = fetch;
    this.root = dialect.root;
  }

  async put(key: string, content: Uint8Array | Blob, { ifAbsent = false } = {}): Promise<boolean> {
    const headers = this.dialect.putHeaders(ifAbsent);
    const answer = await this.send(
      { method: "PUT", key: this.whole(key), seconds: OWN_SECONDS, headers },
      content,
    );
    if (answer.ok) return true;
    if (ifAbsent && (await isTaken(answer))) return false;
    throw await this.failed(`writing ${key}`, answer);
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const answer = await this.send({ method: "GET", key: this.whole(key), seconds: OWN_SECONDS });
    if (answer.ok) return new Uint8Array(await answer.arrayBuffer());
    if (answer.status === 404) return undefined;
    throw await this.failed(`reading ${key}`, answer);
  }

  async has(key: string): Promise<boolean> {
    const answer = await this.send({ method: "HEAD", key: this.whole(key), seconds: OWN_SECONDS });
    if (answer.ok) return true;
    if (answer.status === 404) return false;
    throw await this.failed(`looking for ${key}`, answer);
  }

  async list(prefix: string): Promise<readonly string[]> {
    const keys: string[] = [];
    const { prefix: own } = this.dialect;
    let after: string | undefined;
    do {
      const query = this.dialect.listQuery(own + prefix, after);
      const answer = await this.send({ method: "GET", key: "", query, seconds: OWN_SECONDS });
      if (!answer.ok) throw await this.failed(`listing ${prefix}`, answer);
      const page = this.dialect.readList(await answer.text());
      keys.push(...page.keys.map((key) => key.slice(own.length)));
      after = page.next;
    } while (after !== undefined);
    return keys.sort();
  }

  async delete(key: string): Promise<void> {
    const answer = await this.send({ method: "DELETE", key: this.whole(key), seconds: OWN_SECONDS });
    if (!answer.ok && answer.status !== 404) throw await this.failed(`removing ${key}`, answer);
  }

  async address(key: string, { method, seconds, ifAbsent = false }: AddressOptions): Promise<SignedAddress> {
    const headers = method === "PUT" ? this.dialect.putHeaders(ifAbsent) : {};
    return this.dialect.sign({ method, key: this.whole(key), seconds, headers });
  }

  private whole(key: string): string {
    return this.dialect.prefix + checkKey(key);
  }

  private async send(request: DialectRequest, body?: Uint8Array | Blob): Promise<Response> {
    for (let tries = 1; ; tries++) {
      const { url, headers } = await this.dialect.sign(request);
      try {
        const answer = await this.fetch(url, {
          method: request.method,
          headers,
          ...(body === undefined ? {} : { body: body as Blob }),
        });
        if (tries >= TRIES || !(await mayGoBetter(answer))) return answer;
        await answer.body?.cancel();
      } catch (cause) {
        const reason =
          cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause);
        if (tries >= TRIES) throw storeFailed(this.root, request.method, reason, cause);
      }
      await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** tries));
    }
  }

  private async failed(what: string, answer: Response): Promise<Error> {
    const text = await answer.text().catch(() => "");
    const code = /<Code>([^<]+)</.exec(text)?.[1] ?? /"message":\s*"([^"]+)"/.exec(text)?.[1];
    return storeFailed(
      this.root,
      what,
      `the store answered ${answer.status}${code === undefined ? "" : ` ${code}`}`,
    );
  }
}

/** Whether something is there already. Azure says that with the status of any conflict. */
async function isTaken(answer: Response): Promise<boolean> {
  return answer.status === 412 || (answer.status === 409 && (await says(answer, "BlobAlreadyExists")));
}

/** Whether to ask again: S3 wants it of two that write at the same moment, since both may have failed. */
async function mayGoBetter(answer: Response): Promise<boolean> {
  const { status } = answer;
  const conflict = status === 409 && (await says(answer, "ConditionalRequestConflict"));
  return status >= 500 || status === 429 || conflict;
}

async function says(answer: Response, word: string): Promise<boolean> {
  return (await answer.clone().text()).includes(word);
}

/** Percent-encoding of a key for a path: everything but letters, digits, `-._~` and slashes. */
export function encodedKey(key: string): string {
  return key.split("/").map(encoded).join("/");
}

/** Percent-encoding as signatures want it. */
export function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Contents of all elements of a name, unescaped. Listings are flat XML. */
export function elements(text: string, name: string): string[] {
  const names: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return [...text.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, "g"))].map(([, content = ""]) =>
    content.replace(/&(lt|gt|quot|apos|amp);/g, (_, entity: string) => names[entity] ?? ""),
  );
}
