/** A broker of the control plane's: listens with a certificate of its own, hands on what it likes, answers what it likes. */
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { toHex } from "@sealflow/core";
import { signerFromSeed } from "@sealflow/seal";
import { certificate, fetchPinned, random } from "./deployment.js";

/** Mallory's certificate. */
export const mallorysTls = certificate("testdata");

/** What is seen of a message and its answer, to be changed. */
export interface Meddling {
  readonly request?: (what: string, body: Record<string, unknown>) => Record<string, unknown>;
  readonly answer?: (what: string, body: Record<string, unknown>) => Record<string, unknown>;
}

/** A listener in the middle. */
export interface FalseBroker {
  readonly port: number;
  /** Raw Ed25519 key, hex. */
  readonly key: string;
  /** Codes with which the genuine broker refused what it was handed. */
  readonly refusals: string[];
  meddle: Meddling;
  close(): void;
}

export async function openFalseBroker(genuine: string): Promise<FalseBroker> {
  const key = toHex((await signerFromSeed(random.bytes(32))).publicKey);
  const refusals: string[] = [];
  const server = createServer(mallorysTls, (incoming, response) => {
    const parts: Buffer[] = [];
    incoming.on("data", (part: Buffer) => parts.push(part));
    incoming.on("end", async () => {
      const what = incoming.url?.split("/").at(-1) ?? "";
      const { meddle } = falseBroker;
      const asked = JSON.parse(Buffer.concat(parts).toString());
      const body = JSON.stringify(meddle.request?.(what, asked) ?? asked);
      const given = await fetchPinned(`${genuine}${incoming.url}`, { method: "POST", body });
      const answer = (await given.json()) as Record<string, unknown>;
      const error = answer.error as { code?: string } | undefined;
      if (error?.code !== undefined) refusals.push(error.code);
      response.writeHead(given.status, { "content-type": "application/json" });
      response.end(JSON.stringify(given.status === 200 ? (meddle.answer?.(what, answer) ?? answer) : answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const falseBroker: FalseBroker = { port, key, refusals, meddle: {}, close: () => void server.close() };
  return falseBroker;
}
