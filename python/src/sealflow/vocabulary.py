"""What a component's annotations mean: parameter, artifact, path, marker.

Annotations are recognised by shape and name, never by identity, so that the classes may come from
Kubeflow's own `kfp`
package where a component's environment has it, or from this package where not.
"""

import re
import types
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from sealflow.artifacts import HTML, Artifact, Dataset, Markdown, Metrics, Model
from sealflow.classification import ClassificationMetrics, SlicedClassificationMetrics

ARTIFACT_CLASSES: dict[str, type[Artifact]] = {
    each.schema_title: each
    for each in (
        Artifact,
        Model,
        Dataset,
        Metrics,
        ClassificationMetrics,
        SlicedClassificationMetrics,
        HTML,
        Markdown,
    )
}

# Lower-case type name → parameter type of the pipeline spec.
PARAMETER_TYPES = {
    "integer": "NUMBER_INTEGER",
    "int": "NUMBER_INTEGER",
    "double": "NUMBER_DOUBLE",
    "float": "NUMBER_DOUBLE",
    "string": "STRING",
    "str": "STRING",
    "text": "STRING",
    "bool": "BOOLEAN",
    "boolean": "BOOLEAN",
    "dict": "STRUCT",
    "list": "LIST",
    "jsonobject": "STRUCT",
    "jsonarray": "LIST",
}

_SHORT_NAME = re.compile(r"(?:typing\.)?(\w+)(?:\[.+\])?")


class InputAnnotation:
    """Marks an artifact that the task reads."""


class OutputAnnotation:
    """Marks an artifact that the task writes."""


class EmbeddedAnnotation:
    """Marks a file or directory that travels inside the component's source."""


T = TypeVar("T")
Input = Annotated[T, InputAnnotation]
Output = Annotated[T, OutputAnnotation]
EmbeddedInput = Annotated[T, EmbeddedAnnotation]


class _Path:
    def __init__(self, type: Any = None) -> None:
        self.type = _path_type(type)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash((type(self), str(self.type)))


class InputPath(_Path):
    """Annotates an argument that receives the local path of an input artifact."""


class OutputPath(_Path):
    """Annotates an argument that receives the local path to write an output artifact or parameter to."""


@dataclass
class PipelineTaskFinalStatus:
    """How an upstream task, or the tasks under an exit handler, ended."""

    state: str
    pipeline_job_resource_name: str
    pipeline_task_name: str
    error_code: int | None
    error_message: str | None


@dataclass
class TaskConfig:
    """The Kubernetes settings of the task, for components that start workloads of their own."""

    affinity: dict[str, Any] | None = None
    tolerations: list[dict[str, Any]] | None = None
    node_selector: dict[str, str] | None = None
    env: list[dict[str, Any]] | None = None
    volumes: list[dict[str, Any]] | None = None
    volume_mounts: list[dict[str, Any]] | None = None
    resources: dict[str, Any] | None = None


def without_optional(annotation: Any) -> Any:
    """`T` for `Optional[T]`, `T | None` and `None | T`; anything else unchanged."""
    if get_origin(annotation) in (Union, types.UnionType):
        arms = [arm for arm in get_args(annotation) if arm is not type(None)]
        if len(arms) == 1:
            return arms[0]
    return annotation


def marker_of(annotation: Any) -> str | None:
    """Name of the marker class of `Input[T]`, `Output[T]` or `EmbeddedInput[T]`; None for other
    annotations."""
    metadata = getattr(annotation, "__metadata__", None)
    return getattr(metadata[0], "__name__", None) if metadata else None


def is_artifact_class(annotation: Any) -> bool:
    """Whether this is a class with an artifact schema."""
    return (
        isinstance(annotation, type)
        and hasattr(annotation, "schema_title")
        and hasattr(annotation, "schema_version")
    )


def artifact_class_of(annotation: Any) -> Any:
    """Artifact class inside `Input[T]`, `Input[List[T]]`, `List[T]` or `T`; None when there is none."""
    inner = without_optional(annotation)
    if marker_of(inner) is not None:
        inner = without_optional(inner.__origin__)
    while get_origin(inner) is list and get_args(inner):
        inner = get_args(inner)[0]
    return inner if is_artifact_class(inner) else None


def is_artifact_list(annotation: Any) -> bool:
    """Whether this is `List[T]` or `Input[List[T]]` of artifacts."""
    inner = without_optional(annotation)
    if marker_of(inner) is not None:
        inner = without_optional(inner.__origin__)
    return get_origin(inner) is list and artifact_class_of(inner) is not None


def path_kind_of(annotation: Any) -> str | None:
    """`InputPath` or `OutputPath` for annotations of those kinds, else None."""
    name = type(annotation).__name__
    return name if name in ("InputPath", "OutputPath") and hasattr(annotation, "type") else None


def special_kind_of(annotation: Any) -> str | None:
    """`PipelineTaskFinalStatus` or `TaskConfig` for those classes, else None."""
    name = getattr(annotation, "__name__", None)
    return name if name in ("PipelineTaskFinalStatus", "TaskConfig") else None


def parameter_type_of(annotation: Any) -> str | None:
    """Parameter type in the pipeline spec's words (`NUMBER_INTEGER`, …), or None for what is not a
    parameter."""
    annotation = without_optional(annotation)
    if special_kind_of(annotation):
        return "STRUCT"
    if get_origin(annotation) is Literal:
        kinds = {parameter_type_of(type(value)) for value in get_args(annotation)}
        return kinds.pop() if len(kinds) == 1 else None
    if isinstance(annotation, type) and annotation in (str, int, float, bool, dict, list):
        return PARAMETER_TYPES[annotation.__name__]
    match = _SHORT_NAME.match(str(annotation))
    return PARAMETER_TYPES.get(match[1].lower()) if match else None


def is_return_parameter(annotation: Any) -> bool:
    """Whether a return annotation is a parameter for Kubeflow's executor, which knows no Optional and no
    Literal there."""
    origin = get_origin(annotation)
    return origin not in (Literal, Union) and parameter_type_of(annotation) is not None


def is_named_tuple(annotation: Any) -> bool:
    """Whether this is a NamedTuple class with annotated fields."""
    return isinstance(annotation, type) and issubclass(annotation, tuple) and hasattr(annotation, "_fields")


def _path_type(given: Any) -> Any:
    if is_artifact_class(given):
        return f"{given.schema_title}@{given.schema_version}"
    if isinstance(given, str):
        for each in ARTIFACT_CLASSES.values():
            if given.lower() == each.__name__.lower():
                return f"{each.schema_title}@0.0.1"
    if given is not None and parameter_type_of(given) is not None:
        return given
    return f"{Artifact.schema_title}@0.0.1"
