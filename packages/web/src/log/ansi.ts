/** Colours of terminals: SGR sequences of ECMA-48 become styles, everything else that steers a terminal is left out. */

/** A piece of a line that looks the same throughout. */
export interface Span {
  readonly text: string;
  /** Names of classes, for example `bold fg2`; empty for plain text. */
  readonly style: string;
  /** Colour that has no name, as CSS. */
  readonly colour?: string;
}

interface Look {
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  fg: string;
  bg: string;
  colour: string | undefined;
}

const plain = (): Look => ({
  ...{ bold: false, dim: false, italic: false, underline: false, fg: "", bg: "", colour: undefined },
});

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that steer terminals
const SEQUENCE = /\u001b\[([0-9;:]*)([A-Za-z])|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b[@-Z\\-_]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f]/g;

/** What a line says without its colours, as it stands at the end: a bar that overwrites itself shows its last state. */
export function plainLine(line: string): string {
  return overwritten(line.replace(SEQUENCE, "")).replace(CONTROL, "");
}

/** The pieces of a line. Colours end with the line. */
export function parseAnsi(line: string): readonly Span[] {
  const text = overwritten(line);
  if (!text.includes("\u001b")) return [{ text: text.replace(CONTROL, ""), style: "" }];
  const spans: Span[] = [];
  const look = plain();
  let from = 0;
  const add = (part: string): void => {
    const shown = part.replace(CONTROL, "");
    if (shown === "") return;
    const { colour } = look;
    spans.push({ text: shown, style: styleOf(look), ...(colour === undefined ? {} : { colour }) });
  };
  for (const match of text.matchAll(SEQUENCE)) {
    add(text.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[2] === "m") change(look, (match[1] ?? "").split(/[;:]/).map(Number));
  }
  add(text.slice(from));
  return spans.length === 0 ? [{ text: "", style: "" }] : spans;
}

/** What stands after the last carriage return that something follows. */
function overwritten(line: string): string {
  const trimmed = line.replace(/\r+$/, "");
  return trimmed.slice(trimmed.lastIndexOf("\r") + 1);
}

function styleOf({ bold, dim, italic, underline, fg, bg }: Look): string {
  const names = [
    ...[bold && "bold", dim && "dim", italic && "italic", underline && "underline"],
    ...[fg !== "" && `fg${fg}`, bg !== "" && `bg${bg}`],
  ];
  return names.filter(Boolean).join(" ");
}

function change(look: Look, codes: readonly number[]): void {
  for (let at = 0; at < codes.length; at++) {
    const code = codes[at] ?? 0;
    if (code === 38 || code === 48) {
      at += extended(look, code, codes.slice(at + 1));
      continue;
    }
    if (code === 0) Object.assign(look, plain());
    else if (code === 1) look.bold = true;
    else if (code === 2) look.dim = true;
    else if (code === 3) look.italic = true;
    else if (code === 4) look.underline = true;
    else if (code === 22) Object.assign(look, { bold: false, dim: false });
    else if (code === 23) look.italic = false;
    else if (code === 24) look.underline = false;
    else changeColour(look, code);
  }
}

function changeColour(look: Look, code: number): void {
  if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) {
    Object.assign(look, { fg: String(code >= 90 ? code - 90 : code - 30), colour: undefined });
  } else if (code === 39) Object.assign(look, { fg: "", colour: undefined });
  else if ((code >= 40 && code <= 47) || (code >= 100 && code <= 107)) {
    look.bg = String(code >= 100 ? code - 100 : code - 40);
  } else if (code === 49) look.bg = "";
}

/** `38;5;N` and `38;2;R;G;B`; returns how many codes it has taken. */
function extended(look: Look, code: number, [mode, a = 0, b = 0, c = 0]: readonly number[]): number {
  if (mode === 5) {
    if (code === 38 && a < 16) Object.assign(look, { fg: String(a % 8), colour: undefined });
    else if (code === 38) look.colour = paletteColour(a);
    return 2;
  }
  if (mode !== 2) return 1;
  if (code === 38) look.colour = `rgb(${a} ${b} ${c})`;
  return 4;
}

/** Colours 16 to 255 of xterm: a cube of 6³, then 24 greys. */
function paletteColour(index: number): string {
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  const level = (value: number): number => (value === 0 ? 0 : 55 + value * 40);
  const at = index - 16;
  return `rgb(${level(Math.floor(at / 36))} ${level(Math.floor(at / 6) % 6)} ${level(at % 6)})`;
}
