/**
 * One call of gRPC-Web: a message there, a message back, over plain HTTP.
 * Source: grpc/grpc, `PROTOCOL-WEB.md`: frames of a flag, four bytes of length and content; trailers are the frame whose
 * flag has the highest bit, written as headers; an answer without a message may have them among its own headers.
 */
import { SealflowError } from "@sealflow/core";
import { ask, type ClientOptions } from "../transport.js";

/** A call. */
export interface UnaryCall {
  /** `package.Service`. */
  readonly service: string;
  readonly method: string;
  readonly request: Uint8Array;
  readonly signal?: AbortSignal;
}

const TRAILERS = 0x80;
const HEAD = 5;

/**
 * Calls a method and gives the bytes of its answer.
 *
 * @throws SealflowError `KFP_UNREACHABLE`, `KFP_REQUEST_REFUSED`, `KFP_ANSWER_INVALID`; `KFP_CALL_FAILED` for a status other
 * than OK, with its number as `data.grpcStatus`
 */
export async function callUnary(client: ClientOptions, call: UnaryCall): Promise<Uint8Array> {
  const path = `/${call.service}/${call.method}`;
  const answer = await ask(client, {
    method: "POST",
    path,
    bytes: framed(call.request),
    headers: {
      "Content-Type": "application/grpc-web+proto",
      Accept: "application/grpc-web+proto",
      "X-Grpc-Web": "1",
    },
    ...(call.signal === undefined ? {} : { signal: call.signal }),
  });
  const type = answer.headers.get("content-type") ?? "something else";
  if (!type.startsWith("application/grpc")) throw invalid(path, `gRPC-Web, got ${type}`);
  const body = new Uint8Array(await answer.arrayBuffer());
  const { content, trailers } = readFrames(path, body);
  check(call, (name) => trailers.get(name) ?? answer.headers.get(name));
  if (content === undefined) throw invalid(path, "a message, got none");
  return content;
}

function framed(request: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(HEAD + request.length);
  new DataView(frame.buffer).setUint32(1, request.length);
  frame.set(request, HEAD);
  return frame;
}

interface Frames {
  readonly content: Uint8Array | undefined;
  readonly trailers: ReadonlyMap<string, string>;
}

function readFrames(path: string, body: Uint8Array): Frames {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const trailers = new Map<string, string>();
  let content: Uint8Array | undefined;
  for (let at = 0; at < body.length; ) {
    if (at + HEAD > body.length) throw invalid(path, "whole frames, got a part of one");
    const flag = view.getUint8(at);
    const end = at + HEAD + view.getUint32(at + 1);
    if (end > body.length) throw invalid(path, "whole frames, got a part of one");
    const frame = body.subarray(at + HEAD, end);
    if (flag === TRAILERS) for (const [name, value] of headersIn(frame)) trailers.set(name, value);
    else if (flag !== 0) throw invalid(path, `frames that are not compressed, got flag ${flag}`);
    else if (content === undefined) content = frame;
    else throw invalid(path, "one message, got several");
    at = end;
  }
  return { content, trailers };
}

function* headersIn(frame: Uint8Array): Generator<[string, string]> {
  for (const line of new TextDecoder().decode(frame).split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) yield [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  }
}

function check({ service, method }: UnaryCall, header: (name: string) => string | null): void {
  const status = header("grpc-status");
  if (status === "0") return;
  const path = `/${service}/${method}`;
  if (status === null) throw invalid(path, "a status, got none");
  throw new SealflowError({
    code: "KFP_CALL_FAILED",
    message: `${method}: ${decoded(header("grpc-message")) || `status ${status}`}`,
    data: { grpcStatus: Number(status) },
  });
}

/** Messages of a status are percent-encoded; one that isn't is shown as it is. */
function decoded(message: string | null): string {
  try {
    return decodeURIComponent(message ?? "");
  } catch {
    return message ?? "";
  }
}

function invalid(path: string, expected: string): SealflowError {
  return new SealflowError({
    code: "KFP_ANSWER_INVALID",
    message: `${path}: expected ${expected}`,
    hint: "Check that the address is that of a proxy which speaks gRPC-Web, such as Kubeflow's metadata-envoy-service.",
  });
}
