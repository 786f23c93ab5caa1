/** Curves between 0 and 1: receiver operating characteristics and calibration. */
import { areaUnder, type Calibration, type RocCurve, rocPoints } from "@sealflow/pipeline";
import type { ComponentChildren, JSX } from "preact";

const SIZE = 340;
const MARGIN = { left: 44, right: 10, top: 10, bottom: 42 } as const;
const SIDE = SIZE - MARGIN.left - MARGIN.right;
const TICKS = [0, 0.25, 0.5, 0.75, 1] as const;
/** Colours that are told apart in both themes; more curves than this begin anew. */
const COLOURS = 6;

const x = (value: number): number => Math.round((MARGIN.left + value * SIDE) * 10) / 10;
const y = (value: number): number => Math.round((MARGIN.top + (1 - value) * SIDE) * 10) / 10;

function line(points: readonly (readonly [number, number])[]): string {
  return `M${points.map(([px, py]) => `${x(px)} ${y(py)}`).join("L")}`;
}

function Frame(props: {
  readonly title: string;
  readonly across: string;
  readonly up: string;
  readonly children: ComponentChildren;
}): JSX.Element {
  const height = MARGIN.top + SIDE + MARGIN.bottom;
  return (
    <svg class="plot" viewBox={`0 0 ${SIZE} ${height}`} role="img" aria-label={props.title}>
      <title>{props.title}</title>
      {TICKS.map((tick) => (
        <g key={tick}>
          <path class="grid" d={`M${x(0)} ${y(tick)}H${x(1)}M${x(tick)} ${y(0)}V${y(1)}`} />
          <text class="tick" x={x(tick)} y={y(0) + 16} text-anchor="middle">
            {tick}
          </text>
          <text class="tick" x={x(0) - 7} y={y(tick) + 4} text-anchor="end">
            {tick}
          </text>
        </g>
      ))}
      <path
        class="chance"
        d={line([
          [0, 0],
          [1, 1],
        ])}
      />
      {props.children}
      <text class="axis" x={x(0.5)} y={height - 6} text-anchor="middle">
        {props.across}
      </text>
      <text class="axis" transform={`translate(12 ${y(0.5)}) rotate(-90)`} text-anchor="middle">
        {props.up}
      </text>
    </svg>
  );
}

/** A curve with its name. */
export interface NamedCurve {
  readonly name: string;
  readonly curve: RocCurve;
}

/** One or several ROC curves in the same frame, with the area under each. */
export function RocPlot({ curves }: { readonly curves: readonly NamedCurve[] }): JSX.Element {
  const single = curves.length === 1;
  const text = curves.map(({ name, curve }) => `${name}: area ${areaUnder(curve).toFixed(4)}`).join("; ");
  return (
    <figure class="figure">
      <Frame title={`ROC. ${text}`} across="False positive rate" up="True positive rate">
        {curves.map(({ name, curve }, index) => {
          const points = rocPoints(curve);
          return (
            <g key={name} class={`series c${(index % COLOURS) + 1}`}>
              {single ? <path class="area" d={`${line(points)}L${x(1)} ${y(0)}Z`} /> : undefined}
              <path class="curve" d={line(points)} />
            </g>
          );
        })}
      </Frame>
      <figcaption class="key">
        {curves.map(({ name, curve }, index) => (
          <span key={name} class={`c${(index % COLOURS) + 1}`}>
            <i aria-hidden="true" />
            {single ? "" : `${name}, `}AUC {areaUnder(curve).toFixed(4)}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

/** Predicted probability against observed frequency; a dot's area grows with its bin. */
export function CalibrationPlot({ plot }: { readonly plot: Calibration }): JSX.Element {
  const largest = Math.max(1, ...plot.bins.map(({ count }) => count));
  const bins = [...plot.bins].sort((a, b) => a.predicted - b.predicted);
  return (
    <figure class="figure">
      <Frame title="Calibration" across="Predicted probability" up="Observed frequency">
        <g class="series c1">
          <path
            class="curve"
            d={line(bins.map(({ predicted, observed }) => [predicted, observed] as const))}
          />
          {bins.map(({ predicted, observed, count }) => (
            <circle
              key={predicted}
              class="dot"
              cx={x(predicted)}
              cy={y(observed)}
              r={2.5 + 6 * Math.sqrt(count / largest)}
            >
              <title>{`predicted ${predicted.toFixed(3)}, observed ${observed.toFixed(3)}, ${count} rows`}</title>
            </circle>
          ))}
        </g>
      </Frame>
    </figure>
  );
}
