/** Parameters by name, short ones in a line, long ones in a box, sealed ones as what they are. */
import type { JsonObject, JsonValue } from "@sealflow/core";
import type { JSX } from "preact";
import { formatValue } from "../format.js";
import { Icon } from "../parts/icon.js";

const LONG = 120;

/** A list of named values. @param hidden Names whose values are sealed: what stands there is no value. */
export function Values(props: {
  readonly values: JsonObject;
  readonly hidden?: readonly string[];
}): JSX.Element {
  const { values, hidden = [] } = props;
  return (
    <dl class="facts values">
      {Object.entries(values).flatMap(([name, value]) => [
        <dt key={`${name} name`}>{name}</dt>,
        <dd key={name}>
          <Value value={value} sealed={hidden.includes(name)} />
        </dd>,
      ])}
    </dl>
  );
}

/** True for texts that stand in for a sealed value. */
function standsIn(value: JsonValue): boolean {
  return typeof value === "string" && (value === "(sealed)" || /^sealed:sha256:[0-9a-f]{64}$/.test(value));
}

function Value({ value, sealed }: { readonly value: JsonValue; readonly sealed: boolean }): JSX.Element {
  if (sealed || standsIn(value)) {
    return (
      <span class="tag">
        <Icon name="lock" />
        sealed
      </span>
    );
  }
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
