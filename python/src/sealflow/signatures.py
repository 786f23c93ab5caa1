"""Reads component signatures from Python files, without running them.

`python -m sealflow.signatures FILE...` prints one JSON array with a description per file: the source, the
local modules that travel with it, what it requires, its components, and everything that is wrong with it.
"""

import ast
import hashlib
import json
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sealflow.annotations import Annotation, AnnotationError, Names, read_annotation, read_return
from sealflow.docstrings import read_docstring
from sealflow.embedding import EmbedError, pack
from sealflow.local_imports import collect_imports, relative_imports

Json = dict[str, Any]

_SCRIPT = re.compile(r"(?m)^# /// script[ \t]*\n((?:#(?: .*)?\n)*?)# ///[ \t]*$")
"""The block of inline script metadata (PEP 723)."""

_FILLED = ("finalStatus", "taskConfig")
"""Kinds of inputs that the backend fills in, not a caller."""

_SETTINGS = {"base-image", "embed", "index-urls", "kfp", "lock", "notebook", "trusted-hosts"}
"""Members of `[tool.sealflow]`."""


def _strings(name: str, value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise TypeError(f"{name}: expected a list of strings")
    return value


class ComponentsFile:
    """One file, read: `describe` gives the JSON. Findings are collected, never raised."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.errors: list[Json] = []
        self.reads_embedded: tuple[int, str] | None = None

    def describe(self) -> Json:
        """The file's description; with a file that can't be read or parsed, only path and errors."""
        result: Json = {"path": self.path, "text": "", "modules": [], "imports": [], "components": []}
        try:
            result["text"] = Path(self.path).read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
            tree = ast.parse(result["text"], filename=self.path)
        except (OSError, UnicodeDecodeError) as error:
            self._report("FILE_UNREADABLE", f"{self.path}: {error}", None)
        except (SyntaxError, ValueError) as error:
            self._report_syntax(self.path, error)
        else:
            result["components"] = self._components(tree)
            result |= self._imports(tree)
        result["requirements"] = self._requirements(result["text"])
        result |= self._embedded(result["requirements"])
        return {**result, "errors": self.errors}

    def _embedded(self, requirements: Json) -> Json:
        """The files that travel with the source, packed; the settings that name them are taken out."""
        named = [(key, requirements.pop(key)) for key in ("embed", "notebook") if key in requirements]
        if self.reads_embedded and not named:
            line, what = self.reads_embedded
            message = f"{what}: expected files that travel along: name them as embed in [tool.sealflow]"
            self._report("EMBED_INVALID", message, None, line)
        if len(named) > 1:
            self._report("EMBED_INVALID", "[tool.sealflow]: expected embed or notebook, got both", None)
        if len(named) != 1:
            return {}
        (key, name), *_ = named
        path = Path(self.path).parent / name
        try:
            if key == "notebook" and path.suffix != ".ipynb":
                raise EmbedError(f"{path}: expected a notebook (.ipynb)")
            embedded: Json = {"archive": pack(path), "notebook": key == "notebook"}
        except (EmbedError, OSError) as error:
            self._report("EMBED_INVALID", f"{key}: {error}", None)
            return {}
        return {"embedded": embedded | ({"file": path.name} if path.is_file() else {})}

    def _components(self, tree: ast.Module) -> list[Json]:
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and _is_future_annotations(node):
                self._report(
                    "FUTURE_ANNOTATIONS",
                    "from __future__ import annotations turns annotations into strings, "
                    "which Kubeflow's executor can't read: remove it",
                    node,
                )
        names = Names(tree)
        return [self._component(function, names) for function in self._exported(tree)]

    def _exported(self, tree: ast.Module) -> list[ast.FunctionDef]:
        functions: dict[str, ast.FunctionDef] = {}
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                functions[node.name] = node
            elif isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_"):
                self._report(
                    "FUNCTION_UNSUPPORTED", f"{node.name}: expected a plain function, got async", node
                )
        exported = self._all(tree)
        if exported is None:
            return [function for name, function in functions.items() if not name.startswith("_")]
        for name in exported:
            if name not in functions:
                self._report(
                    "EXPORT_UNKNOWN", f"__all__ names {name}, which is not a function of this file", None
                )
        return [function for name, function in functions.items() if name in exported]

    def _all(self, tree: ast.Module) -> list[str] | None:
        for node in tree.body:
            if isinstance(node, ast.Assign) and any(_is_name(target, "__all__") for target in node.targets):
                try:
                    return [str(name) for name in ast.literal_eval(node.value)]
                except (ValueError, TypeError):
                    self._report("EXPORT_UNKNOWN", "__all__: expected a literal list of names", node)
        return None

    def _component(self, function: ast.FunctionDef, names: Names) -> Json:
        if function.decorator_list:
            self._report(
                "FUNCTION_UNSUPPORTED",
                f"{function.name}: decorators are not supported on components",
                function.decorator_list[0],
            )
        inputs: list[Json] = []
        outputs: list[Json] = []
        docs = read_docstring(ast.get_docstring(function))
        for argument, default in self._arguments(function):
            described = self._argument(function.name, argument, default, names)
            if described is not None:
                direction = described.pop("direction")
                if argument.arg in docs.arguments:
                    described["description"] = docs.arguments[argument.arg]
                (inputs if direction == "input" else outputs).append(described)
        outputs += self._returns(function, names)
        signature = {"name": function.name, "inputs": inputs, "outputs": outputs}
        described = {**signature, "line": function.lineno, "digest": _digest(signature)}
        return described | ({"description": docs.description} if docs.description else {})

    def _arguments(self, function: ast.FunctionDef) -> Iterable[tuple[ast.arg, ast.expr | None]]:
        arguments = function.args
        for extra, stars in ((arguments.vararg, "*"), (arguments.kwarg, "**")):
            if extra is not None:
                self._report(
                    "ARGUMENT_UNSUPPORTED",
                    f"{function.name}: {stars}{extra.arg} is not supported: name each input",
                    extra,
                )
        for argument in arguments.posonlyargs:
            self._report(
                "ARGUMENT_UNSUPPORTED",
                f"{function.name}: {argument.arg} is positional-only, but inputs are passed by name",
                argument,
            )
        plain = [*arguments.posonlyargs, *arguments.args]
        missing: list[ast.expr | None] = [None] * (len(plain) - len(arguments.defaults))
        yield from zip(plain, [*missing, *arguments.defaults], strict=True)
        yield from zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)

    def _argument(
        self, function: str, argument: ast.arg, default: ast.expr | None, names: Names
    ) -> Json | None:
        what = f"{function}({argument.arg})"
        if argument.arg == "Output":
            self._report("ARGUMENT_UNSUPPORTED", f"{what}: the name Output is taken by the result", argument)
        if argument.annotation is None:
            self._report("ANNOTATION_MISSING", f"{what}: expected a type annotation, got none", argument)
            return None
        try:
            read = read_annotation(argument.annotation, names)
        except AnnotationError as error:
            self._report("TYPE_UNSUPPORTED", f"{what}: {error}", error.node)
            return None
        if read.kind == "embedded":
            self.reads_embedded = self.reads_embedded or (argument.lineno, what)
            return None
        described = _described(argument.arg, read)
        described["direction"] = read.direction
        if read.direction == "input":
            described["optional"] = default is not None or read.kind in _FILLED
            if read.optional and not described["optional"]:
                self._report(
                    "DEFAULT_INVALID",
                    f"{what}: an optional input needs a default, for example = None",
                    argument,
                )
        if default is not None:
            described |= self._default(what, default, read)
        return described

    def _default(self, what: str, node: ast.expr, read: Annotation) -> Json:
        try:
            value = ast.literal_eval(node)
            json.dumps(value, allow_nan=False)
        except (ValueError, TypeError, MemoryError, RecursionError):
            self._report(
                "DEFAULT_INVALID", f"{what}: expected a literal default, got {ast.unparse(node)}", node
            )
            return {}
        if value is None:
            return {}
        if read.kind != "parameter" or read.direction != "input":
            self._report("DEFAULT_INVALID", f"{what}: only parameters have defaults other than None", node)
            return {}
        if not _fits(value, read.type):
            wanted = " of ".join(_type_words(read.type))
            self._report(
                "DEFAULT_INVALID", f"{what}: expected a default of type {wanted}, got {value!r}", node
            )
            return {}
        return {"default": value}

    def _returns(self, function: ast.FunctionDef, names: Names) -> list[Json]:
        if function.returns is None:
            return []
        try:
            return [_described(name, read) for name, read in read_return(function.returns, names)]
        except AnnotationError as error:
            self._report("TYPE_UNSUPPORTED", f"{function.name} -> result: {error}", error.node)
            return []

    def _imports(self, tree: ast.Module) -> Json:
        for node in relative_imports(tree):
            self._report(
                "IMPORT_RELATIVE",
                f"{ast.unparse(node)}: a components file has no package: import the module without dots",
                node,
            )
        try:
            imports = collect_imports(tree, Path(self.path).parent)
        except (SyntaxError, ValueError) as error:
            self._report_syntax(getattr(error, "filename", None) or self.path, error)
            return {}
        return {"modules": [vars(module) for module in imports.modules], "imports": list(imports.third_party)}

    def _requirements(self, text: str) -> Json:
        requirements: Json = {"dependencies": []}
        match = _SCRIPT.search(text)
        if match is None:
            return requirements
        line = text.count("\n", 0, match.start()) + 1
        lines = (comment.removeprefix("#").removeprefix(" ") for comment in match[1].splitlines())
        try:
            return requirements | self._script(tomllib.loads("\n".join(lines)))
        except (tomllib.TOMLDecodeError, TypeError, OSError) as error:
            self._report("SCRIPT_INVALID", f"script block: {error}", None, line)
            return requirements

    def _script(self, script: Json) -> Json:
        """The members of the script block that matter here, checked."""
        tool = script.get("tool", {}).get("sealflow", {})
        unknown = sorted(set(tool) - _SETTINGS)
        if unknown:
            raise TypeError(f"[tool.sealflow] has no setting {', '.join(unknown)}")
        found: Json = {"dependencies": _strings("dependencies", script.get("dependencies", []))}
        for key, name in (("indexUrls", "index-urls"), ("trustedHosts", "trusted-hosts")):
            if name in tool:
                found[key] = _strings(name, tool[name])
        for key, value in (
            ("requiresPython", script.get("requires-python")),
            ("baseImage", tool.get("base-image")),
            ("kfp", tool.get("kfp")),
            ("lock", tool.get("lock")),
            ("embed", tool.get("embed")),
            ("notebook", tool.get("notebook")),
        ):
            if value is not None and not isinstance(value, str):
                raise TypeError(f"{key}: expected a string")
            if value is not None:
                found[key] = value
        if "lock" in found:
            content = (Path(self.path).parent / found["lock"]).read_bytes()
            found["lock"] = {"path": found["lock"], "sha256": hashlib.sha256(content).hexdigest()}
        return found

    def _report_syntax(self, file: str, error: Exception) -> None:
        """A file that Python itself can't parse."""
        line = getattr(error, "lineno", None)
        message = getattr(error, "msg", None) or str(error)
        self._report("SYNTAX", f"not valid Python: {message}", None, line, file)

    def _report(
        self, code: str, message: str, node: ast.AST | None, line: int | None = None, file: str | None = None
    ) -> None:
        where: Json = {"file": file or self.path}
        if node is not None and hasattr(node, "lineno"):
            where |= {"line": node.lineno, "column": getattr(node, "col_offset", 0) + 1}
        elif line is not None:
            where["line"] = line
        self.errors.append({"code": f"PIPELINE_COMPONENT_{code}", "message": message, "where": where})


def _described(name: str, read: Annotation) -> Json:
    if read.kind == "parameter":
        return {"name": name, "kind": "parameter", "type": read.type}
    if read.kind in _FILLED:
        return {"name": name, "kind": read.kind}
    described: Json = {"name": name, "kind": "artifact", "artifactType": read.artifact_type}
    return described | ({"list": True} if read.is_list else {})


def _is_future_annotations(node: ast.ImportFrom) -> bool:
    return node.module == "__future__" and any(alias.name == "annotations" for alias in node.names)


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _fits(value: object, wanted: Json) -> bool:
    kind = wanted["parameterType"]
    if "literals" in wanted and value not in wanted["literals"]:
        return False
    if kind == "LIST":
        inner = wanted.get("element")
        return isinstance(value, list) and (inner is None or all(_fits(item, inner) for item in value))
    if kind == "STRUCT":
        inner = wanted.get("element")
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            return False
        return inner is None or all(_fits(item, inner) for item in value.values())
    if kind == "NUMBER_DOUBLE":
        return type(value) in (int, float)
    expected = {"STRING": str, "NUMBER_INTEGER": int, "BOOLEAN": bool}[kind]
    return type(value) is expected


def _type_words(wanted: Json) -> list[str]:
    words = [str(wanted["parameterType"])]
    return words + (_type_words(wanted["element"]) if "element" in wanted else [])


def _digest(signature: Json) -> str:
    """Changes exactly when the signature changes: descriptions and the body don't count."""
    bare: Json = {"name": signature["name"]}
    for side in ("inputs", "outputs"):
        bare[side] = [
            {key: value for key, value in item.items() if key != "description"} for item in signature[side]
        ]
    text = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def main(paths: list[str]) -> int:
    """Prints the descriptions as a JSON array. Exit status 2 without files; findings are in the JSON.

    With `-` the files are a JSON array on standard input: whoever knows them late can start this early.
    """
    if not paths:
        print("usage: python -m sealflow.signatures FILE... (or -)", file=sys.stderr)
        return 2
    if paths == ["-"]:
        paths = json.loads(sys.stdin.read() or "[]")
    text = json.dumps([ComponentsFile(path).describe() for path in paths], ensure_ascii=True)
    sys.stdout.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
