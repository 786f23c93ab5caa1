"""Reads the type annotations of component functions from syntax trees, without running the file."""

import ast
from dataclasses import dataclass, field
from typing import Any

ARTIFACT_TYPES = {
    "Artifact": "system.Artifact",
    "ClassificationMetrics": "system.ClassificationMetrics",
    "Dataset": "system.Dataset",
    "HTML": "system.HTML",
    "Markdown": "system.Markdown",
    "Metrics": "system.Metrics",
    "Model": "system.Model",
    "SlicedClassificationMetrics": "system.SlicedClassificationMetrics",
}
"""Classes of `kfp.dsl` and the schema titles behind them (kfp.dsl.types.artifact_types)."""

SCALARS = {"str": "STRING", "int": "NUMBER_INTEGER", "float": "NUMBER_DOUBLE", "bool": "BOOLEAN"}
LISTS = {"list", "typing.List"}
DICTS = {"dict", "typing.Dict"}
UNIONS = {"typing.Union", "typing.Optional"}

Type = dict[str, Any]
"""A parameter type as JSON: `parameterType`, and `element` or `literals` where they are known."""


class AnnotationError(Exception):
    """An annotation that no component can have; `node` tells where."""

    def __init__(self, node: ast.AST, message: str) -> None:
        super().__init__(message)
        self.node = node


@dataclass(frozen=True)
class Annotation:
    """What an annotation says: a parameter, an artifact, or what is filled in without a caller.

    `finalStatus` is what an exit task receives, `taskConfig` the task's own settings, `embedded` files
    that travel with the source.
    """

    kind: str
    direction: str = "input"
    optional: bool = False
    type: Type = field(default_factory=dict)
    artifact_type: str = ""
    is_list: bool = False


class Names:
    """The names of one module that annotations may use: imports, aliases, and named tuples."""

    def __init__(self, tree: ast.Module) -> None:
        self.imported: dict[str, str] = {}
        self.assigned: dict[str, ast.expr] = {}
        self.classes: dict[str, ast.ClassDef] = {}
        for node in tree.body:
            self._add(node)

    def _add(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.split(".")[0]
                self.imported[name] = alias.name if alias.asname else name
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                self.imported[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif (
            isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
        ):
            self.assigned[node.targets[0].id] = node.value
        elif isinstance(node, ast.ClassDef):
            self.classes[node.name] = node

    def resolve(self, node: ast.expr) -> ast.expr:
        """Follows module-level aliases such as `Rows = list[int]`."""
        seen: set[str] = set()
        while isinstance(node, ast.Name) and node.id in self.assigned and node.id not in seen:
            seen.add(node.id)
            node = self.assigned[node.id]
        return node

    def dotted(self, node: ast.expr) -> str:
        """The full name behind a name or attribute, for example `kfp.dsl.Input`; empty for anything else."""
        if isinstance(node, ast.Name):
            return self.imported.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            owner = self.dotted(node.value)
            return f"{owner}.{node.attr}" if owner else ""
        return ""

    def dsl(self, node: ast.expr) -> str:
        """The name within `kfp.dsl`, or empty."""
        name = self.dotted(node)
        return name.removeprefix("kfp.dsl.") if name.startswith("kfp.dsl.") else ""


def read_annotation(node: ast.expr, names: Names) -> Annotation:
    """Reads the annotation of one function argument. Raises AnnotationError."""
    node = names.resolve(node)
    inner, optional = _without_none(node, names)
    inner = names.resolve(inner)
    if isinstance(inner, ast.Subscript) and names.dsl(inner.value) in ("Input", "Output"):
        direction = names.dsl(inner.value).lower()
        title, is_list = _artifact(inner.slice, names)
        if direction == "output" and (is_list or optional):
            raise AnnotationError(inner, "an artifact output is neither a list nor optional")
        return Annotation("artifact", direction, optional, artifact_type=title, is_list=is_list)
    if isinstance(inner, ast.Call) and names.dsl(inner.func) in ("InputPath", "OutputPath"):
        return _path(inner, optional, names)
    if names.dsl(inner) == "PipelineTaskFinalStatus":
        return Annotation("finalStatus", optional=True)
    if names.dsl(inner) == "TaskConfig":
        return Annotation("taskConfig", optional=True)
    if isinstance(inner, ast.Subscript) and names.dsl(inner.value) == "EmbeddedInput":
        _artifact(inner.slice, names)
        return Annotation("embedded", optional=True)
    if _is_artifact(inner, names):
        title, is_list = _artifact(inner, names)
        return Annotation("artifact", "input", optional, artifact_type=title, is_list=is_list)
    return Annotation("parameter", optional=optional, type=read_type(inner, names))


def read_return(node: ast.expr, names: Names) -> list[tuple[str, Annotation]]:
    """Reads a return annotation: nothing, one output named `Output`, or a named tuple's fields."""
    node = names.resolve(node)
    if isinstance(node, ast.Constant) and node.value is None:
        return []
    fields = _named_tuple_fields(node, names)
    if fields is None:
        return [("Output", _output(node, names))]
    return [(name, _output(annotation, names)) for name, annotation in fields]


def _output(node: ast.expr, names: Names) -> Annotation:
    read = read_annotation(node, names)
    if read.optional:
        raise AnnotationError(node, "an output always has a value: Optional and final status are for inputs")
    if read.is_list:
        raise AnnotationError(node, "a component can't put out a list of artifacts")
    return Annotation(read.kind, "output", type=read.type, artifact_type=read.artifact_type)


def read_type(node: ast.expr, names: Names) -> Type:
    """Reads a parameter type. Raises AnnotationError for what has no counterpart in a pipeline spec."""
    node = names.resolve(node)
    name = names.dotted(node)
    if name in SCALARS:
        return {"parameterType": SCALARS[name]}
    if name in LISTS:
        return {"parameterType": "LIST"}
    if name in DICTS:
        return {"parameterType": "STRUCT"}
    if isinstance(node, ast.Subscript):
        return _generic(node, names)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        raise AnnotationError(node, f"annotation in quotes: write {node.value} without them")
    raise AnnotationError(node, f"type {ast.unparse(node)} is not supported")


def _generic(node: ast.Subscript, names: Names) -> Type:
    name = names.dotted(node.value)
    if name in LISTS:
        return {"parameterType": "LIST", **_element(node.slice, names)}
    if name in DICTS and isinstance(node.slice, ast.Tuple) and len(node.slice.elts) == 2:
        if names.dotted(node.slice.elts[0]) != "str":
            raise AnnotationError(node, "keys of a dict are str, as in JSON")
        return {"parameterType": "STRUCT", **_element(node.slice.elts[1], names)}
    if name == "typing.Literal":
        return _literal(node)
    raise AnnotationError(node, f"type {ast.unparse(node)} is not supported")


def _element(node: ast.expr, names: Names) -> Type:
    if names.dotted(names.resolve(node)) == "typing.Any":
        return {}
    return {"element": read_type(node, names)}


def _literal(node: ast.Subscript) -> Type:
    values = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    literals = [value.value for value in values if isinstance(value, ast.Constant)]
    for python, parameter in ((str, "STRING"), (int, "NUMBER_INTEGER")):
        if len(literals) == len(values) and all(type(value) is python for value in literals):
            return {"parameterType": parameter, "literals": literals}
    raise AnnotationError(node, "Literal holds either strings or integers")


def _without_none(node: ast.expr, names: Names) -> tuple[ast.expr, bool]:
    """Takes `None` out of Optional[T], Union[T, None] and T | None."""
    members = _union_members(node, names)
    if members is None:
        return node, False
    kept = [member for member in members if not (isinstance(member, ast.Constant) and member.value is None)]
    if len(kept) != 1:
        raise AnnotationError(
            node, f"type {ast.unparse(node)} is not supported: give one type, or one and None"
        )
    return kept[0], len(kept) < len(members)


def _union_members(node: ast.expr, names: Names) -> list[ast.expr] | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*(_union_members(node.left, names) or [node.left]), node.right]
    if not isinstance(node, ast.Subscript) or names.dotted(node.value) not in UNIONS:
        return None
    members = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    return [*members, ast.Constant(None)] if names.dotted(node.value) == "typing.Optional" else members


def _is_artifact(node: ast.expr, names: Names) -> bool:
    if isinstance(node, ast.Subscript) and names.dotted(node.value) in LISTS:
        return _is_artifact(names.resolve(node.slice), names)
    return names.dsl(node) in ARTIFACT_TYPES


def _artifact(node: ast.expr, names: Names) -> tuple[str, bool]:
    node = names.resolve(node)
    if isinstance(node, ast.Subscript) and names.dotted(node.value) in LISTS:
        return _artifact(node.slice, names)[0], True
    if names.dsl(node) in ARTIFACT_TYPES:
        return ARTIFACT_TYPES[names.dsl(node)], False
    raise AnnotationError(node, f"{ast.unparse(node)} is not an artifact type of kfp.dsl")


def _path(node: ast.Call, optional: bool, names: Names) -> Annotation:
    """InputPath() and OutputPath(): the path of an artifact, or of the file of a parameter output."""
    direction = "input" if names.dsl(node.func) == "InputPath" else "output"
    argument = names.resolve(node.args[0]) if node.args else None
    if argument is None:
        return Annotation("artifact", direction, optional, artifact_type="system.Artifact")
    if isinstance(argument, ast.Constant) and argument.value in ARTIFACT_TYPES:
        return Annotation("artifact", direction, optional, artifact_type=ARTIFACT_TYPES[str(argument.value)])
    if _is_artifact(argument, names):
        return Annotation("artifact", direction, optional, artifact_type=_artifact(argument, names)[0])
    if direction == "input":
        raise AnnotationError(node, "InputPath is for artifacts: take a parameter by its type")
    return Annotation("parameter", direction, type=read_type(argument, names))


def _named_tuple_fields(node: ast.expr, names: Names) -> list[tuple[str, ast.expr]] | None:
    if isinstance(node, ast.Name) and node.id in names.classes:
        definition = names.classes[node.id]
        if [names.dotted(base) for base in definition.bases] != ["typing.NamedTuple"]:
            raise AnnotationError(node, f"class {node.id} is not a NamedTuple")
        fields = [item for item in definition.body if isinstance(item, ast.AnnAssign)]
        return [(item.target.id, item.annotation) for item in fields if isinstance(item.target, ast.Name)]
    if not isinstance(node, ast.Call) or names.dotted(node.func) != "typing.NamedTuple":
        return None
    if len(node.args) == 2 and isinstance(node.args[1], ast.List | ast.Tuple):
        return [_pair(element) for element in node.args[1].elts]
    return [(keyword.arg, keyword.value) for keyword in node.keywords if keyword.arg]


def _pair(node: ast.expr) -> tuple[str, ast.expr]:
    if isinstance(node, ast.Tuple) and len(node.elts) == 2:
        name, annotation = node.elts
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            return name.value, annotation
    raise AnnotationError(node, "a field of NamedTuple is a pair of name and type")
