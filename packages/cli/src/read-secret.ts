/** One line from the terminal that is not shown while it is typed. */

/** Asks; undefined where there is no terminal, or when it is closed or interrupted. */
export async function readSecret(prompt: string): Promise<string | undefined> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY || !stderr.isTTY) return undefined;
  stderr.write(prompt);
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  stdin.resume();
  try {
    return await new Promise<string | undefined>((resolve) => {
      let line = "";
      const take = (text: string) => {
        for (const char of text) {
          if (char === "\r" || char === "\n") return settle(line);
          if (char === "\u0003" || char === "\u0004") return settle(undefined);
          line = char === "\u007f" || char === "\b" ? [...line].slice(0, -1).join("") : line + char;
        }
      };
      const settle = (answer: string | undefined) => {
        stdin.off("data", take);
        resolve(answer);
      };
      stdin.on("data", take);
    });
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write("\n");
  }
}
