/** Bytes of a known format, shown as what they are. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { useReader } from "../api/resource.js";
import { formatBytes } from "../format.js";
import { ColouredLine } from "../log/coloured.js";
import { Blank, Bones, Failed } from "../parts/blank.js";
import { readAll } from "./content.js";
import { type Format, imageType, textOf } from "./format.js";
import { parseCsv, type Table } from "./table.js";
import { TableView } from "./table-view.js";

/** Rows that are read of a table. */
const ROWS = 20_000;
const LARGEST_IMAGE = 40_000_000;
const LONGEST_TEXT = 200_000;

/** Bytes as what they are. @param address Where more of them are; undefined when these are all. */
export function BytesView(props: {
  readonly format: Format;
  readonly bytes: Uint8Array;
  readonly size: number;
  readonly address?: string;
}): JSX.Element {
  const { format, bytes, size, address } = props;
  const whole = bytes.length === size;
  switch (format) {
    case "parquet":
      return <Parquet bytes={bytes} size={size} {...(address === undefined ? {} : { address })} />;
    case "csv":
      return <TableView table={parseCsv(textOf(bytes, whole) ?? "", { whole, most: ROWS })} />;
    case "image":
      return <Image bytes={bytes} size={size} {...(address === undefined ? {} : { address })} />;
    case "json":
    case "text":
      return <Text bytes={bytes} whole={whole} json={format === "json"} size={size} />;
    case "empty":
      return <Blank icon="file" title="An empty file" />;
    default:
      return (
        <Blank icon="file" title="Binary content">
          <p>{formatBytes(size)} of a format that is not shown here. It can be downloaded.</p>
        </Blank>
      );
  }
}

function Parquet(props: {
  readonly bytes: Uint8Array;
  readonly size: number;
  readonly address?: string;
}): JSX.Element {
  const { bytes, size, address } = props;
  const table = useReader<Table>(async () => {
    const { readParquet } = await import("./parquet.js");
    return readParquet(address === undefined || bytes.length === size ? { bytes } : { address, size }, ROWS);
  }, [bytes]);
  const { value: now } = table.now;
  if (now.state === "loading") return <Bones rows={5} />;
  if (now.state === "failed") return <Failed error={now.error} />;
  return <TableView table={now.value} />;
}

function Image(props: {
  readonly bytes: Uint8Array;
  readonly size: number;
  readonly address?: string;
}): JSX.Element {
  const { bytes, size, address } = props;
  const source = useSignal("");
  useEffect(() => {
    let url = "";
    const show = (blob: Blob): void => {
      url = URL.createObjectURL(new Blob([blob], { type: imageType(bytes) }));
      source.value = url;
    };
    if (bytes.length === size || address === undefined) show(new Blob([new Uint8Array(bytes)]));
    else if (size <= LARGEST_IMAGE) readAll(address).then(show, () => {});
    return () => URL.revokeObjectURL(url);
  }, [bytes, size, address]);
  if (size > LARGEST_IMAGE && address !== undefined) {
    return <Blank icon="file" title={`An image of ${formatBytes(size)}: too large to show`} />;
  }
  return source.value === "" ? (
    <Bones rows={3} />
  ) : (
    <img class="image" src={source.value} alt="Content of the artifact" />
  );
}

/** Text that steers a terminal: the log of a sealed task. */
function Lines({ text }: { readonly text: string }): JSX.Element {
  return (
    <span class="log-text">
      {text.split("\n").map((line, index) => (
        <span key={index}>
          <ColouredLine line={line} />
          {"\n"}
        </span>
      ))}
    </span>
  );
}

/** Text, and JSON with line breaks. */
export function Text(props: {
  readonly bytes: Uint8Array;
  readonly whole: boolean;
  readonly json: boolean;
  readonly size: number;
}): JSX.Element {
  const { bytes, whole, json, size } = props;
  const text = textOf(bytes, whole) ?? "";
  const shown = json && whole ? JSON.stringify(JSON.parse(text), null, 2) : text;
  const cut = shown.length > LONGEST_TEXT || !whole;
  return (
    <div>
      <pre class="code" tabIndex={0}>
        {shown.includes("\u001b") ? (
          <Lines text={shown.slice(0, LONGEST_TEXT)} />
        ) : (
          shown.slice(0, LONGEST_TEXT)
        )}
      </pre>
      {cut ? <p class="soft">The beginning of {formatBytes(size)}.</p> : undefined}
    </div>
  );
}
