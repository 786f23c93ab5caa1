/** Plans, reports and findings as text. */
import type {
  Action,
  Change,
  CostReport,
  DestroyPlan,
  DriftReport,
  Plan,
  PreflightReport,
  PropertyChange,
  StatusReport,
} from "@sealflow/azure";
import type { Style } from "../../render/style.js";
import { formatColumns, truncate, visible } from "../../render/text.js";

const signs: Readonly<Record<Action, string>> = {
  create: "+",
  update: "~",
  replace: "±",
  delete: "-",
  unchanged: " ",
  attached: " ",
};

function paint(action: Action, style: Style): (text: string) => string {
  if (action === "create") return style.green;
  if (action === "delete") return style.red;
  if (action === "unchanged" || action === "attached") return style.dim;
  return style.yellow;
}

/** The plan, resource by resource and property by property, and its sum. */
export function formatPlan(plan: Plan, style: Style): string {
  const blocks = plan.changes.map((change) => formatChange(change, style));
  const notices = plan.notices.map((notice) => `${style.yellow("note:")} ${visible(notice)}\n`);
  return `${blocks.join("")}${notices.join("")}${sumOf(plan)}\n`;
}

function formatChange(change: Change, style: Style): string {
  const { action, address, reason } = change;
  const head = `${signs[action]} ${action.padEnd(9)} ${visible(address)}`;
  const why = reason === undefined ? "" : style.dim(`  (${visible(reason)})`);
  const lines =
    action === "create"
      ? createdLines(change)
      : [...changedLines(change.properties), ...retiredLines(change)];
  return `${paint(action, style)(head)}${why}\n${lines.map((line) => `      ${line}\n`).join("")}`;
}

function createdLines({ properties }: Change): string[] {
  return formatColumns(properties.map(({ path, after }) => [visible(path), shown(after)]))
    .split("\n")
    .filter((line) => line !== "");
}

function changedLines(properties: readonly PropertyChange[]): string[] {
  return properties.map(({ path, before, after, change }) => {
    const mark = change === "replace" ? "  needs a replacement" : "";
    return `${visible(path)}: ${shown(before)} → ${shown(after)}${mark}`;
  });
}

function retiredLines({ action, id, write, retires = [] }: Change): string[] {
  const old = retires.map(({ name }) => visible(name)).join(", ");
  if (action !== "replace" || old === "") return [];
  const made = write === "create" ? `pool ${visible(id.split("/").at(-1) ?? "")} is made first; then ` : "";
  return [`${made}${old} is drained and deleted`];
}

function shown(value: unknown): string {
  if (value === undefined) return "(not set)";
  if (typeof value === "object" && value !== null && "$ref" in value)
    return `(known after ${String(value.$ref)})`;
  if (value === "") return '"" (the service decides)';
  return truncate(visible(typeof value === "string" ? value : JSON.stringify(value)), 96);
}

function sumOf({ changes }: Plan): string {
  const count = (action: Action) => changes.filter((change) => change.action === action).length;
  const parts = (["create", "update", "replace", "delete"] as const)
    .map((action) => [action, count(action)] as const)
    .filter(([, number]) => number > 0)
    .map(([action, number]) => `${number} to ${action}`);
  return parts.length === 0 ? "No changes: what is there is as configured." : `${parts.join(", ")}.`;
}

/** Findings of a preflight, the worst last. */
export function formatPreflight({ ready, findings }: PreflightReport, style: Style): string {
  const words = {
    ok: style.green("ok     "),
    warning: style.yellow("warning"),
    failed: style.red("failed "),
    unknown: style.yellow("unknown"),
  };
  const order = ["ok", "warning", "unknown", "failed"];
  const sorted = [...findings].sort((a, b) => order.indexOf(a.status) - order.indexOf(b.status));
  const lines = sorted.map(({ check, status, message, mend }) => {
    const hint = mend === undefined ? "" : `         ${style.cyan("mend:")} ${visible(mend)}\n`;
    return `${words[status]}  ${check.padEnd(12)} ${visible(message)}\n${hint}`;
  });
  return `${lines.join("")}${ready ? "Ready." : "Not ready: mend what failed."}\n`;
}

/** Drift as text. */
export function formatDrift({ drifted }: DriftReport, style: Style): string {
  if (drifted.length === 0) return "No drift: what is there is as configured.\n";
  return drifted
    .map(({ kind, address, properties, reason }) => {
      const why = reason === undefined ? "" : style.dim(`  (${visible(reason)})`);
      const lines = properties.map(
        ({ path, before, after }) =>
          `      ${visible(path)}: is ${shown(before)}, configured ${shown(after)}\n`,
      );
      return `${style.yellow(kind.padEnd(10))} ${visible(address)}${why}\n${lines.join("")}`;
    })
    .join("");
}

/** The bill as text. */
export function formatCost(report: CostReport, style: Style): string {
  const rows = report.lines.map(({ address, what, quantity, hourly, source }) => [
    address,
    what,
    `${quantity} ×`,
    `${hourly.toFixed(4)}`,
    `${(hourly * quantity * 730).toFixed(2)}`,
    source,
  ]);
  const head = ["", "what", "", "USD/h", "USD/month", "price from"];
  const unknown = report.unknown.map(
    (what) => `${style.yellow("note:")} no price known for ${visible(what)}\n`,
  );
  const notes = report.notes.map((note) => `${style.dim(`note: ${visible(note)}`)}\n`);
  const sum = `${style.bold(`${report.hourly.toFixed(4)} USD an hour, ${report.monthly.toFixed(2)} USD a month`)} (730 h) in ${report.location}\n`;
  return `${formatColumns([head, ...rows])}${sum}${unknown.join("")}${notes.join("")}`;
}

/** States as text. */
export function formatStatus(report: StatusReport, style: Style, now: number): string {
  const rows = report.resources.map(({ address, state, details }) => [
    visible(address),
    state,
    Object.entries(details)
      .map(([name, value]) => `${name}=${visible(String(value))}`)
      .join(" "),
  ]);
  const marks = {
    sgx: "sgx",
    "sev-snp": "sev-snp (node-level; its evidence is not yet verified)",
    none: "none",
  };
  const head = `${style.bold(visible(report.deployment))}  confidential: ${marks[report.confidential]}${report.stopped ? `  ${style.yellow("stopped")}` : ""}\n`;
  const inFlight = report.inFlight.map(({ address, method, since }) => {
    return `${style.yellow("in flight:")} ${method} of ${visible(address)}, begun ${Math.round((now - since) / 1000)} s ago; apply picks it up\n`;
  });
  return head + formatColumns(rows) + inFlight.join("");
}

/** What a destroy deletes. */
export function formatDestroy({ extent, deletions, includes, foreign }: DestroyPlan, style: Style): string {
  if (extent === "nothing") return "Nothing here carries this deployment's tag.\n";
  const lines = deletions.map(
    ({ address, id }) => `${style.red(`- delete    ${visible(address)}`)}  ${style.dim(visible(id))}\n`,
  );
  const along = extent === "group" ? includes.map((id) => `      with ${visible(id)}\n`) : [];
  const others = foreign.map(
    (id) =>
      `${style.yellow(extent === "group" ? "of others, deleted too:" : "of others, left alone:")} ${visible(id)}\n`,
  );
  return [...lines, ...along, ...others].join("");
}
