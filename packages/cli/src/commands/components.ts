/** `sealflow components generate|check`. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { SealflowError, throwFindings } from "@sealflow/core";
import { generateComponents } from "@sealflow/pipeline";
import type { CliContext } from "../context.js";
import { readSignatures } from "../load/python.js";
import { readUserFile } from "../load/read-file.js";
import { writeUserFile } from "../load/write-file.js";

interface Generated {
  readonly file: string;
  readonly target: string;
  readonly text: string;
}

async function generateAll(context: CliContext, files: readonly string[]): Promise<readonly Generated[]> {
  for (const file of files) await readUserFile(resolve(context.cwd, file), file);
  const paths = files.map((file) => resolve(context.cwd, file));
  const described = await readSignatures(paths, context.process.env);
  return described.map((description, index) => {
    const file = files[index] ?? description.path;
    return {
      file,
      target: file.replace(/(\.py)?$/, ".components.ts"),
      text: generateComponents(description),
    };
  });
}

/** Writes the typed components; a file that is up to date already is left alone. */
export async function generate(context: CliContext, _flags: object, ...files: string[]): Promise<void> {
  for (const { target, text } of await generateAll(context, files)) {
    const changed = current(context, target) !== text;
    if (changed) writeUserFile(context, target, text);
    context.process.stdout.write(`${changed ? "wrote    " : "unchanged"}  ${target}\n`);
  }
}

/** Compares; all that differ are reported together. */
export async function check(context: CliContext, _flags: object, ...files: string[]): Promise<void> {
  const stale = (await generateAll(context, files)).filter(
    ({ target, text }) => current(context, target) !== text,
  );
  const findings = stale.map(
    ({ file, target }) =>
      new SealflowError({
        code: "CLI_COMPONENTS_STALE",
        message: `${target}: expected what ${file} declares, got ${current(context, target) === undefined ? "no file" : "something else"}`,
        where: { file: target },
        hint: `sealflow components generate ${file}`,
      }),
  );
  throwFindings(findings, {
    code: "CLI_COMPONENTS_STALE",
    message: `${stale.length} generated files are stale`,
  });
  context.process.stdout.write(`${files.length} up to date\n`);
}

function current(context: CliContext, target: string): string | undefined {
  const path = resolve(context.cwd, target);
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}
