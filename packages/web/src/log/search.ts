/** Searching a log from its beginning, piece by piece, and on as it grows. */
import { plainLine } from "./ansi.js";
import type { ReadRange } from "./source.js";

/** How much is searched at once. */
const PIECE_BYTES = 4 * 1024 * 1024;
const NEWLINE = 10;

/** One search. A text is found in what a line shows, without its colours and whatever its case. */
export class LogSearch {
  private readonly read: ReadRange;
  private readonly wanted: string;
  /** Where the next piece begins, and the number of the line that it begins in. */
  private at = 0;
  private line = 0;
  /** Bytes that were searched; a line that was not at its end is read again when there is more of it. */
  private searched = 0;
  /** The latest line that the text was found in: one that is read twice is told once. */
  private last = -1;

  /** @param read Reads the log. @param text What is searched for. */
  constructor(read: ReadRange, text: string) {
    this.read = read;
    this.wanted = text.toLowerCase();
  }

  /**
   * Searches the next piece.
   *
   * @param known How many bytes of the log there are.
   * @returns Numbers of the lines that hold the text, counted from 0; undefined when all was searched.
   */
  async next(known: number): Promise<readonly number[] | undefined> {
    if (this.searched >= known) return undefined;
    const { bytes } = await this.read(this.at, Math.min(known, this.at + PIECE_BYTES));
    if (bytes.length === 0) return undefined;
    const first = this.line;
    this.goOn(bytes);
    const text = new TextDecoder().decode(bytes);
    const found = linesWith(text, this.wanted, first).filter((line) => line > this.last);
    this.last = found.at(-1) ?? this.last;
    return found;
  }

  /** To the last line that began; a line that no piece holds whole is searched in parts. */
  private goOn(bytes: Uint8Array): void {
    this.searched = this.at + bytes.length;
    const whole = bytes.lastIndexOf(NEWLINE) + 1;
    this.at += whole === 0 && bytes.length >= PIECE_BYTES ? bytes.length : whole;
    for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) this.line += 1;
  }
}

/** Numbers of the lines of a text that hold another, which is in lower case. */
function linesWith(text: string, wanted: string, first: number): number[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these steer terminals, so that what is shown is less than what is there
  if (/[\u001b\r]/.test(text)) {
    return text
      .split("\n")
      .flatMap((line, at) => (plainLine(line).toLowerCase().includes(wanted) ? [first + at] : []));
  }
  const lower = text.toLowerCase();
  const found: number[] = [];
  let line = first;
  let newline = lower.indexOf("\n");
  for (let at = lower.indexOf(wanted); at >= 0; ) {
    while (newline >= 0 && newline < at) {
      line += 1;
      newline = lower.indexOf("\n", newline + 1);
    }
    found.push(line);
    if (newline < 0) break;
    at = lower.indexOf(wanted, newline);
  }
  return found;
}
