/** A client of the Kubernetes API: the few verbs that installing, running and watching need. No kubectl is involved. */
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { isJsonObject, SealflowError } from "@sealflow/core";
import { Discovery, resourcePath } from "./discovery.js";
import { isNotFound, refusal, statusOf } from "./errors.js";
import { type ContextChoice, type Environment, type KubeContext, loadContext } from "./kubeconfig.js";
import type { KubeList, KubeObject, ObjectRef, WatchEvent } from "./objects.js";
import { KubeTransport } from "./transport.js";

/** Who changes what: the name under which server-side apply keeps fields. */
export const fieldManager = "sealflow";

/** Names a kind. */
export interface KindRef {
  readonly apiVersion: string;
  readonly kind: string;
}

/** What of a kind is listed or watched. */
export interface Selection {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** Settings of a server-side apply. */
export interface ApplyOptions {
  /** Takes fields over that another manager owns. Default: false. */
  readonly force?: boolean;
  /** Computes the outcome without keeping it. Default: false. */
  readonly dryRun?: boolean;
  /** Default: `sealflow`. */
  readonly manager?: string;
}

/** Settings of a deletion. */
export interface DeleteOptions {
  /** `Foreground`: the object goes after what it owns. Default: `Background`. */
  readonly propagation?: "Background" | "Foreground" | "Orphan";
  readonly graceSeconds?: number;
}

/** Settings of reading logs. */
export interface LogOptions {
  readonly container?: string;
  /** Goes on until the container ends. Default: false. */
  readonly follow?: boolean;
  /** RFC 3339: lines after that time, with the time in front of each. */
  readonly sinceTime?: string;
  readonly timestamps?: boolean;
  readonly tailLines?: number;
  readonly signal?: AbortSignal;
}

/**
 * Every method throws SealflowError `CLUSTER_UNREACHABLE`, `CLUSTER_REQUEST_REFUSED` (with `data.status` and
 * `data.reason`), `CLUSTER_CREDENTIALS_FAILED` and, for kinds that the cluster lacks, `CLUSTER_KIND_UNKNOWN`.
 */
export class KubeClient {
  readonly transport: KubeTransport;
  private readonly discovery: Discovery;

  constructor(transport: KubeTransport) {
    this.transport = transport;
    this.discovery = new Discovery(transport);
  }

  get context(): KubeContext {
    return this.transport.context;
  }

  /** The server's version, for example `v1.34.4`. */
  async version(): Promise<string> {
    const answer = await this.json({ method: "GET", path: "/version" });
    return String(isJsonObject(answer) ? answer.gitVersion : "");
  }

  resource(kind: KindRef) {
    return this.discovery.resource(kind.apiVersion, kind.kind);
  }

  /** One object; throws with status 404 when there is none. */
  async get<T extends KubeObject = KubeObject>(ref: ObjectRef): Promise<T> {
    return this.object<T>({ method: "GET", path: await this.path(ref) });
  }

  /** One object, or undefined. */
  async find<T extends KubeObject = KubeObject>(ref: ObjectRef): Promise<T | undefined> {
    try {
      return await this.get<T>(ref);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** All objects of a kind, page by page. */
  async list<T extends KubeObject = KubeObject>(
    kind: KindRef,
    selection: Selection = {},
  ): Promise<KubeList<T>> {
    const base = await this.collection(kind, selection);
    const items: T[] = [];
    let resourceVersion = "";
    let next = "";
    do {
      const query = queryOf({ ...selectors(selection), limit: "500", continue: next });
      const page = await this.json({ method: "GET", path: base + query });
      const { metadata, items: found } = isJsonObject(page) ? page : {};
      const meta = isJsonObject(metadata) ? metadata : {};
      for (const item of Array.isArray(found) ? found : []) {
        // Members of lists leave their kind out.
        items.push({ ...kind, ...(item as object) } as unknown as T);
      }
      resourceVersion = String(meta.resourceVersion ?? "");
      next = typeof meta.continue === "string" ? meta.continue : "";
    } while (next !== "");
    return { items, resourceVersion };
  }

  /** Makes an object; status 409 when it exists. */
  async create<T extends KubeObject>(object: T): Promise<T & KubeObject> {
    const { apiVersion, kind, metadata } = object;
    const path = await this.collection(
      { apiVersion, kind },
      metadata.namespace === undefined ? {} : { namespace: metadata.namespace },
    );
    return this.object<T & KubeObject>({
      method: "POST",
      path: `${path}?fieldManager=${fieldManager}`,
      ...jsonBody(object),
    });
  }

  /** Server-side apply: makes the object, or brings the fields that are given into their state. */
  async apply<T extends KubeObject>(object: T, options: ApplyOptions = {}): Promise<T & KubeObject> {
    const { name = "", namespace } = object.metadata;
    const path = await this.path({ ...object, name, ...(namespace === undefined ? {} : { namespace }) });
    const query = queryOf({
      fieldManager: options.manager ?? fieldManager,
      force: options.force === true ? "true" : "",
      dryRun: options.dryRun === true ? "All" : "",
    });
    return this.object<T & KubeObject>({
      method: "PATCH",
      path: path + query,
      body: JSON.stringify(object),
      headers: { "content-type": "application/apply-patch+yaml" },
    });
  }

  /** A JSON merge patch (RFC 7396), of the object or of a subresource such as `status`. */
  async patch<T extends KubeObject = KubeObject>(
    ref: ObjectRef,
    patch: object,
    subresource?: string,
  ): Promise<T> {
    const path = await this.path(ref);
    return this.object<T>({
      method: "PATCH",
      path: `${path}${subresource === undefined ? "" : `/${subresource}`}?fieldManager=${fieldManager}`,
      body: JSON.stringify(patch),
      headers: { "content-type": "application/merge-patch+json" },
    });
  }

  /** Removes an object. @returns False when there was none. */
  async delete(
    ref: ObjectRef,
    { propagation = "Background", graceSeconds }: DeleteOptions = {},
  ): Promise<boolean> {
    const options = {
      apiVersion: "v1",
      kind: "DeleteOptions",
      propagationPolicy: propagation,
      ...(graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds }),
    };
    try {
      await this.json({ method: "DELETE", path: await this.path(ref), ...jsonBody(options) });
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  /**
   * Changes of a kind, first what is there now. Goes on through interruptions until the signal aborts: what changed in
   * between is told as it is then.
   */
  async *watch<T extends KubeObject = KubeObject>(
    kind: KindRef,
    selection: Selection & { readonly signal: AbortSignal },
  ): AsyncGenerator<WatchEvent<T>> {
    const { signal } = selection;
    const seen = new Map<string, T>();
    while (!signal.aborted) {
      const list = await this.list<T>(kind, selection);
      yield* differences(seen, list.items);
      try {
        for await (const event of this.changes<T>(kind, selection, list.resourceVersion)) {
          remember(seen, event);
          yield event;
        }
      } catch (error) {
        if (signal.aborted) return;
        if (statusOf(error) !== 410 && !interrupted(error)) throw error;
      }
    }
  }

  /** Output of a container, in chunks of text. */
  async *logs(
    pod: { readonly namespace: string; readonly name: string },
    options: LogOptions = {},
  ): AsyncGenerator<string> {
    const path = resourcePath({ apiVersion: "v1", plural: "pods", namespaced: true }, pod);
    const query = queryOf({
      container: options.container ?? "",
      follow: options.follow === true ? "true" : "",
      sinceTime: options.sinceTime ?? "",
      timestamps: options.timestamps === true ? "true" : "",
      tailLines: options.tailLines === undefined ? "" : String(options.tailLines),
    });
    const answer = await this.transport.open({
      method: "GET",
      path: `${path}/log${query}`,
      headers: { accept: "*/*" },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    answer.setEncoding("utf8");
    for await (const chunk of answer) yield String(chunk);
  }

  /** Whether this user may do something. Source: `SelfSubjectAccessReview`. */
  async may(
    verb: string,
    resource: { group?: string; resource: string; namespace?: string; subresource?: string },
  ): Promise<boolean> {
    const review = await this.object<KubeObject>({
      method: "POST",
      path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
      ...jsonBody({
        apiVersion: "authorization.k8s.io/v1",
        kind: "SelfSubjectAccessReview",
        spec: { resourceAttributes: { verb, ...resource } },
      }),
    });
    const { status } = review;
    return isJsonObject(status) && status.allowed === true;
  }

  private async *changes<T extends KubeObject>(
    kind: KindRef,
    selection: Selection & { readonly signal: AbortSignal },
    resourceVersion: string,
  ): AsyncGenerator<WatchEvent<T>> {
    const base = await this.collection(kind, selection);
    const query = queryOf({ ...selectors(selection), watch: "true", resourceVersion, timeoutSeconds: "290" });
    const answer = await this.transport.open({ method: "GET", path: base + query, signal: selection.signal });
    for await (const line of createInterface({
      input: answer as Readable,
      crlfDelay: Number.POSITIVE_INFINITY,
    })) {
      const event: unknown = JSON.parse(line);
      if (!isJsonObject(event) || !isJsonObject(event.object)) continue;
      if (event.type === "ERROR") {
        throw refusal(
          { method: "GET", path: base },
          Number(event.object.code ?? 500),
          JSON.stringify(event.object),
        );
      }
      if (event.type === "BOOKMARK") continue;
      yield { type: event.type, object: event.object } as unknown as WatchEvent<T>;
    }
  }

  private async path(ref: ObjectRef | (KindRef & { name: string; namespace?: string })): Promise<string> {
    const resource = await this.discovery.resource(ref.apiVersion, ref.kind);
    return resourcePath(resource, { ...ref, namespace: ref.namespace ?? this.context.namespace });
  }

  private async collection(kind: KindRef, { namespace }: Selection): Promise<string> {
    const resource = await this.discovery.resource(kind.apiVersion, kind.kind);
    return resourcePath(resource, namespace === undefined ? {} : { namespace });
  }

  private async json(request: Parameters<KubeTransport["text"]>[0]): Promise<unknown> {
    const text = await this.transport.text(request);
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new SealflowError({
        code: "CLUSTER_ANSWER_INVALID",
        message: `${request.path.split("?")[0]}: expected JSON of the Kubernetes API, got ${text.slice(0, 80)}`,
        hint: "Check that the context's server is a Kubernetes API server.",
        cause,
      });
    }
  }

  private async object<T extends KubeObject>(request: Parameters<KubeTransport["text"]>[0]): Promise<T> {
    // The border where an answer becomes typed: the server is the one that was asked.
    return (await this.json(request)) as T;
  }
}

/** A client for a context of the kubeconfig. Nothing is asked yet. */
export function connect(choice: ContextChoice, environment: Environment): KubeClient {
  return new KubeClient(new KubeTransport(loadContext(choice, environment), environment));
}

function jsonBody(value: object): { body: string; headers: { "content-type": string } } {
  return { body: JSON.stringify(value), headers: { "content-type": "application/json" } };
}

function selectors({ labelSelector = "", fieldSelector = "" }: Selection): Record<string, string> {
  return { labelSelector, fieldSelector };
}

function queryOf(entries: Readonly<Record<string, string>>): string {
  const given = Object.entries(entries).filter(([, value]) => value !== "");
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}

function interrupted(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: string };
  return (
    code === "ECONNRESET" ||
    code === "CLUSTER_UNREACHABLE" ||
    error instanceof SyntaxError ||
    /aborted|premature/i.test(error.message)
  );
}

function remember<T extends KubeObject>(seen: Map<string, T>, { type, object }: WatchEvent<T>): void {
  const id = object.metadata.uid ?? "";
  if (type === "DELETED") seen.delete(id);
  else seen.set(id, object);
}

/** What a fresh list says that the last state did not. */
function* differences<T extends KubeObject>(
  seen: Map<string, T>,
  items: readonly T[],
): Generator<WatchEvent<T>> {
  const present = new Set(items.map(({ metadata }) => metadata.uid));
  for (const [id, object] of [...seen]) {
    if (present.has(id)) continue;
    seen.delete(id);
    yield { type: "DELETED", object };
  }
  for (const object of items) {
    const before = seen.get(object.metadata.uid ?? "");
    seen.set(object.metadata.uid ?? "", object);
    if (before === undefined) yield { type: "ADDED", object };
    else if (before.metadata.resourceVersion !== object.metadata.resourceVersion)
      yield { type: "MODIFIED", object };
  }
}
