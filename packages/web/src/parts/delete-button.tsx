/** A button that asks before something goes for good. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { Confirm } from "./dialog.js";
import { Icon } from "./icon.js";

/** Deletes what has this name, once that is confirmed. */
export function DeleteButton(props: {
  readonly name: string;
  /** What the button says to those who can't see its picture. */
  readonly label: string;
  /** What goes with it, and what stays. */
  readonly text: string;
  readonly disabled?: boolean;
  readonly onDelete: () => void;
}): JSX.Element {
  const { name, label, text, disabled = false, onDelete } = props;
  const asking = useSignal(false);
  const ask = (on: boolean) => () => {
    asking.value = on;
  };
  return (
    <>
      <button
        type="button"
        class="icon-button"
        aria-label={label}
        title={label}
        disabled={disabled}
        onClick={ask(true)}
      >
        <Icon name="trash" />
      </button>
      {asking.value ? (
        <Confirm
          title={`Delete ${name}?`}
          text={text}
          action="Delete"
          onConfirm={onDelete}
          onClose={ask(false)}
        />
      ) : undefined}
    </>
  );
}
