/**
 * Output of a task of Kubeflow Pipelines: from its pod, through Kubernetes or through Kubeflow's own servers, else from the
 * store, where the launcher keeps it if the installation says so.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isJsonObject, isSealflowError, SealflowError } from "@sealflow/core";
import { type ApiRequest, ask, type ClientOptions } from "@sealflow/kfp";
import { statusOf } from "../../kube/errors.js";
import type { Session } from "../session.js";
import { contentAt } from "./artifact-content.js";
import { artifactsOf } from "./artifacts.js";
import { type KnownTask, knownOf } from "./lookup.js";
import { labelledPod, type PodName, type PodOfTask } from "./pods.js";

/** Which log. */
export interface TaskLogRequest extends PodOfTask {
  /** Goes on until the task's end. Default: false. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
  /** Milliseconds between two questions where nothing tells when there is more. Default: 2000. */
  readonly pollMs?: number;
}

/** The name under which the launcher keeps what its container wrote. */
const KEPT = "executor-logs";

/**
 * Chunks of the log. None for what Kubeflow took from its cache. With `follow` a task that has not begun is waited for.
 *
 * @throws SealflowError `CLUSTER_LOG_UNAVAILABLE` where none of the ways gives it
 */
export async function* taskLog(session: Session, request: TaskLogRequest): AsyncGenerator<string> {
  const { follow = false, signal, pollMs = 2000 } = request;
  for (;;) {
    const known = await look(session, request);
    if (known?.record?.cached === true) return;
    const pod = await podOf(session, request, known);
    const lines = pod === undefined ? undefined : await opened(session, { ...request, pod, pollMs });
    if (lines !== undefined) {
      yield* lines;
      return;
    }
    if (!follow || (pod === undefined && known === undefined) || known?.over === true) {
      yield await keptLog(session, request, known);
      return;
    }
    await sleep(pollMs, undefined, signal === undefined ? {} : { signal });
  }
}

/** Undefined where ML Metadata can't be read. */
async function look(session: Session, request: TaskLogRequest): Promise<KnownTask | undefined> {
  try {
    return await knownOf(session, request);
  } catch (error) {
    if (isSealflowError(error)) return undefined;
    throw error;
  }
}

/** The launcher records in which pod it runs, the last attempt's; other attempts, and what is not recorded, have labels. */
async function podOf(
  session: Session,
  request: TaskLogRequest,
  known: KnownTask | undefined,
): Promise<PodName | undefined> {
  const { namespace = "kubeflow" } = session;
  const recorded = known?.record?.pod;
  if (recorded !== undefined && request.attempt === undefined)
    return { name: recorded.name, namespace: recorded.namespace || namespace };
  const labelled = await labelledPod(session, request);
  if (labelled !== undefined || recorded === undefined || request.attempt !== 1) return labelled;
  // Of most tasks the first attempt is the only one.
  return { name: recorded.name, namespace: recorded.namespace || namespace };
}

interface PodLogRequest extends TaskLogRequest {
  readonly pod: PodName;
  readonly pollMs: number;
}

/** The log of a pod that has begun; undefined for one that has not, or is gone. */
function opened(session: Session, request: PodLogRequest): Promise<AsyncIterable<string> | undefined> {
  return session.kube === undefined ? fromServers(session, request) : fromKubernetes(session, request);
}

async function fromKubernetes(
  { kube }: Session,
  { pod, follow = false, signal }: PodLogRequest,
): Promise<AsyncIterable<string> | undefined> {
  const lines = kube?.logs(pod, { container: "main", follow, ...(signal === undefined ? {} : { signal }) });
  try {
    const first = await lines?.next();
    if (lines === undefined || first === undefined) return undefined;
    return first.done === true ? nothing() : continued(first.value, lines);
  } catch (error) {
    const status = statusOf(error);
    // 400: its container waits to start.
    if (status === 404 || status === 400) return undefined;
    throw error;
  }
}

async function* nothing(): AsyncGenerator<string> {}

async function* continued(first: string, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  yield first;
  yield* rest;
}

/** Kubeflow's servers give what there is by now: whoever follows asks again. */
async function fromServers(
  session: Session,
  request: PodLogRequest,
): Promise<AsyncIterable<string> | undefined> {
  const text = await textFromServers(session, request);
  return text === undefined ? undefined : growing(session, request, text);
}

async function* growing(session: Session, request: PodLogRequest, begun: string): AsyncGenerator<string> {
  const { follow = false, signal, pollMs } = request;
  yield begun;
  let shown = begun.length;
  for (let over = !follow; !over; ) {
    await sleep(pollMs, undefined, signal === undefined ? {} : { signal });
    over = (await look(session, request))?.over !== false;
    const text = (await textFromServers(session, request)) ?? "";
    if (text.length > shown) yield text.slice(shown);
    shown = Math.max(shown, text.length);
  }
}

/** The pages' server, which works behind a gateway, and the API's own route, which is not routed there. */
async function textFromServers(
  session: Session,
  { runId, pod, signal }: PodLogRequest,
): Promise<string | undefined> {
  const { name, namespace } = pod;
  const aborts = signal === undefined ? {} : { signal };
  const pages = await session.pages();
  const query = { podname: name, podnamespace: namespace, runid: runId };
  const path = `/apis/v1alpha1/runs/${encodeURIComponent(runId)}/nodes/${encodeURIComponent(name)}/log`;
  return (
    (await text(pages, { path: "/k8s/pod/logs", query, ...aborts })) ??
    (await text(session.client, { path, ...aborts }))
  );
}

async function text(client: ClientOptions, request: ApiRequest): Promise<string | undefined> {
  try {
    const answer = await ask(client, request);
    if (answer.headers.get("content-type")?.startsWith("text/html") === true) return undefined;
    const body = await answer.text();
    return isFailure(body) ? undefined : body;
  } catch (error) {
    if (isSealflowError(error)) return undefined;
    throw error;
  }
}

/** The API's route says 200 before it knows. */
function isFailure(body: string): boolean {
  if (!body.startsWith('{"error')) return false;
  try {
    const value: unknown = JSON.parse(body);
    return isJsonObject(value) && ("error_message" in value || "error" in value);
  } catch {
    return false;
  }
}

async function keptLog(
  session: Session,
  request: TaskLogRequest,
  known: KnownTask | undefined,
): Promise<string> {
  const id = known?.record?.executionId;
  try {
    const uri = id === undefined ? undefined : await keptAt(session, request, id);
    const content = uri === undefined ? undefined : await contentAt(session, uri);
    if (content !== undefined) return new TextDecoder().decode(content);
  } catch (error) {
    if (!isSealflowError(error)) throw error;
    throw unavailable(request.task, error);
  }
  throw unavailable(request.task);
}

async function keptAt(
  session: Session,
  { attempt, signal }: TaskLogRequest,
  id: number,
): Promise<string | undefined> {
  const made = (await artifactsOf(await session.metadata(), [id], signal)).get(id)?.outputs[KEPT];
  // Numbered from 0, in the order of the attempts.
  const wanted = attempt === undefined ? undefined : `-${attempt - 1}`;
  return (wanted === undefined ? made?.at(-1) : made?.find(({ uri }) => uri.endsWith(wanted)))?.uri;
}

function unavailable(task: string, cause?: unknown): SealflowError {
  return new SealflowError({
    code: "CLUSTER_LOG_UNAVAILABLE",
    message: `log of ${task}: expected it from the task's pod or the store, got neither`,
    hint: "Kubeflow removes pods some time after their end, and keeps logs unless its API server has PUBLISH_LOGS=false.",
    ...(cause === undefined ? {} : { cause }),
  });
}
