/** What is proven about one task: evidence, verdict, measurement, policy, and every check behind them. */
import type { BundleVerdict, VerifiedAttempt, VerifiedEvidence, VerifiedTask } from "@sealflow/trust";
import type { JSX } from "preact";
import { formatTime, plural } from "../format.js";
import { Icon } from "../parts/icon.js";
import { CheckList } from "./check-list.js";
import { checksOfTask } from "./task-checks.js";

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

/** The kind of evidence in a word or two. */
export function EvidenceMark({ evidence }: { readonly evidence: VerifiedEvidence | undefined }): JSX.Element {
  if (evidence === undefined) return <span class="soft">no evidence</span>;
  const simulated = evidence.kind === "simulated";
  return (
    <span class={simulated ? "tag simulated-tag" : "tag ok"}>
      <Icon name={simulated ? "warning" : "shield"} />
      {simulated ? "SIMULATED" : "Intel SGX"}, {evidence.status}
    </span>
  );
}

interface TaskTrustProps {
  readonly verdict: BundleVerdict;
  readonly task: VerifiedTask;
}

/** Everything about one task. */
export function TaskTrust({ verdict, task }: TaskTrustProps): JSX.Element {
  const { evidence } = task;
  const checks = checksOfTask(verdict.checks, task.path);
  return (
    <div class="stack task-trust">
      {evidence?.kind === "simulated" ? <Simulated /> : undefined}
      <dl class="facts">
        <dt>Verdict</dt>
        <dd>{verdictText(verdict, task)}</dd>
        <PolicyFacts verdict={verdict} measuredAs={evidence?.measuredAs} />
        {evidence === undefined ? undefined : <EvidenceFacts evidence={evidence} checks={checks} />}
        {task.component === undefined ? undefined : (
          <>
            <dt>Component</dt>
            <dd>
              {task.component.name} <Whole text={task.component.digest} />
            </dd>
          </>
        )}
        <OriginalFacts task={task} />
      </dl>
      {task.granted.map((attempt) => (
        <AttemptFacts key={attempt.attempt} attempt={attempt} of={task.granted.length} />
      ))}
      <section>
        <h4>
          {plural(checks.length, "check")}
          {checks.length === 0 ? " of this task alone: it is proven by those of others" : ""}
        </h4>
        <CheckList checks={checks} placed={task.granted.length > 1} />
      </section>
    </div>
  );
}

function verdictText({ verdict }: BundleVerdict, { state, skip }: VerifiedTask): string {
  const word = verdict === "trusted" ? "Trusted" : "Consistent, not trusted";
  if (state === "committed") return `${word}: it ran as granted, and its first commit stands`;
  if (state === "reused") return `${word}: the result of an earlier task, reused by the broker's decision`;
  if (state === "failed") return `${word}: it failed, by its own signed word`;
  const why =
    skip?.kind === "condition-false"
      ? `the condition is false: ${skip.condition}`
      : `${skip?.dependency} is ${skip?.state}`;
  return `${word}: rightly skipped, ${why}`;
}

function PolicyFacts(props: {
  readonly verdict: BundleVerdict;
  readonly measuredAs: string | undefined;
}): JSX.Element | undefined {
  const { run, claims } = props.verdict;
  if (run === undefined) return undefined;
  return (
    <>
      <dt>Policy</dt>
      <dd>
        {claims === undefined ? "" : `of ${claims.domain}, `}epoch {run.policy.epoch}{" "}
        <Whole text={run.policy.digest} />
        {claims === undefined ? undefined : (
          <>
            {" "}
            signed by <Whole text={claims.policySigner} />
          </>
        )}
      </dd>
      {props.measuredAs === undefined ? undefined : (
        <>
          <dt>Accepted as</dt>
          <dd>{props.measuredAs}</dd>
        </>
      )}
    </>
  );
}

function EvidenceFacts(props: {
  readonly evidence: VerifiedEvidence;
  readonly checks: ReturnType<typeof checksOfTask>;
}): JSX.Element {
  const { evidence, checks } = props;
  const { kind, status, advisories, enclave, platform, root, at, digest } = evidence;
  const period = checks
    .flatMap(({ parts = [] }) => parts)
    .find(({ code }) => code === "ATTEST_TCB_INFO_TIME");
  return (
    <>
      <dt>Evidence</dt>
      <dd>
        {kind === "simulated" ? <b>simulated enclave, </b> : "SGX DCAP quote, "}judged at{" "}
        {formatTime(Date.parse(at))} <Whole text={digest} />
      </dd>
      <dt>Root</dt>
      <dd>
        {kind === "simulated" ? "of this project's simulation" : "Intel"} <Whole text={root} />
      </dd>
      <dt>MRENCLAVE</dt>
      <dd>
        <Whole text={enclave.mrEnclave} />
      </dd>
      <dt>MRSIGNER</dt>
      <dd>
        <Whole text={enclave.mrSigner} />
      </dd>
      <dt>Enclave</dt>
      <dd>
        product {enclave.productId}, SVN {enclave.svn}, {enclave.debug ? "debug" : "production mode"}
      </dd>
      <dt>TCB status</dt>
      <dd>
        {status}, level of {platform.tcbDate.slice(0, 10)}
      </dd>
      <dt>Advisories</dt>
      <dd>{advisories.join(", ") || "none open"}</dd>
      <dt>Platform</dt>
      <dd>
        FMSPC <Whole text={platform.fmspc} /> PCEID <Whole text={platform.pceId} /> PPID{" "}
        <Whole text={platform.ppid} />
      </dd>
      <dt>Collateral</dt>
      <dd>
        evaluation {platform.evaluationNumber}
        {period === undefined ? "" : `, good at ${period.expected}`}
      </dd>
    </>
  );
}

function OriginalFacts({ task: { original } }: { readonly task: VerifiedTask }): JSX.Element | undefined {
  if (original === undefined) return undefined;
  return (
    <>
      <dt>Reused from</dt>
      <dd>
        {original.path}, attempt {original.attempt}, of the run registered as{" "}
        <Whole text={original.registration} />
      </dd>
      <dt>Its grant</dt>
      <dd>
        <Whole text={original.grant} />
      </dd>
      <dt>Its statement</dt>
      <dd>
        <Whole text={original.statement} />
      </dd>
    </>
  );
}

function AttemptFacts(props: { readonly attempt: VerifiedAttempt; readonly of: number }): JSX.Element {
  const { attempt, grantedAt, grant, transcript, ended, statement, evidence } = props.attempt;
  return (
    <section>
      <h4>
        Attempt {attempt}
        {props.of > 1 ? ` of ${props.of}` : ""}, {ended ?? "nothing was heard of it"}
      </h4>
      <dl class="facts">
        <dt>Granted</dt>
        <dd>
          {formatTime(Date.parse(grantedAt))} <Whole text={grant} />
        </dd>
        <dt>Transcript</dt>
        <dd>
          <Whole text={transcript} />
        </dd>
        <dt>Statement</dt>
        <dd>{statement === undefined ? "none" : <Whole text={statement} />}</dd>
        {props.of === 1 ? undefined : (
          <>
            <dt>Evidence</dt>
            <dd>
              <EvidenceMark evidence={evidence} /> <Whole text={evidence.digest} />
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

/** Digests and keys are shown whole where they are what the page is about: they are compared by eye and by searching. */
function Whole({ text }: { readonly text: string }): JSX.Element {
  return <span class="mono whole">{text}</span>;
}
