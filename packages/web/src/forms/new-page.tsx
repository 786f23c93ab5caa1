/** Start a run, or schedule runs: of a run that was, or of an uploaded pipeline. */
import { useSignal } from "@preact/signals";
import type { JsonObject } from "@sealflow/core";
import { type JobSource, readRunRecord } from "@sealflow/kfp";
import type { PipelineSpec } from "@sealflow/pipeline";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { api, messageOf, server } from "../api/client.js";
import { refreshRuns } from "../api/live-runs.js";
import { useReader } from "../api/resource.js";
import { navigate, query } from "../app/router.js";
import { useTitle } from "../app/shell.js";
import { Bones, Loaded } from "../parts/blank.js";
import { Icon } from "../parts/icon.js";
import { say } from "../parts/toast.js";
import { specIn } from "../run/data.js";
import { emptyRun, withEvents } from "../run/model.js";
import { fieldsOfSpec, readForm, type Written, writtenFrom } from "./fields.js";
import { ParameterFields } from "./parameter-fields.js";
import { firstTrigger, readTrigger, type WrittenTrigger } from "./trigger.js";
import { TriggerFields } from "./trigger-fields.js";
import "../style/forms.css";

/** What a new run is made of. */
interface Source {
  readonly title: string;
  readonly name: string;
  readonly job: JobSource;
  readonly spec: PipelineSpec;
  /** Parameters of the run that is run again. */
  readonly before?: JsonObject;
}

async function sourceOf(
  run: string | null,
  pipeline: string | null,
  version: string | null,
): Promise<Source> {
  if (run !== null) {
    const record = await readRunRecord(server, run);
    const spec = specIn(record.document);
    if (withEvents(emptyRun, record.events ?? []).sealed) {
      throw new Error("This run was sealed. This server has no key to seal with: use sealflow run --sealed.");
    }
    if (spec === undefined || record.document === undefined)
      throw new Error("The pipeline's document is gone.");
    return {
      ...{ title: `Run ${record.row.display_name} again`, name: `${record.row.display_name} (again)` },
      ...{ job: { pipeline_spec: record.document }, spec, before: record.row.parameters },
    };
  }
  const found = await versionOf(pipeline ?? "", version);
  const spec = specIn(found.pipeline_spec);
  if (spec === undefined) throw new Error("This version has no pipeline.");
  const { pipeline_id, pipeline_version_id, display_name } = found;
  return {
    ...{
      title: `Run ${display_name}`,
      name: `${display_name} ${new Date().toISOString().slice(0, 16).replace("T", " ")}`,
    },
    ...{ job: { pipeline_version_reference: { pipeline_id, pipeline_version_id } }, spec },
  };
}

async function versionOf(pipeline: string, version: string | null) {
  if (version !== null) return api.getPipelineVersion(pipeline, version);
  const newest = await api.listPipelineVersions(pipeline, { pageSize: 1, sortBy: "created_at desc" });
  const [first] = newest.pipeline_versions ?? [];
  if (first === undefined) throw new Error("This pipeline has no version.");
  return api.getPipelineVersion(pipeline, first.pipeline_version_id);
}

/** The page. */
export function NewPage(): JSX.Element {
  const [run, pipeline, version] = ["run", "pipeline", "version"].map((name) => query.value.get(name));
  const reader = useReader(
    () => sourceOf(run ?? null, pipeline ?? null, version ?? null),
    [run, pipeline, version],
  );
  useTitle("New run");
  return (
    <div class="narrow">
      <Loaded from={reader.now.value} reader={reader} waiting={<Bones rows={8} />}>
        {(source) => <RunForm source={source} />}
      </Loaded>
    </div>
  );
}

function RunForm({ source }: { readonly source: Source }): JSX.Element {
  const fields = useMemo(() => fieldsOfSpec(source.spec), [source]);
  const written = useSignal<Written>(writtenFrom(fields, source.before ?? {}));
  const name = useSignal(source.name);
  const scheduled = useSignal(query.value.get("schedule") !== null);
  const trigger = useSignal<WrittenTrigger>(firstTrigger);
  const tried = useSignal(false);
  const [busy, refusal] = [useSignal(false), useSignal("")];
  const { values, problems } = readForm(fields, written.value);
  const reading = readTrigger(trigger.value);
  const send = async (): Promise<void> => {
    tried.value = true;
    if (problems.size > 0 || (scheduled.value && "problem" in reading)) return;
    busy.value = true;
    refusal.value = "";
    const request = {
      ...source.job,
      display_name: name.value.trim() || source.name,
      runtime_config: { parameters: values },
    };
    try {
      if (scheduled.value && "trigger" in reading) await schedule({ ...request, trigger: reading.trigger });
      else await start(request);
    } catch (error) {
      refusal.value = messageOf(error);
    }
    busy.value = false;
  };
  return (
    <form
      class="stack"
      style={{ gap: "20px" }}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <h1>{source.title}</h1>
      <section class="card pad stack">
        <div class="form-field">
          <label for="run-name">
            <b>Name</b>
          </label>
          <input
            id="run-name"
            class="input"
            value={name.value}
            onInput={(event) => {
              name.value = event.currentTarget.value;
            }}
          />
        </div>
        <label class="check">
          <input
            type="checkbox"
            checked={scheduled.value}
            onChange={() => {
              scheduled.value = !scheduled.value;
            }}
          />
          Run it again and again, on a schedule
        </label>
        {scheduled.value ? (
          <TriggerFields
            written={trigger}
            problem={tried.value && "problem" in reading ? reading.problem : undefined}
          />
        ) : undefined}
      </section>
      <section class="card pad stack">
        <h2>Parameters</h2>
        <ParameterFields
          fields={fields}
          written={written}
          problems={tried.value ? problems : new Map()}
          {...(source.before === undefined ? {} : { before: source.before })}
        />
      </section>
      {refusal.value === "" ? undefined : (
        <p class="notice bad" role="alert">
          <Icon name="warning" />
          <span style={{ whiteSpace: "pre-line" }}>{refusal.value}</span>
        </p>
      )}
      <div class="row">
        <button type="submit" class="button primary" disabled={busy.value}>
          <Icon name={scheduled.value ? "clock" : "play"} />
          {scheduled.value ? "Schedule" : "Start"}
        </button>
        <a class="button bare" href="/">
          Leave
        </a>
      </div>
    </form>
  );
}

async function start(request: Parameters<typeof api.createRun>[0]): Promise<void> {
  const { run_id } = await api.createRun(request);
  await refreshRuns([run_id]).catch(() => {});
  navigate(`/runs/${encodeURIComponent(run_id)}`);
}

async function schedule(request: Parameters<typeof api.createRecurringRun>[0]): Promise<void> {
  await api.createRecurringRun({ ...request, mode: "ENABLE", max_concurrency: "1" });
  say("Scheduled");
  navigate("/schedules");
}
