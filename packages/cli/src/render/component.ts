/** A component that was run alone, for people. */
import type { ComponentResult } from "../commands/component.js";
import { visible } from "./text.js";

/** Output parameters as `name = value`, artifacts as `name: path` with their metadata below. */
export function formatComponentResult({ outputs, artifacts }: ComponentResult): string {
  const assigned = (values: object, indent: string): string[] =>
    Object.entries(values).map(
      ([name, value]) => `${indent}${visible(`${name} = ${JSON.stringify(value)}`)}\n`,
    );
  const files = Object.entries(artifacts).flatMap(([name, { path, metadata }]) => [
    `${visible(`${name}: ${path}`)}\n`,
    ...assigned(metadata, "  "),
  ]);
  return [...assigned(outputs, ""), ...files].join("");
}
