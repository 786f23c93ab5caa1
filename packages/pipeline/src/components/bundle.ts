/** One Python text out of a component's file and the local modules that it imports. */
import type { ComponentFile, LocalModule } from "./component-file.js";
import { filesHead } from "./embedded-files.js";

/**
 * The source to embed. Without local modules and files it is the file as it stands. With them, a head keeps their texts and
 * registers a finder that loads them on import, so that order, packages and cycles work as with files.
 */
export function bundledSource(file: ComponentFile): string {
  const modules = file.modules.length === 0 ? "" : moduleHead(file);
  const head = modules + (file.embedded === undefined ? "" : filesHead(file.embedded));
  const foot = literalFoot(file);
  const text = foot === "" || file.text.endsWith("\n") ? file.text : `${file.text}\n`;
  return head + text + foot;
}

function moduleHead({ modules, imports }: ComponentFile): string {
  const visible =
    imports.length === 0
      ? []
      : ["if False:  # what the modules import, for tools that look", `    import ${imports.join(", ")}`, ""];
  return [
    HEADING,
    "import importlib.abc as _sealflow_abc",
    "import importlib.util as _sealflow_util",
    "import sys as _sealflow_sys",
    "",
    ...visible,
    "_sealflow_modules = {",
    ...modules.flatMap(moduleEntry),
    "}",
    "",
    ...FINDER,
    "",
    "",
  ].join("\n");
}

const HEADING = "# Modules from beside the component's file, then the file itself.";
const REGISTERS = "_sealflow_sys.meta_path.insert(0, _SealflowModules())";

const FINDER = [
  "",
  "class _SealflowModules(_sealflow_abc.MetaPathFinder, _sealflow_abc.InspectLoader):",
  "    def find_spec(self, name, path=None, target=None):",
  "        if name not in _sealflow_modules:",
  "            return None",
  "        origin, package, _ = _sealflow_modules[name]",
  "        spec = _sealflow_util.spec_from_loader(name, self, origin=origin, is_package=package)",
  "        spec.has_location = False",
  "        return spec",
  "",
  "    def get_source(self, name):",
  "        return _sealflow_modules[name][2]",
  "",
  "    def is_package(self, name):",
  "        return _sealflow_modules[name][1]",
  "",
  "    def exec_module(self, module):",
  "        origin, _, source = _sealflow_modules[module.__name__]",
  "        exec(compile(source, origin, 'exec'), module.__dict__)",
  "",
  "",
  REGISTERS,
];

function moduleEntry({ name, path, text, package: isPackage }: LocalModule): string[] {
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  return [
    `    ${pythonString(name)}: (`,
    `        ${pythonString(path)},`,
    `        ${isPackage ? "True" : "False"},`,
    ...(lines.length === 0
      ? ['        "",']
      : ["        (", ...lines.map((line) => `            ${pythonString(line)}`), "        ),"]),
    "    ),",
  ];
}

/** A Python literal: characters outside ASCII stay as they are, because JSON's escapes split those beyond 16 bits. */
function pythonString(text: string): string {
  return JSON.stringify(text).replaceAll("\u007f", "\\x7f");
}

/** Kubeflow's executor reads annotations when it runs, and passes no argument whose annotation is a `Literal`. */
function literalFoot({ components }: ComponentFile): string {
  const lines = components.flatMap(({ name, inputs }) =>
    inputs.flatMap((input) => {
      if (input.kind !== "parameter" || input.type.literals === undefined) return [];
      const type = input.type.parameterType === "STRING" ? "str" : "int";
      return [`${name}.__annotations__[${pythonString(input.name)}] = ${type}`];
    }),
  );
  if (lines.length === 0) return "";
  return ["", "", "# Kubeflow's executor knows no Literal.", ...lines, ""].join("\n");
}

/** What `bundledSource` put together: the local modules, and the component's own text with all that follows it. */
export interface EmbeddedParts {
  readonly modules: readonly LocalModule[];
  readonly text: string;
}

/** Takes an embedded source apart. Any other source is a text without modules; undefined for a damaged head. */
export function embeddedParts(source: string): EmbeddedParts | undefined {
  if (!source.startsWith(`${HEADING}\n`)) return { modules: [], text: source };
  const end = source.indexOf(`\n${REGISTERS}\n`);
  if (end === -1) return undefined;
  const modules: LocalModule[] = [];
  for (const [, name = "", path = "", kind, body = ""] of source.slice(0, end).matchAll(ENTRY)) {
    try {
      const lines = body.match(/^ +"(?:[^"\\]|\\.)*",?$/gm) ?? [];
      const text = lines.map((line) => JSON.parse(line.trim().replace(/,$/, ""))).join("");
      modules.push({ name: JSON.parse(name), path: JSON.parse(path), package: kind === "True", text });
    } catch {
      return undefined;
    }
  }
  return { modules, text: source.slice(end + REGISTERS.length + 2) };
}

/** A module as `moduleEntry` writes it: every line of its text is a string on a line of its own. */
const ENTRY = /^ {4}(".*"): \(\n {8}(".*"),\n {8}(True|False),\n([\s\S]*?)^ {4}\),$/gm;
