/** Starts recurring runs when they are due. What was started last is stored with the run that it started. */
import { type Clock, isSealflowError, type JsonObject, type JsonValue, type Logger } from "@sealflow/core";
import type { Trigger } from "@sealflow/kfp";
import type { ServerContext } from "../context.js";
import type { JobBody } from "../http/body.js";
import { statusOf } from "../http/problem.js";
import { createRun, jobOf } from "../routes/runs.js";
import { activeStates } from "../runs/supervisor.js";
import type { Entity } from "../store/entities.js";
import { nextTime, readTrigger, type ScheduleState } from "./trigger.js";

/** Longest time between two looks, in milliseconds: the clock may be set, and the machine may sleep. */
const LOOK_AGAIN_MS = 30_000;

/** Errors that pass: the time stays due. */
const passing = new Set(["SERVER_QUEUE_FULL", "SERVER_STOPPING"]);

/** Looks at all enabled schedules when one is due, when one changed, and when a run ended. */
export class Scheduler {
  private readonly context: ServerContext;
  private readonly clock: Clock;
  private readonly log: Logger;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(context: ServerContext, log: Logger) {
    this.context = context;
    this.clock = context.clock;
    this.log = log;
  }

  /** Starts what is due now and waits for what is due next. */
  look(): void {
    if (this.stopped) return;
    clearTimeout(this.timer);
    let wake = LOOK_AGAIN_MS;
    for (const schedule of this.context.entities.all("schedule", { state: ["ENABLED"] })) {
      const next = this.startDue(schedule);
      if (next !== undefined) wake = Math.min(wake, Math.max(10, next - this.clock.now()));
    }
    this.timer = setTimeout(() => this.look(), wake);
    this.timer.unref();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** The time that this schedule waits for; undefined when it waits for a run to end, or for nothing. */
  private startDue(schedule: Entity): number | undefined {
    const { entities } = this.context;
    const most = Number(schedule.body.max_concurrency ?? 1);
    for (let current: Entity | undefined = schedule; current !== undefined; ) {
      const next = nextTime(stateOf(current), this.clock.now());
      if (next === undefined || next > this.clock.now()) return next;
      if (entities.all("run", { origin: current.id, state: activeStates }).length >= most) return undefined;
      if (!this.start(current, next)) return undefined;
      current = entities.get("schedule", current.id);
    }
    return undefined;
  }

  /** False when the run could not be started now and the time stays due. */
  private start(schedule: Entity, scheduledAt: number): boolean {
    const { entities } = this.context;
    const index = Number(schedule.body.started ?? 0) + 1;
    const advanced = { ...schedule.body, last: scheduledAt, started: index };
    try {
      const body = jobBody(schedule, { scheduledAt, now: this.clock.now(), index });
      createRun(this.context, {
        body,
        job: jobOf(entities, body),
        origin: { id: schedule.id, scheduledAt },
        alongside: () => entities.change("schedule", schedule.id, { body: withoutError(advanced) }),
      });
      return true;
    } catch (error) {
      if (!isSealflowError(error)) throw error;
      if (passing.has(error.code)) return false;
      this.log.log("warn", `recurring run ${schedule.displayName}: ${error.message}`, { code: error.code });
      const status = { ...statusOf(error.toJSON()) } as unknown as JsonObject;
      entities.change("schedule", schedule.id, { body: { ...advanced, error: status } });
      return true;
    }
  }
}

function withoutError({ error: _, ...body }: Record<string, JsonValue>): JsonObject {
  return body;
}

function stateOf({ body, createdAt }: Entity): ScheduleState {
  return {
    // The border where the stored trigger becomes typed: it was checked when it was stored.
    trigger: readTrigger(body.trigger as Trigger),
    createdAt,
    last: typeof body.last === "number" ? body.last : undefined,
    catchUp: body.no_catchup !== true,
  };
}

interface Moment {
  readonly scheduledAt: number;
  readonly now: number;
  readonly index: number;
}

/** What the schedule's next run is made of: Kubeflow's words in parameters are filled in. */
function jobBody({ body, parent, displayName, document }: Entity, moment: Moment): JobBody {
  const config = body.runtime_config as { parameters?: JsonObject; pipeline_root?: string } | undefined;
  const parameters = Object.entries(config?.parameters ?? {}).map(([name, value]) => [
    name,
    filledIn(value, moment),
  ]);
  return {
    experiment_id: parent,
    display_name: `${displayName} ${new Date(moment.scheduledAt).toISOString().replace(".000Z", "Z")}`,
    ...(typeof body.description === "string" ? { description: body.description } : {}),
    ...(typeof body.service_account === "string" ? { service_account: body.service_account } : {}),
    runtime_config: { ...config, parameters: Object.fromEntries(parameters) as JsonObject },
    ...(document === null
      ? { pipeline_version_reference: body.pipeline_version_reference as { pipeline_id: string } }
      : { stored_document: document }),
  };
}

/** Source: kubeflow/pipelines, `[[ScheduledTime]]`, `[[CurrentTime]]`, `[[Index]]` of its scheduled workflows. */
function filledIn(value: JsonValue, { scheduledAt, now, index }: Moment): JsonValue {
  if (typeof value !== "string") return value;
  return value
    .replaceAll("[[ScheduledTime]]", compactTime(scheduledAt))
    .replaceAll("[[CurrentTime]]", compactTime(now))
    .replaceAll("[[Index]]", String(index));
}

/** As `20060102150405` is in Go. */
function compactTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace(/\D/g, "");
}
