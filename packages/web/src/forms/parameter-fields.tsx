/** The fields of a pipeline's parameters, each as its type asks. */
import type { Signal } from "@preact/signals";
import type { JsonObject } from "@sealflow/core";
import type { JSX } from "preact";
import { useId } from "preact/hooks";
import { type Field, textFor, type Written } from "./fields.js";

const words: Readonly<Record<string, string>> = {
  STRING: "text",
  NUMBER_INTEGER: "whole number",
  NUMBER_DOUBLE: "number",
  BOOLEAN: "yes or no",
  LIST: "list, JSON",
  STRUCT: "object, JSON",
};

interface FieldsProps {
  readonly fields: readonly Field[];
  readonly written: Signal<Written>;
  readonly problems: ReadonlyMap<string, string>;
  /** Values that a field is compared with: what it was in the run before. */
  readonly before?: JsonObject;
}

/** All fields. */
export function ParameterFields({ fields, written, problems, before }: FieldsProps): JSX.Element {
  if (fields.length === 0) return <p class="soft">This pipeline takes no parameters.</p>;
  return (
    <div class="fields">
      {fields.map((field) => {
        const text = written.value.get(field.name) ?? "";
        const earlier = before === undefined ? undefined : textFor(before[field.name], field.definition);
        return (
          <FieldRow
            key={field.name}
            field={field}
            text={text}
            problem={problems.get(field.name)}
            changed={earlier !== undefined && earlier !== text}
            onWrite={(next) => {
              written.value = new Map(written.value).set(field.name, next);
            }}
          />
        );
      })}
    </div>
  );
}

interface RowProps {
  readonly field: Field;
  readonly text: string;
  readonly problem: string | undefined;
  readonly changed: boolean;
  readonly onWrite: (text: string) => void;
}

function FieldRow({ field, text, problem, changed, onWrite }: RowProps): JSX.Element {
  const id = useId();
  const { name, definition } = field;
  return (
    <div class={changed ? "form-field changed" : "form-field"}>
      <label for={id}>
        <b>{name}</b>
        <span class="soft">{words[definition.parameterType] ?? ""}</span>
        {changed ? <span class="tag accent">changed</span> : undefined}
      </label>
      <Control id={id} field={field} text={text} problem={problem} onWrite={onWrite} />
      {definition.description === undefined ? undefined : (
        <small id={`${id}-text`} class="soft">
          {definition.description}
        </small>
      )}
      {problem === undefined ? undefined : (
        <small id={`${id}-problem`} class="problem" role="alert">
          {problem}
        </small>
      )}
    </div>
  );
}

function Control(props: Omit<RowProps, "changed"> & { readonly id: string }): JSX.Element {
  const { id, field, text, problem, onWrite } = props;
  const { parameterType, literals, description } = field.definition;
  const described = [description && `${id}-text`, problem && `${id}-problem`].filter(Boolean).join(" ");
  const common = {
    id,
    class: "input",
    value: text,
    "aria-invalid": problem !== undefined,
    ...(described === "" ? {} : { "aria-describedby": described }),
  };
  const options =
    literals?.map((literal) => textFor(literal, field.definition)) ??
    (parameterType === "BOOLEAN" ? ["true", "false"] : undefined);
  if (options !== undefined) {
    return (
      <select {...common} onChange={(event) => onWrite(event.currentTarget.value)}>
        {options.includes(text) ? undefined : (
          <option value={text}>{text === "" ? "not given" : text}</option>
        )}
        {options.map((option) => (
          <option key={option} value={option}>
            {option}
          </option>
        ))}
      </select>
    );
  }
  if (parameterType === "LIST" || parameterType === "STRUCT") {
    return (
      <textarea
        {...common}
        rows={Math.min(12, text.split("\n").length + 1)}
        onInput={(event) => onWrite(event.currentTarget.value)}
      />
    );
  }
  const numeric = parameterType === "NUMBER_INTEGER" || parameterType === "NUMBER_DOUBLE";
  return (
    <input
      {...common}
      type="text"
      inputMode={numeric ? "decimal" : "text"}
      autocomplete="off"
      spellcheck={false}
      onInput={(event) => onWrite(event.currentTarget.value)}
    />
  );
}
