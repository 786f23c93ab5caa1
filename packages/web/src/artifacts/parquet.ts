/** Parquet, read in ranges: the footer, and of the first rows the column chunks that hold them. Loaded only when needed. */
import {
  type AsyncBuffer,
  type Compressors,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from "hyparquet";
import {
  decompressBrotli,
  decompressGzip,
  decompressLz4,
  decompressLz4Raw,
  decompressZstd,
} from "hyparquet-compressors";
import { readRange } from "./content.js";
import type { Cell, Table } from "./table.js";

/** In JavaScript, all of them: the page's policy allows no WebAssembly. Snappy is hyparquet's own. */
const compressors: Compressors = {
  GZIP: (input, length) => decompressGzip(input, length),
  BROTLI: (input, length) => decompressBrotli(input, length),
  ZSTD: (input) => decompressZstd(input),
  LZ4: (input, length) => decompressLz4(input, length),
  LZ4_RAW: (input, length) => decompressLz4Raw(input, length),
};

/** A file that was read into memory, or one that is read in ranges. */
export type ParquetFile =
  | { readonly address: string; readonly size: number }
  | { readonly bytes: Uint8Array };

function bufferOf(file: ParquetFile): AsyncBuffer {
  if ("bytes" in file) {
    const { bytes } = file;
    return { byteLength: bytes.length, slice: (start, end) => bytes.slice(start, end).buffer as ArrayBuffer };
  }
  const { address, size } = file;
  return {
    byteLength: size,
    slice: (start, end = size) => readRange(address, start < 0 ? size + start : start, end),
  };
}

/** The first rows of a Parquet file, and how many there are. */
export async function readParquet(file: ParquetFile, most: number): Promise<Table> {
  const buffer = bufferOf(file);
  const metadata = await parquetMetadataAsync(buffer);
  const total = Number(metadata.num_rows);
  const fields = parquetSchema(metadata).children;
  const columns = fields.map(({ element }) => ({
    name: element.name,
    type: String(
      element.logical_type?.type ?? element.converted_type ?? element.type ?? "group",
    ).toLowerCase(),
  }));
  const objects = await parquetReadObjects({
    file: buffer,
    metadata,
    compressors,
    rowStart: 0,
    rowEnd: Math.min(total, most),
  });
  const rows = objects.map((row) => columns.map(({ name }) => row[name] as Cell));
  return { columns, rows, total };
}
