/** The log of a sealed task: ciphertext, until a key is given. */
import type { JSX } from "preact";
import { useReader } from "../api/resource.js";
import { readHead } from "../artifacts/content.js";
import { SealedView } from "../artifacts/sealed-view.js";
import { Bones, Failed } from "../parts/blank.js";

/** Shows a sealed log. It is written when its attempt has ended. */
export function SealedLog({ address }: { readonly address: string }): JSX.Element {
  const head = useReader(() => readHead(address), [address]);
  const { value: now } = head.now;
  if (now.state === "loading") return <Bones rows={3} />;
  if (now.state === "failed") return <Failed error={now.error} retry={head.reload} />;
  const size = now.value.kind === "file" ? now.value.size : 0;
  return (
    <div class="pad" style={{ overflowY: "auto" }}>
      {size === 0 ? (
        <p class="soft">Nothing is there yet, or nothing was printed.</p>
      ) : (
        <SealedView address={address} size={size} />
      )}
    </div>
  );
}
