/** The verdict on a run's bundle for people: the chain from the outputs back to the data, as a tree. */
import type { JsonValue } from "@sealflow/core";
import type { BundleVerdict, VerifiedRun, VerifiedTask } from "@sealflow/trust";
import type { FoundArtifact } from "../commands/verify.js";
import type { Style } from "./style.js";
import { truncate, visible, wrapLine } from "./text.js";

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

/** Columns of a terminal that nobody has made wider. */
const columns = 80;

/** The whole text, in lines of at most 80 characters; ends with a line break. */
export function renderVerdict(shown: ShownVerdict, style: Style): string {
  const { verdict } = shown;
  const run = verdict.run === undefined ? [] : [...runLines(verdict.run, style), ""];
  const end = [...laterLines(shown, style), ...endLines(shown, style)];
  return [...run, ...checkLines(shown, style), ...end.flatMap((line) => fitted(line)), ""].join("\n");
}

/** A line on as many lines as it needs, those after the first further in. */
function fitted(line: string, indent = "    "): string[] {
  return wrapLine(line, { first: "", rest: indent, width: columns });
}

function runLines(run: VerifiedRun, style: Style): string[] {
  const head = [
    `${style.bold(visible(run.pipeline))}  run ${run.runId}  ${run.state}`,
    `submitted by ${visible(run.submitter)}, registered ${run.registeredAt}, finished ${run.finishedAt}`,
    `policy ${short(run.policy.digest)} epoch ${run.policy.epoch}   pipeline ${short(run.spec)}`,
    `parameters ${value(run.parameters)}`,
    "",
  ];
  const lines = head.flatMap((line) => fitted(line));
  return [...lines, ...treeOf(run, style).flatMap((branch) => drawn(branch, "", ""))];
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
  const further = `${rest}${under.length > 0 ? "│ " : "  "}`;
  return [
    ...wrapLine(line, { first: lead, rest: further, width: columns }),
    ...under.flatMap((each, i) =>
      drawn(each, `${rest}${i === last ? "└─ " : "├─ "}`, `${rest}${i === last ? "   " : "│  "}`),
    ),
  ];
}

/** Every check by its place, alike places together, and the one that did not hold. */
function checkLines({ verdict, artifacts }: ShownVerdict, style: Style): string[] {
  const passed = verdict.checks.filter((check) => check.passed);
  // A long run has many entries, each of which is checked in the same way.
  const placeOf = ({ where }: { readonly where: string }) => where.replace(/^log entry \d+$/, "log entries");
  const byChecks = new Map<string, string[]>();
  for (const where of new Set(passed.map(placeOf))) {
    const checks = listed(passed.filter((check) => placeOf(check) === where));
    byChecks.set(checks, [...(byChecks.get(checks) ?? []), visible(where)]);
  }
  const groups = [...byChecks].map(
    ([checks, places]) => `${style.green("ok")}  ${places.join("; ")}: ${checks}`,
  );
  const failed = verdict.checks
    .filter((check) => !check.passed)
    .flatMap(({ what, where, code, expected, got }) => [
      `${style.red("REFUSED")}  ${visible(where)}: ${visible(what)} (${code})`,
      `  expected ${truncate(visible(expected), 400)}`,
      `  got ${truncate(visible(got), 400)}`,
    ]);
  const named = artifacts.flatMap(({ file, as }) =>
    as === undefined ? [] : [`${visible(file)} is ${visible(as)}`],
  );
  return [...groups, ...failed, ...named].flatMap((line) => fitted(line));
}

/** What was checked, each once: how often, and of how many checks it consists. The tree says which evidence it was. */
function listed(checks: BundleVerdict["checks"]): string {
  const whatOf = ({ what }: { readonly what: string }) =>
    what.replace(/^genuine evidence of .*$/, "genuine evidence of its component at that time");
  const whats = [...new Set(checks.map(whatOf))];
  return whats
    .map((what) => {
      const same = checks.filter((check) => whatOf(check) === what);
      const parts = same.flatMap((check) => check.parts ?? []).length;
      const times = same.length > 1 ? ` ×${same.length}` : "";
      return `${visible(what)}${times}${parts > 0 ? ` (${parts} checks)` : ""}`;
    })
    .join("; ");
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
