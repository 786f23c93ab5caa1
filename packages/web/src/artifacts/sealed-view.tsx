/** A sealed artifact: ciphertext, until a key is given that it was sealed to. The key stays in this page's memory. */
import { signal, useSignal } from "@preact/signals";
import { type ArtifactDescription, describeArtifact, type Identity, openArtifact } from "@sealflow/seal";
import type { JSX } from "preact";
import { messageOf } from "../api/client.js";
import { useReader } from "../api/resource.js";
import { formatBytes, plural, shortDigest } from "../format.js";
import { Bones, Failed } from "../parts/blank.js";
import { Icon } from "../parts/icon.js";
import { BytesView } from "./bytes-view.js";
import { readAll, readRange } from "./content.js";
import { formatOf } from "./format.js";
import { readIdentities, wantsPassphrase } from "./identity.js";

/** Opening happens in memory: larger ones are opened on the command line. */
const LARGEST = 256_000_000;
/** Header and key section of any artifact. */
const OPENING_BYTES = 192 * 1024;

/** Keys that were given in this session: in memory, never stored, gone with the page. */
const given = signal<readonly Identity[]>([]);

async function open(address: string): Promise<Uint8Array> {
  const identities = given.peek();
  const sealed = new Uint8Array(await (await readAll(address)).arrayBuffer());
  const { plaintext } = await openArtifact([sealed], { unlock: { identities } });
  const pieces: BlobPart[] = [];
  for await (const piece of plaintext) pieces.push(new Uint8Array(piece));
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}

/** Shows what everybody may see, and asks for a key. */
export function SealedView({
  address,
  size,
}: {
  readonly address: string;
  readonly size: number;
}): JSX.Element {
  const opened = useSignal<Uint8Array | undefined>(undefined);
  const description = useReader(
    async () =>
      describeArtifact([new Uint8Array(await readRange(address, 0, Math.min(size, OPENING_BYTES)))]),
    [address],
  );
  const { value: now } = description.now;
  if (now.state === "loading") return <Bones rows={3} />;
  if (now.state === "failed") return <Failed error={now.error} />;
  return (
    <div class="stack">
      <SealedCard description={now.value} size={size} />
      {opened.value === undefined ? (
        <KeyForm
          address={address}
          size={size}
          onOpen={(bytes) => {
            opened.value = bytes;
          }}
        />
      ) : (
        <>
          <p class="notice warn">
            <Icon name="warning" />
            <span>Opened in this page only. Nothing of it was sent or stored.</span>
          </p>
          <BytesView
            format={formatOf(opened.value, true, [])}
            bytes={opened.value}
            size={opened.value.length}
          />
        </>
      )}
    </div>
  );
}

function SealedCard(props: {
  readonly description: ArtifactDescription;
  readonly size: number;
}): JSX.Element {
  const { header, keys } = props.description;
  return (
    <div class="sealed stack">
      <h3 class="row">
        <Icon name="lock" />
        Sealed, {formatBytes(props.size)}
      </h3>
      <p class="soft">
        The store holds ciphertext only. What stands here is not verified until it is opened.
      </p>
      <dl class="facts">
        <dt>Sealed to</dt>
        <dd>
          {plural(keys.length, "recipient")}:{" "}
          <span class="mono">{keys.map(({ recipient }) => shortDigest(recipient)).join(", ")}</span>
        </dd>
        {Object.entries(header.lineage).flatMap(([name, value]) => [
          <dt key={`${name} name`}>{name}</dt>,
          <dd key={name} class="mono">
            {value}
          </dd>,
        ])}
      </dl>
    </div>
  );
}

function KeyForm(props: {
  readonly address: string;
  readonly size: number;
  readonly onOpen: (bytes: Uint8Array) => void;
}): JSX.Element {
  const keyFile = useSignal<string | undefined>(undefined);
  const [problem, busy] = [useSignal(""), useSignal(false)];
  const unlock = async (passphrase: string): Promise<void> => {
    if (keyFile.value === undefined) return;
    busy.value = true;
    problem.value = "";
    try {
      given.value = [...(await readIdentities(keyFile.value, passphrase)), ...given.value];
      props.onOpen(await open(props.address));
    } catch (error) {
      problem.value = messageOf(error);
    }
    busy.value = false;
  };
  const openWithGiven = async (): Promise<void> => {
    problem.value = "";
    try {
      props.onOpen(await open(props.address));
    } catch (error) {
      problem.value = messageOf(error);
    }
  };
  const take = async (file: File | undefined): Promise<void> => {
    problem.value = "";
    keyFile.value = await file?.text();
    try {
      if (keyFile.value !== undefined && !wantsPassphrase(keyFile.value)) await unlock("");
    } catch (error) {
      problem.value = messageOf(error);
      keyFile.value = undefined;
    }
  };
  if (props.size > LARGEST) {
    return (
      <p class="soft">
        Too large to open in a page: <code>sealflow open</code> does.
      </p>
    );
  }
  const asks = keyFile.value !== undefined && (problem.value !== "" || !busy.value);
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void unlock(String(new FormData(event.currentTarget).get("passphrase") ?? ""));
      }}
    >
      {given.value.length === 0 ? undefined : (
        <p>
          <button type="button" class="button primary" onClick={() => void openWithGiven()}>
            Open with the key that was given
          </button>
        </p>
      )}
      <label class="stack" style={{ gap: "6px" }}>
        <span>Open it with a key file. The key stays in this page, and is gone when the page is.</span>
        <input
          type="file"
          disabled={busy.value}
          onChange={(event) => void take(event.currentTarget.files?.[0])}
        />
      </label>
      {asks ? (
        <label class="row">
          Passphrase
          <input class="input grow" type="password" name="passphrase" autocomplete="off" />
          <button type="submit" class="button primary">
            Open
          </button>
        </label>
      ) : undefined}
      {busy.value ? <p role="status">Opening …</p> : undefined}
      {problem.value === "" ? undefined : (
        <p role="alert" style={{ color: "var(--bad)" }}>
          {problem.value}
        </p>
      )}
    </form>
  );
}
