/** Text for a terminal: columns, durations, and untrusted strings made harmless. */

/** Control characters as escapes, so that a name or a message can't move the cursor or recolour the terminal. */
export function visible(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (char) => {
    return `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}

/** A duration for people: `0.42 s`, `12.3 s`, `3 min 20 s`, `1 h 02 min`. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  if (minutes < 60) return `${minutes} min ${String(Math.round(seconds) % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** Bytes for people, in binary units. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** Rows as left-aligned columns, two spaces apart; no trailing spaces. */
export function formatColumns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, cell.length);
    });
  }
  return rows
    .map((row) =>
      row
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}

/** The text cut to a width, with an ellipsis when something is lost. */
export function truncate(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/** The end of a path, which says most, in at most that many characters. */
export function endOf(path: string, width: number): string {
  return path.length <= width ? path : `…${path.slice(path.length - Math.max(0, width - 1))}`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours take no room
const colour = /\u001b\[[0-9;]*m/g;

/**
 * A line on as many lines as it needs: broken at spaces, words that are longer than a line anywhere.
 *
 * @param room What stands before the first line and before each further one, and how many characters fit in all.
 */
export function wrapLine(
  text: string,
  room: { readonly first: string; readonly rest: string; readonly width: number },
): string[] {
  const lines: string[] = [];
  const widthOf = (part: string) => part.replace(colour, "").length;
  let line = room.first;
  let empty = true;
  const next = () => {
    lines.push(line.trimEnd());
    [line, empty] = [room.rest, true];
  };
  for (const word of text.split(" ")) {
    const space = empty ? "" : " ";
    if (!empty && widthOf(line) + 1 + widthOf(word) > room.width) next();
    else line += space;
    let left = word;
    // Words with colours in them are short: names of states.
    while (widthOf(line) + widthOf(left) > room.width && !colour.test(left)) {
      const fits = Math.max(1, room.width - widthOf(line));
      line += left.slice(0, fits);
      left = left.slice(fits);
      next();
    }
    line += left;
    empty = false;
  }
  return [...lines, line];
}
