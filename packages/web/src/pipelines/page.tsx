/** Uploaded pipelines: to run, to schedule, to replace by a new version. */
import { useSignal } from "@preact/signals";
import type { Pipeline } from "@sealflow/kfp";
import type { JSX } from "preact";
import { api } from "../api/client.js";
import { type Reader, useReader } from "../api/resource.js";
import { useTitle } from "../app/shell.js";
import { formatAgo } from "../format.js";
import { Blank, Loaded } from "../parts/blank.js";
import { useNow } from "../parts/clock.js";
import { Confirm } from "../parts/dialog.js";
import { Icon } from "../parts/icon.js";
import { attempt } from "../parts/toast.js";
import { FileDrop } from "./file-drop.js";
import { Versions } from "./versions.js";
import "../style/forms.css";

const PAGE = 200;

/** The page. */
export function PipelinesPage(): JSX.Element {
  useTitle("Pipelines");
  const reader = useReader(
    async () => (await api.listPipelines({ pageSize: PAGE, sortBy: "created_at desc" })).pipelines ?? [],
    [],
  );
  return (
    <>
      <div class="page-head">
        <div>
          <h1>Pipelines</h1>
          <p>Compiled pipelines of this server, to be run with any parameters</p>
        </div>
      </div>
      <div class="stack" style={{ gap: "16px" }}>
        <FileDrop
          text="Drop a compiled pipeline here"
          hint={
            <>
              YAML, .zip or .tar.gz, as <code>sealflow compile</code> or Kubeflow's compiler writes it
            </>
          }
          onFile={(file) => upload(file, reader)}
        />
        <div class="card">
          <Loaded from={reader.now.value} reader={reader}>
            {(pipelines) =>
              pipelines.length === 0 ? (
                <Blank icon="nested" title="No pipeline was uploaded">
                  <p>Runs that the command line starts bring their own pipeline, and need none here.</p>
                  <pre>sealflow compile pipeline.ts -o pipeline.yaml</pre>
                </Blank>
              ) : (
                <ul class="plain-list">
                  {pipelines.map((pipeline) => (
                    <PipelineLine key={pipeline.pipeline_id} pipeline={pipeline} reader={reader} />
                  ))}
                </ul>
              )
            }
          </Loaded>
        </div>
      </div>
    </>
  );
}

/** The name under which a file is uploaded: its own, without what tells its format. */
function nameOf(file: File): string {
  return file.name.replace(/\.(ya?ml|json|zip|tar\.gz|tgz)$/i, "");
}

async function upload(file: File, reader: Reader<readonly Pipeline[]>): Promise<void> {
  const name = nameOf(file);
  const done = await attempt(
    () => api.uploadPipeline({ content: file, fileName: file.name, name }),
    `Uploaded ${name}`,
  );
  if (done) reader.reload();
}

function PipelineLine({
  pipeline,
  reader,
}: {
  readonly pipeline: Pipeline;
  readonly reader: Reader<readonly Pipeline[]>;
}): JSX.Element {
  const now = useNow();
  const [open, asking] = [useSignal(false), useSignal(false)];
  const id = encodeURIComponent(pipeline.pipeline_id);
  const remove = async (): Promise<void> => {
    const work = () => api.deletePipeline(pipeline.pipeline_id, { cascade: true });
    if (await attempt(work, `Deleted ${pipeline.display_name}`)) reader.reload();
  };
  return (
    <li class="wraps">
      <div class="grow">
        <b>{pipeline.display_name}</b>
        <p class="soft">
          {pipeline.description ? `${pipeline.description}, ` : ""}
          uploaded {formatAgo(Date.parse(pipeline.created_at), now.value)}
        </p>
      </div>
      <button
        type="button"
        class="button bare"
        aria-expanded={open.value}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        Versions
      </button>
      <a class="button" href={`/new?pipeline=${id}&schedule=`}>
        <Icon name="clock" />
        Schedule
      </a>
      <a class="button primary" href={`/new?pipeline=${id}`}>
        <Icon name="play" />
        Run
      </a>
      <button
        type="button"
        class="icon-button"
        aria-label={`Delete ${pipeline.display_name}`}
        onClick={() => {
          asking.value = true;
        }}
      >
        <Icon name="trash" />
      </button>
      {open.value ? <Versions pipelineId={pipeline.pipeline_id} /> : undefined}
      {asking.value ? (
        <Confirm
          title={`Delete ${pipeline.display_name}?`}
          text="All its versions go. Runs that were made of it stay."
          action="Delete"
          onConfirm={() => void remove()}
          onClose={() => {
            asking.value = false;
          }}
        />
      ) : undefined}
    </li>
  );
}
