/**
 * Notes what a process uses as a secret while it works: bytes that it draws, keys that it imports. So a test can search all that
 * the process left behind for them, without knowing beforehand what they are.
 */
import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";

/** The notes. */
export interface SecretsSeen {
  /** Each once, as lower-case hex, 16 bytes or more. */
  all(): string[];
  /** Ends the watching. */
  restore(): void;
}

/** Watches WebCrypto and Node's own functions in this process. */
export function watchSecrets(): SecretsSeen {
  const seen = new Set<string>();
  const note = (bytes: unknown) => {
    if (!ArrayBuffer.isView(bytes) && !(bytes instanceof ArrayBuffer)) return;
    const view = ArrayBuffer.isView(bytes)
      ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      : Buffer.from(bytes);
    // Longer ones are drawn in bulk and cut; shorter ones are found in anything.
    if (view.length >= 16 && view.length <= 128 && view.some((byte) => byte !== 0))
      seen.add(view.toString("hex"));
  };
  const restores = [
    replaced(globalThis.crypto, "getRandomValues", (real) => (array: ArrayBufferView) => {
      const drawn = real.call(globalThis.crypto, array);
      note(drawn);
      return drawn;
    }),
    replaced(
      globalThis.crypto.subtle,
      "importKey",
      (real) =>
        (format: string, key: unknown, ...rest: unknown[]) => {
          if (format === "raw" && !/25519|ECDSA/.test(JSON.stringify(rest[0]))) note(key);
          return real.call(globalThis.crypto.subtle, format, key, ...rest);
        },
    ),
    replaced(crypto, "randomBytes", (real) => (...given: unknown[]) => {
      const drawn = real.call(crypto, ...given);
      note(drawn);
      return drawn;
    }),
    ...(["createCipheriv", "createDecipheriv"] as const).map((name) =>
      replaced(crypto, name, (real) => (algorithm: string, key: unknown, ...rest: unknown[]) => {
        note(key);
        return real.call(crypto, algorithm, key, ...rest);
      }),
    ),
  ];
  syncBuiltinESMExports();
  return {
    all: () => [...seen],
    restore: () => {
      for (const restore of restores) restore();
      syncBuiltinESMExports();
    },
  };
}

type AnyFunction = (...given: never[]) => unknown;

/** Puts another function in a place, and gives back what puts the old one there again. */
function replaced(
  owner: object,
  name: string,
  make: (real: { call: (...given: unknown[]) => unknown }) => AnyFunction,
): () => void {
  const holder = owner as Record<string, unknown>;
  const own = Object.hasOwn(holder, name);
  const real = holder[name];
  holder[name] = make(real as { call: (...given: unknown[]) => unknown });
  return () => {
    if (own) holder[name] = real;
    else delete holder[name];
  };
}

/** Every way that a secret could stand in a text or a file: as it is, hex, base64 and base64 of its hex at any place. */
export function formsOf(hex: string): Buffer[] {
  const bytes = Buffer.from(hex, "hex");
  const base64 = bytes.toString("base64").replace(/=+$/, "").slice(0, -1);
  const nested = [0, 1, 2].flatMap((shift) =>
    [bytes, Buffer.from(hex)].map((inner) =>
      Buffer.concat([Buffer.alloc(shift), inner])
        .toString("base64")
        .slice(shift === 0 ? 0 : 4, -4),
    ),
  );
  const texts = [hex, hex.toUpperCase(), base64, base64.replaceAll("+", "-").replaceAll("/", "_"), ...nested];
  const list = [...bytes].join(",");
  return [bytes, ...[...texts, list].map((text) => Buffer.from(text))];
}
