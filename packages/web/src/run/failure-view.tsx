/** What went wrong in a task: the exception first, then the line, then everything. */
import type { ErrorBody } from "@sealflow/core";
import type { JSX } from "preact";
import { failureOf, type SourceLine } from "./failure.js";

/** Shows an error. @param source Source of the task's component, where it is Python. */
export function FailureView({
  error,
  source,
}: {
  readonly error: ErrorBody;
  readonly source: string | undefined;
}): JSX.Element {
  const failure = failureOf(error, source);
  const last = failure.frames.at(-1);
  return (
    <section class="failure" aria-label="Error">
      <p class="failure-head">
        {failure.type === undefined ? undefined : <b>{failure.type}</b>}
        <span>{failure.message}</span>
      </p>
      {failure.source.length === 0 ? undefined : <Source lines={failure.source} where={last?.where} />}
      {failure.lastLines === undefined ? undefined : (
        <pre class="code small" tabIndex={0}>
          {failure.lastLines}
        </pre>
      )}
      {error.hint === undefined ? undefined : <p class="soft">{error.hint}</p>}
      {failure.traceback === undefined ? undefined : (
        <details>
          <summary>Traceback</summary>
          <pre class="code small" tabIndex={0}>
            {failure.traceback.trimEnd()}
          </pre>
        </details>
      )}
      <p class="soft">
        <code>{error.code}</code>
      </p>
    </section>
  );
}

function Source({
  lines,
  where,
}: {
  readonly lines: readonly SourceLine[];
  readonly where: string | undefined;
}): JSX.Element {
  return (
    <figure class="source">
      <pre tabIndex={0}>
        {lines.map(({ number, text, failing }) => (
          <span key={number} class={failing ? "failing" : undefined}>
            <i>{number}</i>
            {failing ? <span class="hidden">failing line: </span> : undefined}
            {text}
            {"\n"}
          </span>
        ))}
      </pre>
      {where === undefined || where.startsWith("<") ? undefined : (
        <figcaption class="soft">in {where}</figcaption>
      )}
    </figure>
  );
}
