"""Loads component sources: compiled once per content, executed once per task."""

import importlib
import os
import sys
import types
from collections.abc import Callable
from typing import Any

from sealflow.errors import SourceError

_COMPILED_LIMIT = 4096
_compiled: dict[bytes, types.CodeType] = {}


def compiled(path: str) -> types.CodeType:
    """Code of the source file at `path`, from the cache when the same bytes were compiled before.

    Sources with equal content share one code object, whose file name is that of the first.
    """
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise SourceError(f"source {path}: {error.strerror or error}") from error
    code = _compiled.get(content)
    if code is None:
        if len(_compiled) >= _COMPILED_LIMIT:
            _compiled.clear()
        code = _compile(content, path)
        _compiled[content] = code
    return code


def _compile(content: bytes, path: str) -> types.CodeType:
    try:
        # Without dont_inherit, future statements of this module would reach into the component.
        return compile(content, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise SourceError(f"source {path}{line}: {error}") from error


def load_function(path: str, name: str, code: types.CodeType | None = None) -> Callable[..., Any]:
    """Executes a source file as a module and returns its function `name`.

    The module is registered under the file's name, so that functions in it can be pickled, and its
    directory is put in
    front of `sys.path`, as Kubeflow's executor does.
    """
    code = code or compiled(path)
    stem = os.path.splitext(os.path.basename(path))[0]
    taken = stem in sys.modules or stem in sys.stdlib_module_names
    module = types.ModuleType(f"{stem}_component" if taken else stem)
    module.__file__ = path
    sys.modules[module.__name__] = module
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    exec(code, module.__dict__)
    return function_of(module, name, path)


def load_from_module(module_name: str, name: str) -> Callable[..., Any]:
    """Function `name` of an importable module, as containerized components use it."""
    sys.path.insert(0, os.getcwd())
    return function_of(importlib.import_module(module_name), name, module_name)


def function_of(module: types.ModuleType, name: str, where: str) -> Callable[..., Any]:
    """The function `name` of a loaded module; raises SourceError that lists what is there instead."""
    function = getattr(module, name, None)
    if callable(function):
        return function  # type: ignore[no-any-return]
    public = sorted(
        each
        for each, value in vars(module).items()
        if isinstance(value, types.FunctionType) and each[0] != "_"
    )
    raise SourceError(
        f"source {where}: expected a function {name}, got {', '.join(public) or 'no functions'}"
    )
