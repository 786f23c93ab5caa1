/** A place to drop a file on, or to choose one with the keyboard. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { useRef } from "preact/hooks";
import { Icon } from "../parts/icon.js";

/** @param onFile Called with each file that is dropped or chosen. */
export function FileDrop(props: {
  readonly text: string;
  readonly hint: ComponentChildren;
  readonly chosen?: string;
  readonly onFile: (file: File) => void | Promise<void>;
}): JSX.Element {
  const over = useSignal(false);
  const input = useRef<HTMLInputElement>(null);
  const take = (files: FileList | null | undefined): void => {
    for (const file of files ?? []) void props.onFile(file);
  };
  return (
    <section
      class={over.value ? "drop over" : "drop"}
      aria-label={props.text}
      onDragOver={(event) => {
        event.preventDefault();
        over.value = true;
      }}
      onDragLeave={() => {
        over.value = false;
      }}
      onDrop={(event) => {
        event.preventDefault();
        over.value = false;
        take(event.dataTransfer?.files);
      }}
    >
      <Icon name={props.chosen === undefined ? "upload" : "check"} />
      <b>{props.chosen ?? props.text}</b>
      <span class="soft">{props.hint}</span>
      <input
        ref={input}
        type="file"
        hidden
        aria-label={props.text}
        onChange={(event) => {
          take(event.currentTarget.files);
          event.currentTarget.value = "";
        }}
      />
      <button type="button" class="button" onClick={() => input.current?.click()}>
        Choose a file
      </button>
    </section>
  );
}
