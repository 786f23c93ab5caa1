/** A verdict, with every check behind it. */
import type { BundleCheck, BundleVerdict, VerifiedRun, VerifiedTask } from "@sealflow/trust";
import type { JSX } from "preact";
import { formatTime, formatValue, plural, shortDigest } from "../format.js";
import { Icon, type IconName } from "../parts/icon.js";

const looks: Readonly<
  Record<BundleVerdict["verdict"], { readonly icon: IconName; readonly title: string; readonly text: string }>
> = {
  trusted: {
    icon: "shield",
    title: "Trusted",
    text: "Every statement, grant and piece of evidence holds, up to anchors that you gave.",
  },
  consistent: {
    icon: "info",
    title: "Consistent, not trusted",
    text: "Everything agrees with itself. Whose word it is nobody has said: give a trust file that does not come with the bundle.",
  },
  refused: { icon: "cross", title: "Refused", text: "A check failed. Nothing that this bundle says counts." },
};

/** The whole verdict. */
export function VerdictView({ verdict }: { readonly verdict: BundleVerdict }): JSX.Element {
  const { icon, title, text } = looks[verdict.verdict];
  const failed = verdict.checks.find(({ passed }) => !passed);
  return (
    <div class="stack" style={{ gap: "16px" }}>
      <section class={`verdict ${verdict.verdict}`} aria-label="Verdict" role="status">
        <Icon name={icon} />
        <div>
          <h2>{title}</h2>
          <p>{text}</p>
          {failed === undefined ? undefined : (
            <p>
              <code>{failed.code}</code> {failed.what}, {failed.where}: expected {failed.expected}, got{" "}
              {failed.got}
            </p>
          )}
        </div>
      </section>
      {verdict.run?.simulated === true ? <Simulated /> : undefined}
      {verdict.run === undefined ? undefined : <RunCard run={verdict.run} />}
      {verdict.run === undefined ? undefined : <TaskTable tasks={verdict.run.tasks} />}
      <Checks checks={verdict.checks} />
    </div>
  );
}

/** Said wherever simulated evidence is shown: nobody may take it for the real thing. */
export function Simulated(): JSX.Element {
  return (
    <p class="simulated">
      <Icon name="warning" />
      <span>
        <b>Simulated enclave.</b> This shows the mechanism. Nothing was protected from the machine it ran on.
      </span>
    </p>
  );
}

function RunCard({ run }: { readonly run: VerifiedRun }): JSX.Element {
  return (
    <section class="card pad stack">
      <h2>{run.runName}</h2>
      <dl class="facts">
        <dt>Pipeline</dt>
        <dd>
          {run.pipeline} <Digest text={run.spec} />
        </dd>
        <dt>Ended</dt>
        <dd>
          {run.state.toLowerCase()}, {formatTime(Date.parse(run.finishedAt))}
        </dd>
        <dt>Submitted by</dt>
        <dd>{run.submitter}</dd>
        <dt>Policy</dt>
        <dd>
          epoch {run.policy.epoch} <Digest text={run.policy.digest} />
        </dd>
        <dt>Data</dt>
        <dd>
          {Object.entries(run.inputs).length === 0 ? "none from outside" : undefined}
          {Object.entries(run.inputs).map(([name, digest]) => (
            <span key={name} class="row">
              {name} <Digest text={digest} />
            </span>
          ))}
        </dd>
        <dt>Parameters</dt>
        <dd>
          {Object.entries(run.parameters)
            .map(([name, value]) => `${name} = ${formatValue(value)}`)
            .join(", ") || "none"}
        </dd>
        <dt>Leaves the enclaves</dt>
        <dd>{run.release.join(", ") || "nothing"}</dd>
      </dl>
    </section>
  );
}

function Digest({ text }: { readonly text: string }): JSX.Element {
  return (
    <span class="mono soft" title={text}>
      {shortDigest(text)}
    </span>
  );
}

const words: Readonly<Record<VerifiedTask["state"], { readonly text: string; readonly tag: string }>> = {
  committed: { text: "committed", tag: "ok" },
  reused: { text: "reused", tag: "accent" },
  failed: { text: "failed", tag: "bad" },
  skipped: { text: "proven skipped", tag: "" },
};

function TaskTable({ tasks }: { readonly tasks: readonly VerifiedTask[] }): JSX.Element {
  return (
    <section class="card scroll-x" aria-label="Tasks" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">Task</th>
            <th scope="col">State</th>
            <th scope="col">Evidence</th>
            <th scope="col">Measurement</th>
            <th scope="col">Component</th>
            <th scope="col">Outputs</th>
          </tr>
        </thead>
        <tbody>
          {tasks.map((task) => (
            <tr key={task.path}>
              <th scope="row">{task.path}</th>
              <td>
                <span class={`tag ${words[task.state].tag}`}>{words[task.state].text}</span>
              </td>
              <td>
                <EvidenceMark task={task} />
              </td>
              <td>{task.evidence === undefined ? "–" : <Digest text={task.evidence.mrEnclave} />}</td>
              <td>{task.component === undefined ? "–" : <Digest text={task.component.digest} />}</td>
              <td>
                {Object.entries(task.outputs?.artifacts ?? {}).flatMap(([name, artifacts]) =>
                  artifacts.map(({ digest }) => (
                    <span key={digest} class="row">
                      {name} <Digest text={digest} />
                    </span>
                  )),
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function EvidenceMark({ task }: { readonly task: VerifiedTask }): JSX.Element {
  const { evidence } = task;
  if (evidence === undefined) return <span class="soft">none</span>;
  const simulated = evidence.kind.startsWith("simulated");
  return (
    <span class={simulated ? "tag simulated-tag" : "tag ok"}>
      <Icon name={simulated ? "warning" : "shield"} />
      {evidence.kind}, {evidence.status}
    </span>
  );
}

function Checks({ checks }: { readonly checks: readonly BundleCheck[] }): JSX.Element {
  const failed = checks.filter(({ passed }) => !passed).length;
  return (
    <details class="card pad" open={failed > 0}>
      <summary>
        {plural(checks.length, "check")}, {failed === 0 ? "all passed" : `${failed} failed`}
      </summary>
      <ol class="checks">
        {checks.map((check, index) => (
          <li key={index} class={check.passed ? "passed" : "failed"}>
            <Icon name={check.passed ? "check" : "cross"} />
            <span class="grow">
              {check.what} <span class="soft">{check.where}</span>
              {check.passed ? undefined : (
                <small>
                  expected {check.expected}, got {check.got}
                </small>
              )}
            </span>
            <code class="soft">{check.code}</code>
          </li>
        ))}
      </ol>
    </details>
  );
}
