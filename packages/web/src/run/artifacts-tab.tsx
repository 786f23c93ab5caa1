/** All artifacts of a run, and one of them with its content and lineage. */
import type { JSX } from "preact";
import { hrefWith, query } from "../app/router.js";
import { artifactAddress } from "../artifacts/content.js";
import { Preview } from "../artifacts/preview.js";
import { shortDigest } from "../format.js";
import { Blank } from "../parts/blank.js";
import { Icon } from "../parts/icon.js";
import { StateMark } from "../parts/state.js";
import { artifactIcon, typeName } from "./artifact-links.js";
import { type LineageStep, lineageOf } from "./lineage.js";
import { artifactKey, artifactsOf, type MadeArtifact, type RunModel } from "./model.js";
import { OtherRuns } from "./other-runs.js";
import { Values } from "./values.js";

/** The tab. */
export function ArtifactsTab({
  runId,
  run,
}: {
  readonly runId: string;
  readonly run: RunModel;
}): JSX.Element {
  const made = artifactsOf(run);
  const key = query.value.get("artifact");
  const chosen = made.find((each) => artifactKey(each) === key) ?? made.find(isTelling) ?? made[0];
  if (chosen === undefined) {
    return (
      <div class="card">
        <Blank icon="box" title="No artifact yet">
          <p>What tasks make appears here as they end.</p>
        </Blank>
      </div>
    );
  }
  return (
    <div class="artifacts">
      <nav class="card artifact-list" aria-label="Artifacts">
        <ul>
          {made.map((each) => (
            <li key={artifactKey(each)}>
              <a
                href={hrefWith({ artifact: artifactKey(each) })}
                aria-current={each === chosen ? "true" : undefined}
              >
                <Icon name={artifactIcon(each.value)} />
                <span class="grow">
                  <b>{each.count > 1 ? `${each.output}[${each.index}]` : each.output}</b>
                  <small>{each.task}</small>
                </span>
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <ArtifactView key={artifactKey(chosen)} runId={runId} run={run} made={chosen} />
    </div>
  );
}

/** What is worth to be seen first: something that shows how good it is. */
function isTelling({ value }: MadeArtifact): boolean {
  return value.type.schemaTitle === "system.ClassificationMetrics";
}

function ArtifactView(props: {
  readonly runId: string;
  readonly run: RunModel;
  readonly made: MadeArtifact;
}): JSX.Element {
  const { runId, run, made } = props;
  const { value } = made;
  const place = { runId, made };
  return (
    <article class="card pad stack artifact">
      <header class="row spread">
        <div>
          <h2>{made.count > 1 ? `${made.output}[${made.index}]` : made.output}</h2>
          <p class="soft">
            {typeName(value)} of <a href={hrefWith({ tab: undefined, task: made.task })}>{made.task}</a>
            {value.digest === undefined ? "" : ", "}
            {value.digest === undefined ? undefined : (
              <span class="mono" title={value.digest}>
                {shortDigest(value.digest)}
              </span>
            )}
          </p>
        </div>
        {value.digest === undefined ? undefined : (
          <a class="button" href={artifactAddress(place)} download={made.output}>
            <Icon name="download" />
            Download
          </a>
        )}
      </header>
      <Preview place={place} />
      <LineageView run={run} made={made} />
      <OtherRuns runId={runId} value={value} />
      <MetadataView made={made} />
    </article>
  );
}

function MetadataView({ made }: { readonly made: MadeArtifact }): JSX.Element {
  const { metadata, uri, digest } = made.value;
  return (
    <details>
      <summary>Metadata</summary>
      <Values values={{ uri, ...(digest === undefined ? {} : { digest }), ...metadata }} />
    </details>
  );
}

function LineageView({ run, made }: { readonly run: RunModel; readonly made: MadeArtifact }): JSX.Element {
  const { madeBy, upstream, downstream } = lineageOf(run, made);
  const farthest = [...upstream].reverse();
  return (
    <section class="lineage" aria-label="Lineage">
      <h3>Lineage</h3>
      <ol>
        {farthest.map((step) => (
          <Step key={step.task.path} step={step} />
        ))}
        {madeBy === undefined ? undefined : <Step step={{ task: madeBy, artifacts: [], distance: 0 }} />}
        <li class="self">
          <Icon name={artifactIcon(made.value)} />
          <b>{made.output}</b>
        </li>
        {downstream.map((step) => (
          <Step key={step.task.path} step={step} />
        ))}
      </ol>
      {downstream.length === 0 ? <p class="soft">No task used it.</p> : undefined}
    </section>
  );
}

function Step({ step }: { readonly step: LineageStep }): JSX.Element {
  return (
    <li>
      <StateMark state={step.task.state} short />
      <a href={hrefWith({ tab: undefined, task: step.task.path, artifact: undefined })}>{step.task.path}</a>
      <span class="row through">
        {step.artifacts.map((artifact) => (
          <a key={artifactKey(artifact)} class="tag" href={hrefWith({ artifact: artifactKey(artifact) })}>
            {artifact.output}
          </a>
        ))}
      </span>
    </li>
  );
}
