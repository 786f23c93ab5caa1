"""Runs one component alone, with inputs given by name, in this process."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin

from sealflow import vocabulary as kinds
from sealflow.errors import InputsError, OutputsError
from sealflow.executor import Invocation

Json = dict[str, Any]

_JSON_KINDS: dict[str, tuple[type, ...]] = {
    "STRING": (str,),
    "NUMBER_INTEGER": (int,),
    "NUMBER_DOUBLE": (int, float),
    "BOOLEAN": (bool,),
    "LIST": (list,),
    "STRUCT": (dict,),
}


@dataclass
class ComponentResult:
    """What a component gave: parameter values by output name, and artifacts with `path`, `uri` and
    `metadata`.

    A single returned value is named `Output`, as in the pipeline spec.
    """

    outputs: Json = field(default_factory=dict)
    artifacts: dict[str, Any] = field(default_factory=dict)

    @property
    def output(self) -> Any:
        """The single returned value; KeyError when the component returns none."""
        return self.outputs["Output"]


def run_component(
    function: Callable[..., Any], inputs: Mapping[str, Any], directory: str | os.PathLike[str]
) -> ComponentResult:
    """Runs a component function as a pipeline would, and gives what it made.

    `inputs` holds parameter values, and for artifacts a path, an artifact object (for instance of an
    earlier result) or
    a list of these. Output files are written below `directory`. Raises InputsError for inputs that do not
    fit the
    signature, OutputsError for results that do not, and whatever the component raises.
    """
    function = getattr(function, "python_func", function)
    root = os.path.abspath(os.fspath(directory))
    invocation = Invocation(function, executor_input_of(function, inputs, root))
    output = invocation.run()
    outputs: Json = dict(output.get("parameterValues") or {})
    for name, file in (invocation.outputs.get("parameters") or {}).items():
        if name not in outputs and name != "Output" and os.path.exists(file["outputFile"]):
            outputs[name] = _read_parameter(name, file["outputFile"], invocation.annotations.get(name))
    return ComponentResult(outputs, dict(invocation.output_artifacts))


def executor_input_of(function: Callable[..., Any], inputs: Mapping[str, Any], root: str) -> Json:
    """The executor input for a component with these inputs and with outputs below `root`. Raises
    InputsError."""
    annotations: Mapping[str, Any] = getattr(function, "__annotations__", {})
    parameters: Json = {}
    given: Json = {}
    outputs: Json = {
        "parameters": {},
        "artifacts": {},
        "outputFile": os.path.join(root, "executor_output.json"),
    }
    wanted = []
    for name, annotation in annotations.items():
        bare = kinds.without_optional(annotation)
        if name == "return":
            _add_returned(bare, root, outputs)
        elif kinds.marker_of(bare) == "OutputAnnotation" or kinds.path_kind_of(bare) == "OutputPath":
            _add_output(name, bare, root, outputs)
        elif kinds.marker_of(bare) != "EmbeddedAnnotation":
            wanted.append(name)
            if name in inputs:
                _add_input(name, bare, inputs[name], (parameters, given))
    unknown = sorted(set(inputs) - set(wanted))
    if unknown:
        raise InputsError(
            f"inputs: expected names among {', '.join(wanted) or '(none)'}, got {', '.join(unknown)}"
        )
    return {"inputs": {"parameterValues": parameters, "artifacts": given}, "outputs": outputs}


def _add_input(name: str, annotation: Any, value: Any, into: tuple[Json, Json]) -> None:
    parameters, artifacts = into
    if kinds.path_kind_of(annotation) == "InputPath" or kinds.artifact_class_of(annotation) is not None:
        if value is not None:
            listed = value if isinstance(value, list | tuple) else [value]
            artifacts[name] = {"artifacts": [_described(name, each, annotation) for each in listed]}
        return
    _check_parameter(name, annotation, value)
    parameters[name] = value


def _check_parameter(name: str, annotation: Any, value: Any) -> None:
    if value is None or kinds.special_kind_of(annotation):
        return
    if get_origin(annotation) is Literal and value not in get_args(annotation):
        raise InputsError(f"parameter {name}: expected one of {list(get_args(annotation))}, got {value!r}")
    expected = _JSON_KINDS.get(kinds.parameter_type_of(annotation) or "", (object,))
    if not isinstance(value, expected) or (
        isinstance(value, bool) and bool not in expected and object not in expected
    ):
        names = " or ".join(each.__name__ for each in expected)
        raise InputsError(f"parameter {name}: expected {names}, got {type(value).__name__}")


def _described(name: str, value: Any, annotation: Any) -> Json:
    title = getattr(kinds.artifact_class_of(annotation), "schema_title", None)
    if title is None:
        title = str(getattr(annotation, "type", None) or "system.Artifact").partition("@")[0]
    if isinstance(value, str | os.PathLike):
        text = os.fspath(value)
        uri = text if "://" in text else os.path.abspath(text)
        return {"name": name, "uri": uri, "metadata": {}, "type": {"schemaTitle": title}}
    if hasattr(value, "uri") and hasattr(value, "metadata"):
        uri = getattr(value, "custom_path", "") or value.uri
        return {
            "name": value.name or name,
            "uri": uri,
            "metadata": value.metadata,
            "type": {"schemaTitle": title},
        }
    raise InputsError(f"artifact {name}: expected a path or an artifact, got {type(value).__name__}")


def _add_returned(annotation: Any, root: str, outputs: Json) -> None:
    if kinds.is_named_tuple(annotation):
        for name in annotation._fields:
            _add_output(name, annotation.__annotations__.get(name), root, outputs)
    elif annotation not in (None, type(None)):
        _add_output("Output", annotation, root, outputs)


def _add_output(name: str, annotation: Any, root: str, outputs: Json) -> None:
    chosen = kinds.artifact_class_of(annotation)
    title = getattr(chosen, "schema_title", None)
    if kinds.path_kind_of(annotation) and "@" in str(annotation.type):
        title = str(annotation.type).partition("@")[0]
    if title is None:
        outputs["parameters"][name] = {"outputFile": os.path.join(root, "parameters", name)}
        return
    described = {
        "name": name,
        "uri": os.path.join(root, name),
        "metadata": {},
        "type": {"schemaTitle": title},
    }
    outputs["artifacts"][name] = {"artifacts": [described]}


def _read_parameter(name: str, path: str, annotation: Any) -> Any:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    kind = kinds.parameter_type_of(getattr(annotation, "type", str))
    if kind in (None, "STRING"):
        return text
    try:
        return json.loads(text.strip().lower() if kind == "BOOLEAN" else text)
    except ValueError as error:
        raise OutputsError(f"output {name}: expected {kind} in its file, got {text[:80]!r}") from error
