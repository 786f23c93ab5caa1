import { memoryStore } from "../src/index.js";
import { describeBrokerStore } from "./store-contract.js";

const disks = new Map<string, Uint8Array<ArrayBuffer>[]>();
describeBrokerStore({
  name: "in memory",
  open: (directory) => {
    const records = disks.get(directory) ?? [];
    disks.set(directory, records);
    return { records: memoryStore(records), close: () => undefined };
  },
});
