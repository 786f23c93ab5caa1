/**
 * Just enough of a POSIX shell's grammar to read the installation scripts that component compilers write: words,
 * quotes, escapes, and the operators between commands. Nothing is expanded.
 */

/** One simple command: its words without their quotes. */
export type Command = readonly string[];

/** The simple commands of a script, in order. Redirections and substitutions stay part of the words they touch. */
export function commandsOf(script: string): Command[] {
  const commands: string[][] = [];
  let words: string[] = [];
  for (const token of tokens(script)) {
    if (token.kind === "word") words.push(token.text);
    else if (words.length > 0) {
      commands.push(words);
      words = [];
    }
  }
  if (words.length > 0) commands.push(words);
  return commands;
}

type Token = { readonly kind: "word"; readonly text: string } | { readonly kind: "end" };

const pattern =
  /(?<comment>(?<=^|\s)#[^\n]*)|(?<end>&&|\|\||[;&|\n])|(?<space>[ \t\r]+|\\\n)|(?<word>(?:'[^']*'|"(?:\\[\s\S]|[^"\\])*"|\\[\s\S]|[^\s'"\\;&|])+)|(?<other>[\s\S])/g;

function* tokens(script: string): Generator<Token> {
  for (const { groups } of script.matchAll(pattern)) {
    if (groups?.end !== undefined) yield { kind: "end" };
    else if (groups?.word !== undefined) yield { kind: "word", text: unquote(groups.word) };
    else if (groups?.other !== undefined) yield { kind: "word", text: groups.other };
  }
}

function unquote(word: string): string {
  return word.replace(/'([^']*)'|"((?:\\[\s\S]|[^"\\])*)"|\\([\s\S])/g, (_, single, double, escaped) => {
    if (single !== undefined) return single;
    if (double !== undefined) return double.replace(/\\([\\"$`\n])/g, "$1");
    return escaped;
  });
}
