/** A running broker: its store, its socket. */
import { join } from "node:path";
import { type Clock, type Logger, SealflowError } from "@sealflow/core";
import { checkpointFile } from "@sealflow/engine/sealed";
import { type BrokerOptions, startBroker } from "@sealflow/trust";
import { isLoopback } from "../http/guard.js";
import { type Listening, listen, type TlsFiles } from "../http/listen.js";
import { createBrokerApp } from "./app.js";
import { openBrokerStore } from "./store.js";

/** How a broker is served. */
export interface BrokerServerOptions
  extends Pick<
    BrokerOptions,
    | "secret"
    | "domain"
    | "policy"
    | "policySigner"
    | "roots"
    | "random"
    | "checkpoints"
    | "recovery"
    | "nonceLifetimeMs"
    | "grantLifetimeMs"
    | "runMemoryBytes"
  > {
  /** Where its records are. */
  readonly directory: string;
  /** Where its newest checkpoint is kept. Default: `checkpoint.json` in the directory. */
  readonly checkpointFile?: string;
  /** Address to listen on. Default: 127.0.0.1. */
  readonly host?: string;
  /** Port; 0 for any free one. Default: 8443. */
  readonly port?: number;
  /** Certificate chain and private key, PEM. Needed beyond loopback addresses. */
  readonly tls?: TlsFiles;
  /** Listen beyond loopback without TLS, because something in front of the broker has it. Default: false. */
  readonly behindProxy?: boolean;
  /** Requests per second and caller, in bursts of up to ten times as many. Default: 50. */
  readonly requestsPerSecond?: number;
  /** Requests at once. Default: 200. */
  readonly requestsAtOnce?: number;
  readonly clock?: Clock;
  readonly log?: Logger;
}

/** A broker that listens. */
export interface RunningBroker {
  readonly url: string;
  /** Raw public keys, hex. */
  readonly brokerKey: string;
  readonly recipient: string;
  /**
   * Puts a newer policy in force, as `Broker.putPolicy`; the one in force again changes nothing.
   *
   * @returns Its epoch.
   * @throws SealflowError `TRUST_POLICY_EPOCH`, `SEAL_ENVELOPE_…`, `TRUST_DOCUMENT_MALFORMED`
   */
  putPolicy(policy: BrokerOptions["policy"]): Promise<number>;
  /** Stops listening; resolves when what was on its way is decided and the store is closed. */
  close(): Promise<void>;
}

/**
 * Takes up the records, and listens.
 *
 * @throws SealflowError `SERVER_TLS_REQUIRED`, `SERVER_STORE_…`, `SERVER_ADDRESS_UNAVAILABLE`, `ENGINE_SEALED_LOG_DAMAGED`,
 *   `ENGINE_CHECKPOINT_UNREADABLE`, `TRUST_LOG_ROLLED_BACK`, `TRUST_POLICY_EPOCH`, `TRUST_STORE_RECORD`
 */
export async function startBrokerServer(options: BrokerServerOptions): Promise<RunningBroker> {
  const { host = "127.0.0.1", port = 8443, directory, clock = { now: Date.now } } = options;
  requireTls(options, host);
  const store = openBrokerStore(directory);
  let listening: Listening | undefined;
  try {
    const broker = await startBroker({
      ...options,
      ...{ clock, store: store.records },
      keeper: checkpointFile(options.checkpointFile ?? join(directory, "checkpoint.json")),
    });
    const app = createBrokerApp({
      ...{ broker, clock, log: options.log ?? { log: () => undefined } },
      requestsPerSecond: options.requestsPerSecond ?? 50,
      requestsAtOnce: options.requestsAtOnce ?? 200,
    });
    listening = await listen(app.fetch, {
      host,
      port,
      ...(options.tls === undefined ? {} : { tls: options.tls }),
    });
    const { url, close } = listening;
    const { brokerKey, recipient } = broker;
    return {
      ...{ url, brokerKey, recipient },
      putPolicy: async (policy) => {
        await broker.putPolicy(policy);
        return (await broker.describe()).policy.epoch;
      },
      close: async () => {
        await close();
        // Whatever was accepted before is worked off when this one's turn comes.
        await broker.describe().catch(() => undefined);
        await store.close();
      },
    };
  } catch (error) {
    await listening?.close();
    await store.close();
    throw error;
  }
}

function requireTls({ tls, behindProxy = false }: BrokerServerOptions, host: string): void {
  if (tls !== undefined || behindProxy || isLoopback(host)) return;
  throw new SealflowError({
    code: "SERVER_TLS_REQUIRED",
    message: `address ${host}: expected a certificate for an address beyond this machine, got none`,
    hint: "give --tls-cert and --tls-key; or --behind-proxy when something in front of the broker has TLS",
  });
}
