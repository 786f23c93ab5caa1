import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { html } from "@sealflow/core";
import { areaUnder, classificationPlots, plotOf } from "@sealflow/pipeline";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { drawGraphs } from "../src/report/graph.js";
import { exhibitsOf } from "../src/report/model.js";
import { renderReport } from "../src/report/page.js";
import { cli } from "./support/fake-context.js";
import { recordRun, twoTasks } from "./support/recorded-run.js";
import { artifact, sampleModel, sampleSpec } from "./support/report-model.js";

describe("markup", () => {
  it("escapes whatever is put in, in text and in attributes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const { text: page } = html`<p title="${text}">${text}</p>`;
        expect(
          page
            .slice(3, -4)
            .replace(/&(amp|lt|gt|quot|#39);/g, "")
            .split('">'),
        ).toHaveLength(2);
        expect(page.match(/</g)).toHaveLength(2);
      }),
      { numRuns: 50 },
    );
  });

  it("takes markup, lists and nothing as they are", () => {
    expect(html`<i>${[html`<b>${"&"}</b>`, undefined, 1]}</i>`.text).toBe("<i><b>&amp;</b>1</i>");
  });
});

describe("plots in metadata", () => {
  const [roc, matrix] = classificationPlots({
    confidenceMetrics: {
      list: [
        { confidenceThreshold: 0.5, falsePositiveRate: 0.5, recall: 0.5 },
        { confidenceThreshold: 0.1, falsePositiveRate: 2, recall: 1 },
      ],
    },
    confusionMatrix: {
      struct: {
        annotationSpecs: [{ displayName: "no" }, { displayName: "yes" }],
        rows: [{ row: [5, 1] }, { row: [2, 4] }],
      },
    },
  });

  it("are read from Kubeflow's wrapped form too, and clipped to their range", () => {
    expect(roc).toMatchObject({ kind: "roc", points: [{}, { falsePositiveRate: 1, recall: 1 }] });
    expect(matrix).toEqual({
      kind: "confusion-matrix",
      labels: ["no", "yes"],
      rows: [
        [5, 1],
        [2, 4],
      ],
    });
  });

  it("give one half as the area under the diagonal and one under the perfect curve", () => {
    const perfect = [
      { falsePositiveRate: 0, recall: 1 },
      { falsePositiveRate: 1, recall: 1 },
    ];
    expect(roc?.kind === "roc" && areaUnder(roc)).toBe(0.5);
    expect(areaUnder({ kind: "roc", points: perfect })).toBe(1);
  });

  it.each([
    ["a single point", { confidenceMetrics: [{ falsePositiveRate: 0, recall: 0 }] }],
    [
      "text for numbers",
      {
        confidenceMetrics: [
          { falsePositiveRate: "0", recall: 0 },
          { falsePositiveRate: null, recall: 1 },
        ],
      },
    ],
    [
      "a matrix that is not square",
      { confusionMatrix: { annotationSpecs: [{}, {}], rows: [{ row: [1] }, { row: [1, 2] }] } },
    ],
    [
      "labels that do not match",
      { confusionMatrix: { annotationSpecs: [{}], rows: [{ row: [1, 2] }, { row: [1, 2] }] } },
    ],
    ["negative counts", { confusionMatrix: { annotationSpecs: [{}], rows: [{ row: [-1] }] } }],
    ["no numbers at all", { confusionMatrix: [], confidenceMetrics: 3 }],
  ])("are left out for %s", (_, metadata) => {
    expect(classificationPlots(metadata)).toEqual([]);
  });

  it("never fail on any JSON", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        classificationPlots({ confidenceMetrics: a, confusionMatrix: b } as never);
        plotOf("calibration", { bins: a });
        plotOf("feature-importance", { items: b, label: a });
      }),
      { numRuns: 100 },
    );
  });
});

describe("the report", () => {
  const page = renderReport(sampleModel());

  it("shows outputs, metrics, plots, timings, graph, tasks and parameters", () => {
    const titles = [...page.matchAll(/<h2>(.*?)<\/h2>/g)].map((match) => match[1]);
    expect(titles).toEqual(["Outputs", "Metrics", "Plots", "Task timings", "Graph", "Tasks", "Parameters"]);
    expect(page).toContain('<text class="value"');
    for (const plot of ["ROC curve", "Confusion matrix", "Feature importance", "Calibration"]) {
      expect(page).toContain(`<h3>${plot} <small>`);
    }
  });

  it("loads nothing and runs nothing", () => {
    expect(page).not.toMatch(/<script|<link|@import|url\(|https?:/i);
    expect(page).toContain("default-src &#39;none&#39;");
  });

  it("says nothing twice differently: the same model gives the same page", () => {
    expect(renderReport(sampleModel())).toBe(page);
  });

  it("escapes names, values and errors of a hostile run", () => {
    const evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>';
    const { run, ...rest } = sampleModel();
    const [first] = run.tasks;
    if (first === undefined) throw new Error("the sample has tasks");
    const error = { code: evil, message: evil, hint: evil, where: { file: evil }, data: { traceback: evil } };
    const hostile = {
      ...first,
      path: evil,
      name: evil,
      state: "FAILED" as const,
      outputs: { [evil]: evil },
      error,
      artifacts: {
        [evil]: [
          artifact("system.Metrics", { [evil]: evil }),
          artifact("system.ClassificationMetrics", {
            confusionMatrix: { annotationSpecs: [{ displayName: evil }], rows: [{ row: [1] }] },
          }),
          artifact("system.HTML", {}),
          artifact("system.Markdown", {}),
          artifact("x", {
            "sealflow.plot": { kind: "feature-importance", label: evil, items: [{ name: evil, value: 1 }] },
          }),
          artifact("x", { "sealflow.plot": evil }),
        ],
      },
    };
    const changed = {
      ...run,
      name: evil,
      pipelineName: evil,
      parameters: { [evil]: evil },
      outputs: { [evil]: evil },
      tasks: [hostile],
    };
    const exhibits = exhibitsOf(changed, () => ({ text: evil }));
    const spec = {
      ...sampleSpec,
      root: { dag: { tasks: { [evil]: { componentRef: { name: evil }, taskInfo: { name: evil } } } } },
    };
    const text = renderReport({ ...rest, run: changed, exhibits, spec });
    expect(text).not.toContain("<script");
    expect(text).not.toContain("<img");
    expect(text).toContain("&lt;script&gt;");
  });

  it("puts pages made by tasks into a frame without any right", () => {
    const run = { ...sampleModel().run };
    const [first] = run.tasks;
    if (first === undefined) throw new Error("the sample has tasks");
    const tasks = [{ ...first, artifacts: { page: [artifact("system.HTML", {})] } }];
    const exhibits = exhibitsOf({ ...run, tasks }, () => ({ text: "<b>own</b>" }));
    expect(exhibits).toEqual([{ title: "load-data / page", content: { kind: "page", html: "<b>own</b>" } }]);
    const text = renderReport({ ...sampleModel(), exhibits });
    expect(text).toContain('<iframe sandbox="" referrerpolicy="no-referrer"');
    expect(text).toContain('srcdoc="&lt;b&gt;own&lt;/b&gt;"');
  });
});

describe("the graph", () => {
  it("draws the pipeline and each DAG in it, with states over all iterations", () => {
    const drawings = drawGraphs(sampleSpec, sampleModel().run.tasks);
    expect(drawings.map(({ title }) => title)).toEqual(["", "for-loop-1"]);
    const [whole] = drawings;
    expect(whole?.drawing.text.match(/class="node succeeded"/g)).toHaveLength(6);
    expect(whole?.drawing.text.match(/class="node skipped"/g)).toHaveLength(1);
    expect(whole?.drawing.text.match(/class="edge"/g)).toHaveLength(16);
  });
});

describe("sealflow report", () => {
  const id = "018bcfe5-6800-7000-8000-0000000000aa";
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "sealflow-report-"));
    const importance = join(directory, "importance.json");
    writeFileSync(importance, '{"label":"gain","items":[{"name":"income","value":3.5}]}');
    const events = twoTasks(id).map((event) =>
      event.type === "task-finished" && event.path === "train" && event.outputs !== undefined
        ? {
            ...event,
            outputs: {
              ...event.outputs,
              artifacts: {
                plot: [
                  artifact(
                    "system.Dataset",
                    { "sealflow.plot": "feature-importance" },
                    pathToFileURL(importance).href,
                  ),
                ],
                gone: [artifact("system.Markdown", {}, "file:///nowhere/at/all")],
              },
            },
          }
        : event,
    );
    recordRun(join(directory, ".sealflow"), id, events);
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it("writes the page into the store and prints where", async () => {
    const { stdout, exitCode } = await cli(["report", "latest"], { cwd: directory });
    const file = join(directory, ".sealflow", "reports", `${id}.html`);
    expect([stdout, exitCode]).toEqual([`${file}\n`, 0]);
    const page = readFileSync(file, "utf8");
    expect(page).toContain("Feature importance (gain)");
    expect(page).toContain("not shown: its file is gone");
  });

  it("writes where it is told, or to standard output", async () => {
    expect((await cli(["report", "-o", "r.html", "--json"], { cwd: directory })).stdout).toBe(
      `${JSON.stringify({ runId: id, file: join(directory, "r.html") })}\n`,
    );
    expect(existsSync(join(directory, "r.html"))).toBe(true);
    expect((await cli(["report", "-o", "-"], { cwd: directory })).stdout).toMatch(/^<!doctype html>/);
  });

  it("says which file it could not write", async () => {
    const { stderr, exitCode } = await cli(["report", "-o", "/dev/null/r.html"], { cwd: directory });
    expect(stderr).toContain("error[CLI_FILE_UNWRITABLE]: /dev/null/r.html");
    expect(exitCode).toBe(2);
  });
});
