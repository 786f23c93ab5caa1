/** The verdict on a run's bundle for people: the chain from the outputs back to the data, as a tree. */
import type { JsonValue } from "@sealflow/core";
import type { BundleVerdict, VerifiedRun, VerifiedTask } from "@sealflow/trust";
import type { FoundArtifact } from "../commands/verify.js";
import type { Style } from "./style.js";
import { truncate, visible } from "./text.js";

/** What is shown. */
export interface ShownVerdict {
  readonly verdict: BundleVerdict;
  readonly artifacts: readonly FoundArtifact[];
  /** Where the anchors came from. */
  readonly trustFile?: string;
}

/** One line of a tree and what is under it. */
interface Branch {
  readonly line: string;
  readonly under: readonly Branch[];
}

/** The whole text; ends with a line break. */
export function renderVerdict(shown: ShownVerdict, style: Style): string {
  const { verdict } = shown;
  const run = verdict.run === undefined ? [] : [...runLines(verdict.run, style), ""];
  return [
    ...run,
    ...checkLines(shown, style),
    ...laterLines(shown, style),
    ...endLines(shown, style),
    "",
  ].join("\n");
}

function runLines(run: VerifiedRun, style: Style): string[] {
  const head = [
    `${style.bold(visible(run.pipeline))}  run ${run.runId}  ${run.state}`,
    `submitted by ${visible(run.submitter)}, registered ${run.registeredAt}, finished ${run.finishedAt}`,
    `policy ${short(run.policy.digest)} epoch ${run.policy.epoch}   pipeline ${short(run.spec)}`,
    `parameters ${value(run.parameters)}`,
    "",
  ];
  return [...head, ...treeOf(run, style).flatMap((branch) => drawn(branch, "", ""))];
}

/** Tasks that nothing comes after, each over what it read, back to the data. What was shown already is only named. */
function treeOf(run: VerifiedRun, style: Style): Branch[] {
  const byPath = new Map(run.tasks.map((task) => [task.path, task]));
  const read = new Set(run.tasks.flatMap((task) => sourcesOf(task).flatMap(({ from }) => from ?? [])));
  const seen = new Set<string>();
  const branch = (task: VerifiedTask): Branch => {
    if (seen.has(task.path)) return { line: `${visible(task.path)} ${style.dim("(above)")}`, under: [] };
    seen.add(task.path);
    const sources = sourcesOf(task);
    const makers = [...new Set(sources.flatMap(({ from }) => from ?? []))];
    const external = sources.filter(({ from }) => from === null);
    const under = [
      ...detailsOf(task, style).map((line) => ({ line, under: [] })),
      ...makers.flatMap((path) => {
        const maker = byPath.get(path);
        return maker === undefined ? [] : [branch(maker)];
      }),
      ...external.map(({ digest }) => ({
        line: `${style.cyan("input")} ${inputName(run, digest)} ${short(digest)}`,
        under: [],
      })),
    ];
    return { line: titleOf(task, style), under };
  };
  return run.tasks.filter(({ path }) => !read.has(path)).map(branch);
}

function sourcesOf({ inputs }: VerifiedTask) {
  return Object.values(inputs?.artifacts ?? {}).flat();
}

function inputName({ inputs }: VerifiedRun, digest: string): string {
  return visible(Object.entries(inputs).find(([, each]) => each === digest)?.[0] ?? "?");
}

function titleOf(task: VerifiedTask, style: Style): string {
  const states = {
    committed: style.green("ok"),
    reused: style.green("reused"),
    failed: style.red("failed"),
    skipped: style.dim("skipped"),
  };
  const attempts = task.attempts > 1 ? `, ${task.attempts} attempts` : "";
  return `${states[task.state]} ${style.bold(visible(task.path))}${attempts}`;
}

function detailsOf(task: VerifiedTask, style: Style): string[] {
  const { component, evidence, outputs, skip, error, original } = task;
  const kind = evidence?.kind === "simulated" ? style.yellow("SIMULATED enclave") : "SGX enclave";
  const parameters = Object.entries(outputs?.parameters ?? {}).map(([name, each]) =>
    each.value === undefined ? `${visible(name)} hidden` : `${visible(name)} = ${value(each.value)}`,
  );
  const artifacts = Object.entries(outputs?.artifacts ?? {}).flatMap(([name, list]) =>
    list.map(({ digest, type, metadata }) => {
      const shown = metadata === undefined || Object.keys(metadata).length === 0 ? "" : ` ${value(metadata)}`;
      return `made ${visible(name)} ${short(digest)} ${style.dim(visible(type))}${shown}`;
    }),
  );
  return [
    ...(component === undefined
      ? []
      : [
          `${kind} ${short(evidence?.mrEnclave ?? "")}, ${visible(component.name)} ${short(component.digest)}, TCB ${evidence?.status ?? "unknown"} at ${evidence?.at ?? "?"}`,
        ]),
    ...(original === undefined
      ? []
      : [`from ${visible(original.path)} of the run registered as ${short(original.registration)}`]),
    ...(skip === undefined
      ? []
      : [
          visible(
            skip.kind === "condition-false"
              ? `the condition is false: ${skip.condition}`
              : `${skip.dependency} is ${skip.state}`,
          ),
        ]),
    ...(error === undefined ? [] : [visible(error)]),
    ...parameters,
    ...artifacts,
  ];
}

function drawn({ line, under }: Branch, lead: string, rest: string): string[] {
  const last = under.length - 1;
  return [
    `${lead}${line}`,
    ...under.flatMap((each, i) =>
      drawn(each, `${rest}${i === last ? "└─ " : "├─ "}`, `${rest}${i === last ? "   " : "│  "}`),
    ),
  ];
}

/** The checks in groups: how many of each place held, and the one that did not. */
function checkLines({ verdict, artifacts }: ShownVerdict, style: Style): string[] {
  const passed = verdict.checks.filter((check) => check.passed);
  // A long run has many entries: what matters of those that hold is that they do.
  const placeOf = ({ where }: { readonly where: string }) => where.replace(/^log entry \d+$/, "log entries");
  const places = [...new Set(passed.map(placeOf))];
  const groups = places.map((where) => {
    const count = passed.filter((check) => placeOf(check) === where).length;
    return `${style.green("ok")}  ${visible(where)}: ${count} check${count === 1 ? "" : "s"}`;
  });
  const failed = verdict.checks
    .filter((check) => !check.passed)
    .flatMap(({ what, where, code, expected, got }) => [
      `${style.red("REFUSED")}  ${visible(where)}: ${what} (${code})`,
      `  expected ${truncate(visible(expected), 400)}`,
      `  got ${truncate(visible(got), 400)}`,
    ]);
  const named = artifacts.flatMap(({ file, as }) =>
    as === undefined ? [] : [`${visible(file)} is ${visible(as)}`],
  );
  return [...groups, ...failed, ...named];
}

/** What newer collateral says against evidence that counted when the run was made. */
function laterLines({ verdict: { run } }: ShownVerdict, style: Style): string[] {
  if (run?.later === undefined) return [];
  if (run.later.length === 0) return ["newer collateral says nothing against the run's evidence"];
  return run.later.map(
    ({ where, code, status }) =>
      `${style.yellow("SINCE THEN")}  ${visible(where)}: its evidence would be refused now (${code}, TCB ${status ?? "unknown"})`,
  );
}

function endLines({ verdict, trustFile }: ShownVerdict, style: Style): string[] {
  const simulated =
    verdict.run?.simulated === true ? [style.yellow("SIMULATED: protects against nothing but mistakes")] : [];
  if (verdict.verdict === "trusted")
    return [...simulated, `${style.green("trusted")} under ${visible(trustFile ?? "the anchors")}`];
  if (verdict.verdict === "refused") return [style.red(`refused ${verdict.code}`)];
  const { claims } = verdict;
  return [
    ...simulated,
    style.yellow("consistent, not trusted"),
    `nothing says whose word counts; the bundle claims broker ${short(claims?.brokerKey ?? "")}, policy signer ${short(claims?.policySigner ?? "")}`,
    "give --trust FILE, or keep trust.yaml in the project",
  ];
}

function value(of: JsonValue): string {
  return truncate(visible(JSON.stringify(of)), 120);
}

/** Enough of a digest or key to compare by eye. */
function short(text: string): string {
  const hex = text.startsWith("sha256:") ? text.slice("sha256:".length) : text;
  return hex.length > 16 ? `${hex.slice(0, 16)}…` : hex;
}
