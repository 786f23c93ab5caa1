/** The report as one HTML page that needs nothing else. */
import type { ErrorBody, JsonValue } from "@sealflow/core";
import { html, type Markup, renderMarkdown } from "@sealflow/core";
import type { TaskSummary } from "@sealflow/engine";
import type { Plot } from "@sealflow/pipeline";
import { formatLocation } from "../render/error.js";
import { formatNumber, simulatedNote, taskDuration } from "../render/run.js";
import { formatDuration } from "../render/text.js";
import { drawImportance, drawTimings } from "./charts/bars.js";
import { drawConfusionMatrix } from "./charts/confusion-matrix.js";
import { drawCalibration, drawRoc } from "./charts/unit-square.js";
import { drawGraphs } from "./graph.js";
import type { Exhibit, ReportModel } from "./model.js";
import { styleSheet } from "./style.js";

/** What the page and the pages inside it may load: nothing but their own styles and inline images. */
const policy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/** Renders the page. Deterministic: the same model gives the same text. */
export function renderReport(model: ReportModel): string {
  const { run } = model;
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>${run.name} · ${run.state}</title>
<style>${styleSheet}</style></head><body><main>
${header(model)}${errors(model)}${outputs(model)}${metrics(model)}${plots(model)}${timings(model)}${graphs(model)}${documents(model)}${tasks(model)}${parameters(model)}
<footer>Made by Sealflow from the record of run <span class="mono">${run.runId}</span> at ${model.madeAt}</footer>
</main></body></html>
`;
  return page.text;
}

function section(title: string, content: Markup | readonly Markup[] | undefined): Markup | undefined {
  if (content === undefined || (Array.isArray(content) && content.length === 0)) return undefined;
  return html`<section><h2>${title}</h2>${content}</section>`;
}

function header({ run }: ReportModel): Markup {
  const elapsed = run.endTime === null ? undefined : Date.parse(run.endTime) - Date.parse(run.createTime);
  const cached = run.tasks.filter((task) => task.cached).length;
  const facts = [
    `pipeline ${run.pipelineName}`,
    `created ${run.createTime.slice(0, 19).replace("T", " ")} UTC`,
    ...(elapsed === undefined ? [] : [`took ${formatDuration(elapsed)}`]),
    `${run.tasks.length} tasks${cached > 0 ? `, ${cached} of them cached` : ""}`,
  ];
  return html`<h1>${run.name}<span class="state ${run.state.toLowerCase()}">${run.state}</span></h1>
<p class="soft">${facts.join(" · ")}</p>${run.sealed === undefined ? undefined : html`<p><b>${simulatedNote}</b></p>`}`;
}

function errors({ run }: ReportModel): Markup | undefined {
  const failed = run.tasks.flatMap(({ path, error }) => (error === undefined ? [] : [{ path, error }]));
  const own = run.error !== undefined && failed.length === 0 ? [{ path: "run", error: run.error }] : [];
  return section(
    "Errors",
    [...failed, ...own].map(
      ({ path, error }) => html`<div class="card error"><h3>${path}</h3>${errorContent(error)}</div>`,
    ),
  );
}

function errorContent(error: ErrorBody): Markup {
  const where = formatLocation(error.where);
  const traceback = error.data?.traceback;
  return html`<p><code>${error.code}</code> ${error.message}</p>${where === undefined ? undefined : html`<p class="soft">${where}</p>`}${error.hint === undefined ? undefined : html`<p>${error.hint}</p>`}${typeof traceback === "string" ? html`<details><summary>Traceback</summary><pre>${traceback}</pre></details>` : undefined}`;
}

function tile([name, value]: readonly [string, JsonValue]): Markup {
  return html`<div class="tile"><b>${shownValue(value)}</b><span>${name}</span></div>`;
}

function shownValue(value: JsonValue): string {
  if (typeof value === "number") return formatNumber(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}

function outputs({ run }: ReportModel): Markup | undefined {
  const entries = Object.entries(run.outputs);
  return section(
    "Outputs",
    entries.length === 0 ? undefined : html`<div class="tiles">${entries.map(tile)}</div>`,
  );
}

function metrics({ exhibits }: ReportModel): Markup | undefined {
  const cards = exhibits.flatMap(({ title, content }) =>
    content.kind === "metrics"
      ? [html`<div class="card"><h3>${title}</h3>${valuesTable(content.values)}</div>`]
      : [],
  );
  return section("Metrics", cards.length === 0 ? undefined : html`<div class="cards">${cards}</div>`);
}

function valuesTable(values: Readonly<Record<string, JsonValue>>): Markup {
  const rows = Object.entries(values).map(
    ([name, value]) =>
      html`<tr><th scope="row">${name}</th><td class="number">${shownValue(value)}</td></tr>`,
  );
  return html`<table><tbody>${rows}</tbody></table>`;
}

const plotTitles: Readonly<Record<Plot["kind"], string>> = {
  roc: "ROC curve",
  "confusion-matrix": "Confusion matrix",
  "feature-importance": "Feature importance",
  calibration: "Calibration",
};

function draw(plot: Plot): Markup {
  switch (plot.kind) {
    case "roc":
      return drawRoc(plot);
    case "confusion-matrix":
      return drawConfusionMatrix(plot);
    case "feature-importance":
      return drawImportance(plot);
    case "calibration":
      return drawCalibration(plot);
  }
}

function plots({ exhibits }: ReportModel): Markup | undefined {
  const cards = exhibits.flatMap(({ title, content }) =>
    content.kind === "plot"
      ? [
          html`<div class="card"><h3>${plotTitles[content.plot.kind]} <small>${title}</small></h3><div class="scroll">${draw(content.plot)}</div></div>`,
        ]
      : [],
  );
  return section("Plots", cards.length === 0 ? undefined : html`<div class="cards">${cards}</div>`);
}

function timings({ run }: ReportModel): Markup | undefined {
  const drawing = drawTimings(run.tasks);
  return section(
    "Task timings",
    drawing === undefined ? undefined : html`<div class="card scroll timings">${drawing}</div>`,
  );
}

function graphs({ spec, run }: ReportModel): Markup | undefined {
  if (spec === undefined) return undefined;
  const drawings = drawGraphs(spec, run.tasks).map(
    ({ title, drawing }) =>
      html`<div class="card wide">${title === "" ? undefined : html`<h3>${title}</h3>`}<div class="scroll">${drawing}</div></div>`,
  );
  return section("Graph", drawings.length === 0 ? undefined : html`<div class="cards">${drawings}</div>`);
}

/** Pages and texts that tasks wrote. A page is shown in a frame without scripts, forms, links or network. */
function documents({ exhibits }: ReportModel): Markup | undefined {
  const cards = exhibits.flatMap(({ title, content }) => {
    const body = documentBody(content);
    return body === undefined ? [] : [html`<div class="card wide"><h3>${title}</h3>${body}</div>`];
  });
  return section("Documents", cards.length === 0 ? undefined : html`<div class="cards">${cards}</div>`);
}

function documentBody(content: Exhibit["content"]): Markup | undefined {
  if (content.kind === "page") {
    return html`<iframe sandbox="" referrerpolicy="no-referrer" title="page made by a task" srcdoc="${content.html}"></iframe>`;
  }
  if (content.kind === "text") return renderMarkdown(content.text);
  return content.kind === "missing" ? html`<p class="soft">not shown: ${content.reason}</p>` : undefined;
}

function tasks({ run }: ReportModel): Markup | undefined {
  const rows = run.tasks.map(taskRow);
  return section(
    "Tasks",
    rows.length === 0
      ? undefined
      : html`<div class="card scroll"><table><thead><tr><th>Task</th><th>State</th><th>Time</th><th>Outputs</th></tr></thead><tbody>${rows}</tbody></table></div>`,
  );
}

function taskRow(task: TaskSummary): Markup {
  const values = Object.entries(task.outputs).map(
    ([name, value]) => html`<div class="mono">${name} = ${shownValue(value)}</div>`,
  );
  const artifacts = Object.entries(task.artifacts).flatMap(([name, list]) =>
    list.map(
      ({ type, digest }) =>
        html`<div class="mono">${name} <small>${type.schemaTitle ?? type.schemaUri ?? ""} ${digest?.slice(0, 19)}</small></div>`,
    ),
  );
  return html`<tr><td class="mono">${task.path}</td><td class="${task.state.toLowerCase()}">${task.state}</td><td>${taskDuration(task)}</td><td>${values}${artifacts}</td></tr>`;
}

function parameters({ run }: ReportModel): Markup | undefined {
  if (Object.keys(run.parameters).length === 0) return undefined;
  return section("Parameters", html`<div class="card">${valuesTable(run.parameters)}</div>`);
}
