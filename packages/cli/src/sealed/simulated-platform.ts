/** Simulated enclaves for sealed runs on this machine. They show the mechanism and protect against nothing but mistakes. */
import {
  createSimulatedPlatform,
  fingerprintOf,
  restoreSimulatedPlatform,
  type SavedPlatform,
  type SimulatedPlatform,
} from "@sealflow/attest";
import { type JsonObject, toBase64, utf8 } from "@sealflow/core";
import type { EnclavePlatform, PlatformMaker } from "@sealflow/engine";
import { random } from "../keys/keyring.js";

const day = 86_400_000;
/** Validity of the platform's certificates: from a day ago, so that clocks may differ, for twenty years. */
const platformLifetime = 20 * 365 * day;
/** Validity of its collateral; made anew with each process. */
const collateralLifetime = 30 * day;

/** MRSIGNER of all simulated enclaves: this text, zero-padded, so that it is nobody's key. */
const signer = new Uint8Array(32);
signer.set(utf8("sealflow simulated signer"));

/** Makes platforms under a root of their own. @param now Milliseconds since the Unix epoch. */
export function simulatedPlatforms(now: () => number): PlatformMaker {
  return {
    create: async () => {
      const period = { from: now() - day, until: now() + platformLifetime };
      const platform = await createSimulatedPlatform({ ...period, random });
      return { ...(await platform.save()) } as JsonObject;
    },
    restore: async (saved) => {
      // What was saved above, sealed since; anything else fails where it is read.
      const platform = await restoreSimulatedPlatform(saved as unknown as SavedPlatform);
      return enclaves(platform, now);
    },
  };
}

async function enclaves(platform: SimulatedPlatform, now: () => number): Promise<EnclavePlatform> {
  const from = now() - day;
  const collateral = await platform.collateral({ from, until: from + collateralLifetime });
  return {
    roots: [platform.root],
    simulatedRoots: [await fingerprintOf(platform.root)],
    evidence: async ({ measurement, reportData }) => {
      const enclave = { mrEnclave: measurement, mrSigner: signer, productId: 0, svn: 0, reportData };
      const quote = toBase64(await platform.quote(enclave));
      return { type: "sgx-dcap", quote, collateral: JSON.parse(JSON.stringify(collateral)) };
    },
  };
}
