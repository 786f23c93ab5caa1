/** The head of a source whose files travel along, under the names by which Kubeflow's executor knows them. */
import type { EmbeddedFiles } from "./component-file.js";

/** What a notebook needs to run, as Kubeflow's own notebook components have it. */
const NOTEBOOK_REQUIREMENTS = ["nbclient>=0.10,<1", "ipykernel>=6,<7", "jupyter_client>=7,<9"];

/** The dependencies of a file, with what its notebook needs unless they name a client themselves. */
export function withNotebookClient(
  dependencies: readonly string[],
  embedded: EmbeddedFiles | undefined,
): readonly string[] {
  if (embedded?.notebook !== true || dependencies.some((text) => /^nbclient\b/.test(text)))
    return dependencies;
  return [...dependencies, ...NOTEBOOK_REQUIREMENTS];
}

/** Python statements that unpack the files when the source is loaded. */
export function filesHead({ archive, file, notebook }: EmbeddedFiles): string {
  const named =
    file === undefined
      ? []
      : [
          `__KFP_EMBEDDED_ASSET_FILE = _sealflow_os.path.join(__KFP_EMBEDDED_ASSET_DIR, ${JSON.stringify(file)})`,
        ];
  return [
    "# Files that travel with the component, unpacked when it is loaded.",
    "import base64 as _sealflow_base64",
    "import io as _sealflow_io",
    "import os as _sealflow_os",
    "import sys as _sealflow_files_sys",
    "import tarfile as _sealflow_tarfile",
    "import tempfile as _sealflow_tempfile",
    "",
    "_sealflow_archive = (",
    ...(archive.match(/.{1,100}/g) ?? []).map((line) => `    "${line}"`),
    ")",
    "_sealflow_directory = _sealflow_tempfile.TemporaryDirectory()",
    "__KFP_EMBEDDED_ASSET_DIR = _sealflow_directory.name",
    "with _sealflow_tarfile.open(",
    '    fileobj=_sealflow_io.BytesIO(_sealflow_base64.b64decode(_sealflow_archive)), mode="r:gz"',
    ") as _sealflow_tar:",
    '    _sealflow_safe = {"filter": "data"} if hasattr(_sealflow_tarfile, "data_filter") else {}',
    "    _sealflow_tar.extractall(__KFP_EMBEDDED_ASSET_DIR, **_sealflow_safe)",
    "_sealflow_files_sys.path.insert(0, __KFP_EMBEDDED_ASSET_DIR)",
    ...named,
    ...(notebook ? NOTEBOOK : []),
    "",
    "",
  ].join("\n");
}

/** Parameters stand in a cell behind the one tagged `parameters`, else at the top, as Papermill has it. */
const NOTEBOOK = [
  "",
  "",
  "def _sealflow_run_notebook(**parameters):",
  "    import json",
  "    import nbformat",
  "    from nbclient import NotebookClient",
  "",
  "    class Client(NotebookClient):",
  "        def process_message(self, message, cell, index):",
  "            output = super().process_message(message, cell, index)",
  "            data = {} if output is None else output.get('data', {})",
  "            text = None if output is None else output.get('text', data.get('text/plain'))",
  "            if text:",
  "                print(text, end='' if text.endswith('\\n') else '\\n', flush=True)",
  "            return output",
  "",
  "    notebook = nbformat.read(__KFP_EMBEDDED_ASSET_FILE, as_version=4)",
  "    tagged = [",
  "        place",
  "        for place, cell in enumerate(notebook.cells, 1)",
  "        if cell.cell_type == 'code' and 'parameters' in cell.metadata.get('tags', [])",
  "    ]",
  "    if parameters:",
  "        lines = [f'{name} = json.loads({json.dumps(value)!r})' for name, value in parameters.items()]",
  "        cell = nbformat.v4.new_code_cell('\\n'.join(['import json', *lines]))",
  "        cell.metadata['tags'] = ['injected-parameters']",
  "        notebook.cells.insert(tagged[0] if tagged else 0, cell)",
  "    kernel = notebook.metadata.get('kernelspec', {}).get('name', 'python3')",
  "    place = {'metadata': {'path': __KFP_EMBEDDED_ASSET_DIR}}",
  "    Client(notebook, timeout=None, kernel_name=kernel, resources=place).execute()",
  "",
  "",
  "import kfp.dsl as _sealflow_dsl",
  "",
  "_sealflow_dsl.run_notebook = _sealflow_run_notebook",
];
