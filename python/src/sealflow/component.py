"""`python -m sealflow.component run FILE.py:function …`: runs one component alone, from the command line."""

import argparse
import json
import os
import sys
from typing import Any

from sealflow import failure, kfp_shim, sources
from sealflow import vocabulary as kinds
from sealflow.errors import InputsError, SourceError
from sealflow.single import ComponentResult, run_component

__all__ = ["ComponentResult", "main", "run_component"]

_WORDS = {
    "NUMBER_INTEGER": "a whole number",
    "NUMBER_DOUBLE": "a number",
    "BOOLEAN": "true or false",
    "LIST": "a list as JSON",
    "STRUCT": "an object as JSON",
}


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; 0 when the component succeeded, 1 when it failed, 2 for wrong usage."""
    options = _parser().parse_args(arguments)
    path, _, name = options.component.rpartition(":")
    kfp_shim.install()
    try:
        if not path or not name:
            raise InputsError(f"component: expected FILE.py:function, got {options.component}")
        result = _run(os.path.abspath(path), name, options)
    except BaseException as error:
        return _fail(error, os.path.abspath(path), options.json)
    _show(result, options.json)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sealflow.component", description="Runs components alone."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run one component with given inputs")
    run.add_argument("component", help="FILE.py:function")
    run.add_argument(
        "--input", action="append", default=[], metavar="NAME=VALUE", help="a parameter (text or JSON)"
    )
    run.add_argument("--artifact", action="append", default=[], metavar="NAME=PATH", help="an input artifact")
    run.add_argument("--output-directory", required=True, metavar="DIR", help="where outputs are written")
    run.add_argument(
        "--json", action="store_true", help="print one JSON object, and nothing else, on standard output"
    )
    return parser


def _run(path: str, name: str, options: argparse.Namespace) -> ComponentResult:
    if options.json:
        # What the component prints must not get between the caller and the JSON.
        keep = os.dup(1)
        os.dup2(2, 1)
    try:
        function = sources.load_function(path, name)
        annotations = getattr(getattr(function, "python_func", function), "__annotations__", {})
        inputs: dict[str, Any] = {}
        for key, text in map(_pair, options.input):
            inputs[key] = _value_of(key, text, annotations.get(key))
        for key, text in map(_pair, options.artifact):
            inputs[key] = (
                [*inputs[key], text] if isinstance(inputs.get(key), list) else _artifact(inputs, key, text)
            )
        return run_component(function, inputs, options.output_directory)
    finally:
        sys.stdout.flush()
        if options.json:
            os.dup2(keep, 1)
            os.close(keep)


def _artifact(inputs: dict[str, Any], key: str, text: str) -> Any:
    """A path, or a list of paths when the option was given before."""
    return [inputs[key], text] if key in inputs else text


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not name or not separator:
        raise InputsError(f"option: expected NAME=VALUE, got {text}")
    return name, value


def _value_of(name: str, text: str, annotation: Any) -> Any:
    kind = kinds.parameter_type_of(annotation) if annotation is not None else None
    if kind in (None, "STRING"):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputsError(f"parameter {name}: expected {_WORDS.get(kind, kind)}, got {text!r}") from error


def _fail(error: BaseException, path: str, as_json: bool) -> int:
    if isinstance(error, KeyboardInterrupt):
        return 130
    described = failure.describe(error, path)
    if isinstance(error, SystemExit) and error.code in (None, 0):
        return 0
    wrong_usage = isinstance(error, InputsError | SourceError)
    if as_json:
        print(json.dumps({"error": described}))
    if not wrong_usage:
        failure.print_to_log(described)
    elif not as_json:
        # Nothing ran, so there is nothing that a traceback could explain.
        print(f"error: {described['message']}", file=sys.stderr)
    return 2 if wrong_usage else 1


def _show(result: ComponentResult, as_json: bool) -> None:
    artifacts = {
        name: {"path": each.path, "uri": each.uri, "metadata": each.metadata}
        for name, each in result.artifacts.items()
    }
    if as_json:
        print(json.dumps({"outputs": result.outputs, "artifacts": artifacts}))
        return
    for name, value in result.outputs.items():
        print(f"{name} = {json.dumps(value)}")
    for name, artifact in artifacts.items():
        print(f"{name}: {artifact['path']}")
        for key, value in artifact["metadata"].items():
            print(f"  {key} = {json.dumps(value)}")


if __name__ == "__main__":
    sys.exit(main())
