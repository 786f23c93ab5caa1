import { toHex } from "./bytes.js";
import type { Clock, Random } from "./ports.js";

/**
 * A UUID of version 7 (RFC 9562, section 5.7): ids made later sort later, to the millisecond.
 *
 * @throws RangeError when the clock is before 1970 or past the 48-bit limit.
 */
export function newUuid(clock: Clock, random: Random): string {
  const now = Math.trunc(clock.now());
  if (now < 0 || now >= 2 ** 48) throw new RangeError("clock is outside the range of UUID version 7");
  const time = now.toString(16).padStart(12, "0");
  const tail = random.bytes(10);
  tail[0] = ((tail[0] ?? 0) & 0x0f) | 0x70;
  tail[2] = ((tail[2] ?? 0) & 0x3f) | 0x80;
  const hex = time + toHex(tail);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
