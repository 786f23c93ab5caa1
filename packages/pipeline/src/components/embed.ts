/**
 * A Python component as a container: the shape of Kubeflow's lightweight components, so that a stock Kubeflow
 * Pipelines runs it. The first shell installs what is required and starts the second, which writes the source to a
 * file and has Kubeflow's executor run the function in it.
 */
import type { ErrorDetails } from "@sealflow/core";
import type { BaseContainer } from "../authoring/compile/executor.js";
import type { PythonImplementation } from "../authoring/component-model.js";
import { bundledSource } from "./bundle.js";
import type { ComponentFile, Requirements } from "./component-file.js";
import { withNotebookClient } from "./embedded-files.js";

/** The version of `kfp` that is installed into the component's container when its file names none. */
export const DEFAULT_KFP_VERSION = "2.17.0";

/** The image of components whose file names none. */
export const DEFAULT_BASE_IMAGE = "python:3.11";

/** The container of a component, or why there is none. */
export function embeddedContainer(
  implementation: PythonImplementation,
  file: ComponentFile | undefined,
): BaseContainer | { readonly problem: Omit<ErrorDetails, "where"> } {
  const name = implementation.function;
  const signature = file?.components.find((candidate) => candidate.name === name);
  if (file === undefined || signature === undefined) return { problem: missing(implementation, file) };
  if (signature.digest !== implementation.signature) {
    return {
      problem: {
        code: "PIPELINE_COMPONENTS_DRIFTED",
        message: `${name}: the signature in ${file.path} has changed since its TypeScript was generated`,
        hint: `Run: sealflow components generate ${file.path}`,
      },
    };
  }
  const { embedded } = file;
  const dependencies = withNotebookClient(file.requirements.dependencies, embedded);
  const requirements = { ...file.requirements, dependencies };
  return {
    image: requirements.baseImage ?? DEFAULT_BASE_IMAGE,
    command: ["sh", "-c", installScript(requirements), "sh", "-ec", RUN_SCRIPT, bundledSource(file)],
    args: ["--executor_input", "{{$}}", "--function_to_execute", name],
    ...(requirements.lock === undefined ? {} : { env: { SEALFLOW_LOCK_SHA256: requirements.lock.sha256 } }),
  };
}

function missing(
  implementation: PythonImplementation,
  file: ComponentFile | undefined,
): Omit<ErrorDetails, "where"> {
  const name = implementation.function;
  if (file === undefined) {
    const message = `${name}: expected the source of ${implementation.source}, got none`;
    return { code: "PIPELINE_SOURCE_MISSING", message };
  }
  return {
    code: "PIPELINE_SOURCE_MISSING",
    message: `${name}: expected a component of this name in ${file.path}, got none`,
    hint: `Run: sealflow components generate ${file.path}`,
  };
}

/** `exec` leaves no shell between the container's first process and the component. */
function installScript(requirements: Requirements): string {
  const { dependencies, kfp = DEFAULT_KFP_VERSION } = requirements;
  const options = ["--quiet", "--no-warn-script-location", ...indexOptions(requirements)].join(" ");
  const pip = `python3 -m pip install ${options}`;
  const lines = [
    "python3 -m pip --version >/dev/null 2>&1 || python3 -m ensurepip --default-pip >/dev/null || exit 1",
    "export PIP_DISABLE_PIP_VERSION_CHECK=1",
    `${pip} ${quoted(`kfp==${kfp}`)} '--no-deps' || exit 1`,
    ...(dependencies.length === 0 ? [] : [`${pip} ${dependencies.map(quoted).join(" ")} || exit 1`]),
    'exec "$0" "$@"',
  ];
  return `${lines.join("\n")}\n`;
}

/** As Kubeflow's compiler orders them: the first index in place of PyPI, the others beside it. */
function indexOptions({ indexUrls = [], trustedHosts = [] }: Requirements): string[] {
  return [
    ...indexUrls.map((url, at) => `${at === 0 ? "--index-url" : "--extra-index-url"} ${quoted(url)}`),
    ...trustedHosts.map((host) => `--trusted-host ${quoted(host)}`),
  ];
}

const RUN_SCRIPT = `component=$(mktemp -d)/ephemeral_component.py
printf '%s' "$0" > "$component"
export _KFP_RUNTIME=true
exec python3 -m kfp.dsl.executor_main --component_module_path "$component" "$@"
`;

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
