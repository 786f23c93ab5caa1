/** Checks as they went: what was expected, and what was there. */
import type { BundleCheck } from "@sealflow/trust";
import type { JSX } from "preact";
import { plural } from "../format.js";
import { Icon } from "../parts/icon.js";

/** A check of a bundle, or one that it consists of. */
type Shown = Omit<BundleCheck, "where" | "parts"> & Partial<Pick<BundleCheck, "where" | "parts">>;

/** All checks in their order. @param placed Say where each belongs. */
export function CheckList(props: {
  readonly checks: readonly Shown[];
  readonly placed?: boolean;
}): JSX.Element {
  return (
    <ol class="checks">
      {props.checks.map((check, index) => (
        <CheckItem key={index} check={check} placed={props.placed ?? true} />
      ))}
    </ol>
  );
}

function CheckItem({ check, placed }: { readonly check: Shown; readonly placed: boolean }): JSX.Element {
  const { what, where, passed, code, parts = [] } = check;
  return (
    <li class={passed ? "passed" : "failed"}>
      <Icon name={passed ? "check" : "cross"} />
      <div class="grow">
        <p>
          <span class="hidden">{passed ? "passed: " : "failed: "}</span>
          {what} {placed && where !== undefined ? <span class="soft">{where}</span> : undefined}
        </p>
        <Compared check={check} />
        {parts.length === 0 ? undefined : (
          <details open={!passed}>
            <summary>{plural(parts.length, "check")} of the evidence</summary>
            <CheckList checks={parts} />
          </details>
        )}
      </div>
      <code class="soft">{code}</code>
    </li>
  );
}

/** What agrees is said once. */
function Compared({ check: { expected, got } }: { readonly check: Shown }): JSX.Element {
  const same = expected === got;
  return (
    <dl class="compared">
      <dt>{same ? "expected and got" : "expected"}</dt>
      <dd>{expected === "" ? "nothing" : expected}</dd>
      {same ? undefined : (
        <>
          <dt>got</dt>
          <dd>{got === "" ? "nothing" : got}</dd>
        </>
      )}
    </dl>
  );
}
