/** A line of a log in its colours. */
import type { JSX } from "preact";
import { parseAnsi } from "./ansi.js";

/** The pieces of a line, each with its style. */
export function ColouredLine({ line }: { readonly line: string }): JSX.Element {
  return (
    <>
      {parseAnsi(line).map(({ text, style, colour }, index) => (
        <span key={index} class={style} style={colour === undefined ? undefined : { color: colour }}>
          {text}
        </span>
      ))}
    </>
  );
}
