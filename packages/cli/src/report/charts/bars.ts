/** Horizontal bars: feature importance and task timings. */

import { html, type Markup } from "@sealflow/core";
import type { TaskSummary } from "@sealflow/engine";
import type { FeatureImportance } from "@sealflow/pipeline";
import { formatNumber } from "../../render/run.js";
import { endOf, formatDuration, truncate } from "../../render/text.js";
import { round } from "./unit-square.js";

const width = 480;
const rowHeight = 22;
/** Of the widest usual interface font at 12 px: names must not run out of the picture. */
const charWidth = 7.4;
const longestName = 32;

function nameColumn(names: readonly string[]): number {
  const longest = Math.max(0, ...names.map((name) => Math.min(name.length, longestName)));
  return round(12 + longest * charWidth);
}

/** Bars in falling order. */
export function drawImportance({ items, label }: FeatureImportance): Markup {
  const left = nameColumn(items.map(({ name }) => name));
  const room = width - left - 64;
  const largest = Math.max(...items.map(({ value }) => Math.abs(value))) || 1;
  const rows = items.map(({ name, value }, index) => {
    const top = index * rowHeight;
    const length = Math.max(1, round((Math.abs(value) / largest) * room));
    return html`<text class="name" x="${left - 6}" y="${top + 15}" text-anchor="end">${truncate(name, longestName)}<title>${name}</title></text>
<rect class="bar" x="${left}" y="${top + 4}" width="${length}" height="${rowHeight - 8}" rx="2"/>
<text class="tick" x="${left + length + 5}" y="${top + 15}">${formatNumber(value)}</text>`;
  });
  const title = `Feature importance (${label})`;
  return html`<svg viewBox="0 0 ${width} ${items.length * rowHeight}" role="img" aria-label="${title}"><title>${title}</title>${rows}</svg>`;
}

interface Span {
  readonly task: TaskSummary;
  readonly start: number;
  readonly end: number;
}

function spans(tasks: readonly TaskSummary[]): Span[] {
  return tasks
    .flatMap((task) =>
      task.startTime === null || task.endTime === null
        ? []
        : [{ task, start: Date.parse(task.startTime), end: Date.parse(task.endTime) }],
    )
    .sort((a, b) => a.start - b.start || a.end - b.end);
}

/** When each task ran. Undefined when none did. */
export function drawTimings(tasks: readonly TaskSummary[]): Markup | undefined {
  const shown = spans(tasks).slice(0, 200);
  const [first] = shown;
  if (first === undefined) return undefined;
  const end = Math.max(...shown.map((span) => span.end));
  const left = nameColumn(shown.map(({ task }) => task.path));
  const full = 880;
  const room = full - left - 76;
  const scale = (time: number) =>
    round(left + ((time - first.start) / Math.max(1, end - first.start)) * room);
  const rows = shown.map((span, index) => {
    const { task } = span;
    const top = index * rowHeight;
    const [from, to] = [scale(span.start), Math.max(scale(span.end), scale(span.start) + 2)];
    const took = task.cached ? "cached" : formatDuration(span.end - span.start);
    return html`<text class="name" x="${left - 6}" y="${top + 15}" text-anchor="end">${endOf(task.path, longestName)}<title>${task.path}</title></text>
<rect class="bar ${task.cached ? "cached" : task.state.toLowerCase()}" x="${from}" y="${top + 4}" width="${round(to - from)}" height="${rowHeight - 8}" rx="2"><title>${task.path}: ${task.state}, ${took}</title></rect>
<text class="tick" x="${to + 5}" y="${top + 15}">${took}</text>`;
  });
  return html`<svg viewBox="0 0 ${full} ${shown.length * rowHeight}" role="img" aria-label="Task timings"><title>Task timings</title>${rows}</svg>`;
}
