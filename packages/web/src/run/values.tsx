/** Parameters by name, short ones in a line, long ones in a box. */
import type { JsonObject, JsonValue } from "@sealflow/core";
import type { JSX } from "preact";
import { formatValue } from "../format.js";

const LONG = 120;

/** A list of named values. */
export function Values({ values }: { readonly values: JsonObject }): JSX.Element {
  return (
    <dl class="facts values">
      {Object.entries(values).flatMap(([name, value]) => [
        <dt key={`${name} name`}>{name}</dt>,
        <dd key={name}>
          <Value value={value} />
        </dd>,
      ])}
    </dl>
  );
}

function Value({ value }: { readonly value: JsonValue }): JSX.Element {
  const text = formatValue(value);
  if (text.length > LONG || text.includes("\n")) {
    const whole = typeof value === "string" ? value : JSON.stringify(value, null, 2);
    return (
      <pre class="code small" tabIndex={0}>
        {whole}
      </pre>
    );
  }
  return <span class={typeof value === "number" ? "number" : "mono"}>{text}</span>;
}
