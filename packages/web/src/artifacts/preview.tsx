/** An artifact, shown as what it is. */
import { useSignal } from "@preact/signals";
import { isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";
import { classificationPlots, PLOT_KEY, type Plot, plotOf } from "@sealflow/pipeline";
import type { JSX } from "preact";
import { useReader } from "../api/resource.js";
import { seenTheme } from "../app/theme.js";
import { formatValue } from "../format.js";
import { Blank, Bones, Failed } from "../parts/blank.js";
import { PlotView } from "../plots/plot.js";
import { BytesView, Text } from "./bytes-view.js";
import { type ArtifactPlace, artifactAddress, readHead } from "./content.js";
import { formatOf, textOf } from "./format.js";
import { SealedView } from "./sealed-view.js";

/** The beginning of every sealed artifact: its format's name. */
const SEALED = [..."SEALFLOW"].map((character) => character.charCodeAt(0));

/** Metrics and plots that the artifact's metadata hold: no content is read for them. */
export function metadataOf(place: ArtifactPlace): {
  readonly metrics: JsonObject;
  readonly plots: readonly Plot[];
} {
  const { metadata, type } = place.made.value;
  const named = metadata[PLOT_KEY];
  const own = isJsonObject(named) ? plotOf(named.kind, named) : undefined;
  const plots = type.schemaTitle === "system.ClassificationMetrics" ? classificationPlots(metadata) : [];
  const scalars = Object.entries(metadata).filter(
    ([name, value]) => name !== "display_name" && isScalar(value),
  );
  return {
    metrics: type.schemaTitle === "system.Metrics" ? Object.fromEntries(scalars) : {},
    plots: own === undefined ? plots : [...plots, own],
  };
}

function isScalar(value: JsonValue): boolean {
  return typeof value === "number" || typeof value === "string" || typeof value === "boolean";
}

/** All that can be shown of an artifact. */
export function Preview({ place }: { readonly place: ArtifactPlace }): JSX.Element {
  const { value } = place.made;
  const { metrics, plots } = metadataOf(place);
  const told = Object.keys(metrics).length > 0 || plots.length > 0;
  return (
    <div class="stack">
      {Object.keys(metrics).length === 0 ? undefined : <Metrics values={metrics} />}
      {plots.map((plot) => (
        <PlotView key={plot.kind} plot={plot} />
      ))}
      {value.digest === undefined ? (
        told ? undefined : (
          <Blank icon="file" title="No content">
            <p>This artifact is a name and metadata only.</p>
          </Blank>
        )
      ) : (
        <Content place={place} quiet={told} />
      )}
    </div>
  );
}

function Metrics({ values }: { readonly values: JsonObject }): JSX.Element {
  return (
    <dl class="figures">
      {Object.entries(values).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{formatValue(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

/** @param quiet Whether empty content is passed over, because the metadata were shown. */
function Content({
  place,
  quiet,
}: {
  readonly place: ArtifactPlace;
  readonly quiet: boolean;
}): JSX.Element | null {
  const address = artifactAddress(place);
  const head = useReader(() => readHead(address), [address]);
  const { value: now } = head.now;
  if (now.state === "loading") return <Bones rows={4} />;
  if (now.state === "failed") return <Failed error={now.error} retry={head.reload} />;
  if (now.value.kind === "directory") return <Directory place={place} names={now.value.names} />;
  const { bytes, size } = now.value;
  if (size === 0 && quiet) return null;
  return <FileContent place={place} address={address} bytes={bytes} size={size} />;
}

function FileContent(props: {
  readonly place: ArtifactPlace;
  readonly address: string;
  readonly bytes: Uint8Array;
  readonly size: number;
}): JSX.Element {
  const { place, address, bytes, size } = props;
  const { schemaTitle } = place.made.value.type;
  const format = formatOf(bytes, bytes.length === size, SEALED);
  if (format === "sealed") return <SealedView address={address} size={size} />;
  if (place.path === undefined && (schemaTitle === "system.HTML" || schemaTitle === "system.Markdown")) {
    return <Framed place={place} />;
  }
  const named = place.made.value.metadata[PLOT_KEY];
  if (typeof named === "string" && bytes.length === size) return <NamedPlot kind={named} bytes={bytes} />;
  return <BytesView format={format} bytes={bytes} size={size} address={address} />;
}

function NamedPlot({ kind, bytes }: { readonly kind: string; readonly bytes: Uint8Array }): JSX.Element {
  let plot: Plot | undefined;
  try {
    plot = plotOf(kind, JSON.parse(textOf(bytes, true) ?? ""));
  } catch {
    // Told below: these are no data of a plot.
  }
  if (plot !== undefined) return <PlotView plot={plot} />;
  return <Text bytes={bytes} whole json={false} size={bytes.length} />;
}

/** HTML and Markdown, in a frame without scripts, network or origin; the server's policy for it says the same. */
function Framed({ place }: { readonly place: ArtifactPlace }): JSX.Element {
  const address = artifactAddress(place, { view: "true", theme: seenTheme() });
  return (
    <iframe class="framed" sandbox="" src={address} title={`${place.made.output} of ${place.made.task}`} />
  );
}

/** Files of a directory; a file that is chosen is shown below. */
function Directory({
  place,
  names,
}: {
  readonly place: ArtifactPlace;
  readonly names: readonly string[];
}): JSX.Element {
  const open = useSignal<string | undefined>(undefined);
  const inside = (name: string): string => (place.path === undefined ? name : `${place.path}/${name}`);
  return (
    <div class="stack">
      <ul class="files">
        {names.map((name) => (
          <li key={name}>
            <button
              type="button"
              class="link"
              aria-expanded={open.value === name}
              onClick={() => {
                open.value = open.value === name ? undefined : name;
              }}
            >
              {name}
            </button>
            {name.endsWith("/") ? undefined : (
              <a href={artifactAddress({ ...place, path: inside(name) })} download={name}>
                Download
              </a>
            )}
          </li>
        ))}
      </ul>
      {open.value === undefined ? undefined : (
        <Content
          key={open.value}
          place={{ ...place, path: inside(open.value.replace(/\/$/, "")) }}
          quiet={false}
        />
      )}
    </div>
  );
}
