"""Runs one component with Kubeflow Pipelines' executor contract: executor input in, executor output out.

Semantics follow `kfp.dsl.executor_main` of Kubeflow Pipelines 2.17; where that one would fail late or write
a document
that is not JSON, this one fails with an error that names the parameter.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, get_args, get_origin

from sealflow import artifacts
from sealflow import vocabulary as kinds
from sealflow.errors import InputsError, OutputsError

Json = dict[str, Any]


class Invocation:
    """A component function together with the executor input of one task."""

    def __init__(self, function: Callable[..., Any], executor_input: Json) -> None:
        # Functions decorated by the kfp package carry the plain function inside.
        self.function: Callable[..., Any] = getattr(function, "python_func", function)
        self.name: str = getattr(self.function, "__name__", str(function))
        self.inputs: Json = executor_input.get("inputs") or {}
        self.outputs: Json = executor_input.get("outputs") or {}
        output_file = self.outputs.get("outputFile")
        if not isinstance(output_file, str) or not output_file:
            raise InputsError("executor input: expected outputs.outputFile to be a path, got none")
        self.output_file = output_file
        self.annotations: Mapping[str, Any] = getattr(self.function, "__annotations__", {})
        self.classes = _artifact_classes()
        self.output_artifacts: dict[str, Any] = {}
        self.values: Json = {}

    def run(self) -> Json:
        """Binds the inputs, calls the function, and returns the executor output (also written to its
        file)."""
        _set_task_root(os.path.dirname(self.output_file))
        _make_parent(self.output_file)
        arguments = self._bind()
        result = self.function(**arguments)
        try:
            self._take(result)
            output = self._executor_output()
            _write(self.output_file, encode(output))
        except OSError as error:
            raise OutputsError(f"outputs of {self.name}: {error}") from error
        return output

    def _bind(self) -> Json:
        self._make_output_artifacts()
        arguments: Json = {}
        for name, annotation in self.annotations.items():
            if name != "return":
                self._bind_one(name, annotation, arguments)
        self._check_complete(arguments)
        return arguments

    def _make_output_artifacts(self) -> None:
        for name, listed in (self.outputs.get("artifacts") or {}).items():
            for description in (listed.get("artifacts") or [])[:1]:
                artifact = self._artifact(description, self.annotations.get(name))
                self.output_artifacts[name] = artifact
                _make_parent(artifact.path)

    def _bind_one(self, name: str, annotation: Any, arguments: Json) -> None:
        annotation = kinds.without_optional(annotation)
        marker = kinds.marker_of(annotation)
        path_kind = kinds.path_kind_of(annotation)
        if kinds.special_kind_of(annotation):
            self._bind_special(name, annotation, arguments)
        elif marker == "EmbeddedAnnotation":
            arguments[name] = self._embedded(annotation)
        elif marker == "OutputAnnotation":
            arguments[name] = self.output_artifacts.get(name)
        elif marker == "InputAnnotation" or kinds.artifact_class_of(annotation) is not None:
            arguments[name] = self._input_artifact(name, annotation)
        elif path_kind is not None:
            self._bind_path(name, annotation, arguments)
        elif kinds.parameter_type_of(annotation) is not None:
            value = (self.inputs.get("parameterValues") or {}).get(name)
            if value is not None:
                arguments[name] = value
        elif isinstance(annotation, str):
            raise InputsError(
                f"parameter {name} of {self.name}: expected a type, got the text {annotation!r}; "
                "remove `from __future__ import annotations` and the quotes: Kubeflow can't read them"
            )

    def _bind_special(self, name: str, annotation: Any, arguments: Json) -> None:
        value = (self.inputs.get("parameterValues") or {}).get(name)
        if kinds.special_kind_of(annotation) == "TaskConfig":
            arguments[name] = _task_config(annotation, value or {})
        elif isinstance(value, dict):
            arguments[name] = _final_status(annotation, value)
        elif value is not None:
            raise InputsError(
                f"parameter {name} of {self.name}: expected a task's final status, got {value!r}"
            )

    def _bind_path(self, name: str, annotation: Any, arguments: Json) -> None:
        if kinds.path_kind_of(annotation) == "InputPath":
            artifact = self._input_artifact(name, annotation)
            if artifact is None:
                raise InputsError(f"input {name} of {self.name}: expected an artifact, got none")
            arguments[name] = artifact.path
            return
        output = (self.outputs.get("parameters") or {}).get(name)
        if name in self.output_artifacts:
            arguments[name] = self.output_artifacts[name].path
        elif output and output.get("outputFile"):
            _make_parent(output["outputFile"])
            arguments[name] = output["outputFile"]
        else:
            raise InputsError(
                f"output {name} of {self.name}: expected a path in the executor input, got none"
            )

    def _input_artifact(self, name: str, annotation: Any) -> Any:
        given = (self.inputs.get("artifacts") or {}).get(name)
        if given is None:
            return None
        listed = given.get("artifacts") or []
        if kinds.is_artifact_list(annotation):
            return [self._artifact(each, annotation) for each in listed]
        return self._artifact(listed[0], annotation) if listed else None

    def _artifact(self, description: Json, annotation: Any) -> Any:
        title = (description.get("type") or {}).get("schemaTitle", "")
        chosen = (
            self.classes.get(title) or kinds.artifact_class_of(annotation) or self.classes["system.Artifact"]
        )
        make = getattr(chosen, "_from_executor_fields", chosen)
        # A custom path belongs to the task that set it: its readers find the content at the URI.
        artifact = make(
            name=description.get("name", ""),
            uri=description.get("uri", ""),
            metadata=description.get("metadata") or {},
        )
        # Remote content that was brought to this machine, under its own URI.
        if description.get("localPath"):
            artifact.custom_path = description["localPath"]
        return artifact

    def _embedded(self, annotation: Any) -> Any:
        names = self.function.__globals__
        path = names.get("__KFP_EMBEDDED_ASSET_FILE") or names.get("__KFP_EMBEDDED_ASSET_DIR")
        if not path:
            raise InputsError(f"{self.name}: expected an embedded file in the source, got none")
        artifact = (kinds.artifact_class_of(annotation) or self.classes["system.Artifact"])()
        artifact.path = path
        return artifact

    def _check_complete(self, arguments: Json) -> None:
        code = getattr(self.function, "__code__", None)
        if code is None:
            return
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        positional = names[: code.co_argcount]
        defaults = self.function.__defaults__ or ()
        optional = {*positional[len(positional) - len(defaults) :], *(self.function.__kwdefaults__ or {})}
        for name in names:
            if name not in arguments and name not in optional:
                reason = "got none" if name in self.annotations else "got none, and it has no type annotation"
                raise InputsError(f"parameter {name} of {self.name}: expected a value, {reason}")

    def _take(self, result: Any) -> None:
        if result is None:
            return
        declared = self.annotations.get("return")
        if kinds.is_return_parameter(declared) or kinds.is_artifact_class(declared):
            self._take_one("Output", declared, result)
        elif kinds.is_named_tuple(declared):
            self._take_tuple(declared, result)
        else:
            raise OutputsError(
                f"return value of {self.name}: expected an annotation of a parameter type, an artifact class "
                f"or a NamedTuple of these, got {declared!r}"
            )

    def _take_tuple(self, declared: Any, result: Any) -> None:
        fields = declared._fields
        if not hasattr(result, "__len__") or len(result) != len(fields):
            count = len(result) if hasattr(result, "__len__") else type(result).__name__
            raise OutputsError(f"return value of {self.name}: expected {len(fields)} values, got {count}")
        for index, field in enumerate(fields):
            if type(result) is not tuple and not hasattr(result, field):
                raise OutputsError(
                    f"return value of {self.name}: expected {declared.__name__} or tuple, "
                    f"got {type(result).__name__}"
                )
            value = result[index] if type(result) is tuple else getattr(result, field)
            self._take_one(field, declared.__annotations__.get(field), value)

    def _take_one(self, name: str, declared: Any, value: Any) -> None:
        if kinds.is_return_parameter(declared):
            wanted = _accepted_types(declared)
            if not isinstance(value, wanted):
                raise OutputsError(
                    f"output {name} of {self.name}: expected {_names_of(wanted)}, got {type(value).__name__}"
                )
            self.values[name] = value
        elif not kinds.is_artifact_class(declared):
            raise OutputsError(
                f"output {name} of {self.name}: expected a parameter or artifact type, got {declared!r}"
            )
        elif kinds.is_artifact_class(type(value)):
            self.output_artifacts[name] = value
        elif name not in self.output_artifacts:
            raise OutputsError(
                f"output {name} of {self.name}: expected an artifact in the executor input, got none"
            )
        else:
            _write(self.output_artifacts[name].path, str(value).encode())

    def _executor_output(self) -> Json:
        output: Json = {}
        if self.values:
            output["parameterValues"] = self.values
        if self.output_artifacts:
            output["artifacts"] = {
                name: {"artifacts": [_described(artifact)]}
                for name, artifact in self.output_artifacts.items()
            }
        return output


def encode(output: Json) -> bytes:
    """JSON text of an executor output; raises OutputsError that names the value which JSON can't hold."""
    try:
        return json.dumps(output, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        where = _first_unfit(output, "") or "executor output"
        raise OutputsError(f"{where}: expected a value that JSON can hold, got {error}") from error


def _first_unfit(value: Any, where: str) -> str | None:
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list | tuple)
        else ()
    )
    for key, each in items:
        try:
            json.dumps(each, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            path = f"{where}.{key}" if where else str(key)
            return _first_unfit(each, path) if path.count(".") < 20 else path
    return where or None


def _accepted_types(declared: Any) -> tuple[type, ...]:
    if isinstance(declared, str):
        raise OutputsError(f"return annotation: expected a type, got the text {declared!r}")
    origin = get_origin(declared)
    if origin is not None and not isinstance(origin, type):
        origin = None
    arms = get_args(declared) if type(declared).__name__ == "UnionType" else (origin or declared,)
    wanted = tuple(arm for arm in (get_origin(arm) or arm for arm in arms) if isinstance(arm, type))
    return (*wanted, int) if float in wanted else wanted


def _names_of(wanted: tuple[type, ...]) -> str:
    return " or ".join(each.__name__ for each in wanted)


def _described(artifact: Any) -> Json:
    described: Json = {"name": artifact.name, "uri": artifact.uri, "metadata": artifact.metadata}
    # Older releases of the kfp package know no custom path.
    if getattr(artifact, "custom_path", ""):
        described["custom_path"] = artifact.custom_path
    return described


def _final_status(kind: Any, value: Json) -> Any:
    error = value.get("error") or {}
    return kind(
        state=value.get("state"),
        pipeline_job_resource_name=value.get("pipelineJobResourceName")
        or value.get("pipeline_job_resource_name"),
        pipeline_task_name=value.get("pipelineTaskName") or value.get("pipeline_task_name"),
        error_code=error.get("code"),
        error_message=error.get("message"),
    )


def _task_config(kind: Any, value: Json) -> Any:
    return kind(
        affinity=value.get("affinity"),
        tolerations=value.get("tolerations"),
        node_selector=value.get("nodeSelector"),
        env=value.get("env"),
        volumes=value.get("volumes"),
        volume_mounts=value.get("volumeMounts"),
        resources=value.get("resources"),
    )


def _artifact_classes() -> dict[str, Any]:
    """The classes that the component sees: those of the kfp package where the component imported it, else
    ours."""
    real = sys.modules.get("kfp.dsl.types.artifact_types")
    registry = getattr(real, "_SCHEMA_TITLE_TO_TYPE", None)
    return registry if isinstance(registry, dict) else dict(kinds.ARTIFACT_CLASSES)


def _set_task_root(root: str) -> None:
    artifacts.set_task_root(root)
    real = sys.modules.get("kfp.dsl.types.artifact_types")
    if real is not None and hasattr(real, "CONTAINER_TASK_ROOT"):
        setattr(real, "CONTAINER_TASK_ROOT", root)  # noqa: B010


def _make_parent(path: str) -> None:
    parent = os.path.dirname(path)
    if parent and not os.path.isdir(parent):
        os.makedirs(parent, exist_ok=True)


def _write(path: str, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        while content:
            content = content[os.write(descriptor, content) :]
    finally:
        os.close(descriptor)
