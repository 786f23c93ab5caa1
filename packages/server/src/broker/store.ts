/** The served broker's records: the engine's file of records, and a lock that ends with the process that holds it. */
import { join } from "node:path";
import { RecordFile } from "@sealflow/engine/sealed";
import type { BrokerStore } from "@sealflow/trust";
import { openDatabase } from "../store/database.js";

/** An open store, which this process alone has. */
export interface OpenBrokerStore {
  readonly records: BrokerStore;
  close(): Promise<void>;
}

/**
 * Opens (or makes) the records of a directory. A record is in the file, and the file on disk, when `append` resolves.
 *
 * @throws SealflowError `SERVER_STORE_BUSY`, `SERVER_STORE_UNREADABLE`
 */
export function openBrokerStore(directory: string): OpenBrokerStore {
  // An empty database, for its lock alone: the kernel frees it when the process dies, in whatever container or pod that was.
  const lock = openDatabase(join(directory, "lock.db"));
  const records = new RecordFile(join(directory, "broker.log"));
  return {
    records,
    close: async () => {
      await records.close();
      lock.close();
    },
  };
}
