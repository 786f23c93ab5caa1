/** Container components: an image, a command, and placeholders that are filled in when the task starts. */
import type { ComponentFunction } from "./component.js";
import { componentFunction } from "./component.js";
import type { Definitions, InputDefinition, OutputDefinition } from "./definitions.js";

/** Text that is filled in when the task starts. */
export class Placeholder {
  readonly text: string;
  /** The structured form that concatenations and conditions take. */
  readonly structure: unknown;

  constructor(structure: unknown) {
    this.structure = structure;
    this.text = typeof structure === "string" ? structure : JSON.stringify(structure);
  }

  toString(): string {
    return this.text;
  }
}

/** A piece of a command line. */
export type Word = string | Placeholder;

interface ArtifactPlaceholders {
  /** Where the artifact is stored. */
  readonly uri: Placeholder;
  /** Path of the file or directory in the container. */
  readonly path: Placeholder;
  /** Metadata: all of it as JSON, or one key. The official backend leaves this unresolved. */
  metadata(key?: string): Placeholder;
}

type ParametersOf<D> = {
  readonly [K in keyof D as D[K] extends { kind: "parameter" } ? K : never]: Placeholder;
};
type OutputParametersOf<D> = {
  /** Path of the file into which the container writes the value. */
  readonly [K in keyof D as D[K] extends { kind: "parameter" } ? K : never]: { readonly path: Placeholder };
};
type ArtifactsOf<D> = {
  readonly [K in keyof D as D[K] extends { kind: "artifact" } ? K : never]: ArtifactPlaceholders;
};

/** What command and arguments may refer to. */
export interface ContainerContext<I, O> {
  /** Parameters by their value, artifacts by `uri`, `path` and `metadata()`. */
  readonly inputs: ParametersOf<I> & ArtifactsOf<I>;
  /** Parameters by the `path` of the file to write, artifacts by `uri`, `path` and `metadata()`. */
  readonly outputs: OutputParametersOf<O> & ArtifactsOf<O>;
  /** The whole executor input as JSON. */
  readonly executorInput: Placeholder;
  /** Path of the executor output file. The official backend leaves this unresolved. */
  readonly outputFile: Placeholder;
}

/** A container component as it is written. */
export interface ContainerComponentOptions<I, O> {
  readonly name: string;
  readonly description?: string;
  readonly image: string;
  readonly inputs?: I;
  readonly outputs?: O;
  readonly env?: Readonly<Record<string, string>>;
  /** The entry point; the image's own when absent. */
  readonly command?: readonly Word[] | ((context: ContainerContext<I, O>) => readonly Word[]);
  readonly args?: readonly Word[] | ((context: ContainerContext<I, O>) => readonly Word[]);
}

/** A component that runs a command in an image. */
export function containerComponent<
  const I extends Definitions<InputDefinition> = Readonly<Record<never, never>>,
  const O extends Definitions<OutputDefinition> = Readonly<Record<never, never>>,
>(options: ContainerComponentOptions<I, O>): ComponentFunction<I, O> {
  const { name, description, image, env = {}, inputs, outputs } = options;
  const context = contextFor<I, O>(inputs ?? {}, outputs ?? {});
  const words = (given: ContainerComponentOptions<I, O>["args"]): string[] =>
    (typeof given === "function" ? given(context) : (given ?? [])).map(String);
  return componentFunction({
    name,
    ...(description === undefined ? {} : { description }),
    inputs: inputs ?? {},
    outputs: outputs ?? {},
    implementation: {
      kind: "container",
      image,
      command: words(options.command),
      args: words(options.args),
      env,
    },
  });
}

/** Joins words into one when the task starts. The official backend leaves this unresolved; `sealflow lint` says so. */
export function concat(...words: readonly Word[]): Placeholder {
  return new Placeholder({ Concat: words.map(structureOf) });
}

/** `then` when the optional input was given, else `otherwise`. Resolved by the official backend since 2.17. */
export function ifPresent(
  input: string,
  then: Word | readonly Word[],
  otherwise?: Word | readonly Word[],
): Placeholder {
  const branch = otherwise === undefined ? {} : { Else: structuresOf(otherwise) };
  return new Placeholder({ IfPresent: { InputName: input, Then: structuresOf(then), ...branch } });
}

function structuresOf(words: Word | readonly Word[]): unknown {
  return typeof words === "string" || words instanceof Placeholder
    ? structureOf(words)
    : words.map(structureOf);
}

function structureOf(word: Word): unknown {
  return typeof word === "string" ? word : word.structure;
}

function contextFor<I, O>(inputs: Definitions<InputDefinition>, outputs: Definitions<OutputDefinition>) {
  const context = {
    inputs: mapValues(inputs, (name, input) =>
      input.kind === "artifact" ? artifactPlaceholders("inputs", name) : parameterPlaceholder(name),
    ),
    outputs: mapValues(outputs, (name, output) =>
      output.kind === "artifact"
        ? artifactPlaceholders("outputs", name)
        : { path: new Placeholder(`{{$.outputs.parameters['${name}'].output_file}}`) },
    ),
    executorInput: new Placeholder("{{$}}"),
    outputFile: new Placeholder("{{$.outputs.output_file}}"),
  };
  return context as unknown as ContainerContext<I, O>;
}

function parameterPlaceholder(name: string): Placeholder {
  return new Placeholder(`{{$.inputs.parameters['${name}']}}`);
}

function artifactPlaceholders(side: "inputs" | "outputs", name: string): ArtifactPlaceholders {
  const base = `$.${side}.artifacts['${name}']`;
  return {
    uri: new Placeholder(`{{${base}.uri}}`),
    path: new Placeholder(`{{${base}.path}}`),
    metadata: (key) =>
      new Placeholder(key === undefined ? `{{${base}.metadata}}` : `{{${base}.metadata['${key}']}}`),
  };
}

function mapValues<V, R>(
  record: Readonly<Record<string, V>>,
  map: (key: string, value: V) => R,
): Record<string, R> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(key, value)]));
}
