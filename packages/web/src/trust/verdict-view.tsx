/** A verdict, with every check behind it. */
import { useSignal } from "@preact/signals";
import type { BundleCheck, BundleVerdict, VerifiedRun, VerifiedTask } from "@sealflow/trust";
import type { JSX } from "preact";
import { formatTime, formatValue, plural, shortDigest } from "../format.js";
import { Icon, type IconName } from "../parts/icon.js";
import { CheckList } from "./check-list.js";
import { EvidenceMark, Simulated, TaskTrust } from "./task-trust.js";

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
  return (
    <div class="stack" style={{ gap: "16px" }}>
      <Outcome verdict={verdict} />
      {verdict.run?.simulated === true ? <Simulated /> : undefined}
      {verdict.run === undefined ? undefined : <RunCard run={verdict.run} />}
      {verdict.run === undefined ? undefined : <TaskList verdict={verdict} />}
      <Checks checks={verdict.checks} />
    </div>
  );
}

/** A refusal where there is room for one task only. */
export function RefusedView({ verdict }: { readonly verdict: BundleVerdict }): JSX.Element {
  return (
    <div class="stack">
      <Outcome verdict={verdict} />
      <Checks checks={verdict.checks} />
    </div>
  );
}

function Outcome({ verdict }: { readonly verdict: BundleVerdict }): JSX.Element {
  const { icon, title, text } = looks[verdict.verdict];
  const failed = verdict.checks.find(({ passed }) => !passed);
  return (
    <section class={`verdict ${verdict.verdict}`} aria-label="Verdict" role="status">
      <Icon name={icon} />
      <div>
        <h2>{title}</h2>
        <p>{text}</p>
        {failed === undefined ? undefined : (
          <p class="whole">
            <code>{failed.code}</code> {failed.what}, {failed.where}: expected {failed.expected}, got{" "}
            {failed.got}
          </p>
        )}
      </div>
    </section>
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

/** Each task in a line that opens. */
function TaskList({ verdict }: { readonly verdict: BundleVerdict }): JSX.Element {
  return (
    <section class="card" aria-label="Tasks">
      <ul class="trust-tasks">
        {(verdict.run?.tasks ?? []).map((task) => (
          <TaskItem key={task.path} verdict={verdict} task={task} />
        ))}
      </ul>
    </section>
  );
}

function TaskItem(props: { readonly verdict: BundleVerdict; readonly task: VerifiedTask }): JSX.Element {
  const { verdict, task } = props;
  const open = useSignal(false);
  return (
    <li>
      <details
        onToggle={(event) => {
          open.value = event.currentTarget.open;
        }}
      >
        <summary>
          <b class="mono">{task.path}</b>
          <span class={`tag ${words[task.state].tag}`}>{words[task.state].text}</span>
          <EvidenceMark evidence={task.evidence} />
          {task.evidence === undefined ? undefined : <Digest text={task.evidence.mrEnclave} />}
        </summary>
        {open.value ? <TaskTrust verdict={verdict} task={task} /> : undefined}
      </details>
    </li>
  );
}

function Checks({ checks }: { readonly checks: readonly BundleCheck[] }): JSX.Element {
  const failed = checks.filter(({ passed }) => !passed).length;
  const open = useSignal(failed > 0);
  return (
    <details
      class="card pad"
      open={failed > 0}
      onToggle={(event) => {
        open.value = event.currentTarget.open;
      }}
    >
      <summary>
        {plural(checks.length, "check")}, {failed === 0 ? "all passed" : `${failed} failed`}
      </summary>
      {open.value ? <CheckList checks={checks} /> : undefined}
    </details>
  );
}
