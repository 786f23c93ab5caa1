"""Which modules a component's source imports, found without running it."""

import ast
import importlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator


def imports_of(source: str) -> list[tuple[str, tuple[str, ...]]]:
    """Absolute imports anywhere in the source, as (module, names taken from it), without those for type
    checkers only.

    Raises SyntaxError.
    """
    found: dict[str, dict[str, None]] = {}
    for node in _walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.setdefault(alias.name, {})
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = found.setdefault(node.module, {})
            names.update((alias.name, None) for alias in node.names)
    return [(module, tuple(names)) for module, names in found.items()]


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
            yield from _walk(child)


def preload(imports: Iterable[tuple[str, tuple[str, ...]]]) -> tuple[list[str], list[dict[str, str]]]:
    """Imports modules of the environment; gives those imported and those that failed, with the reason.

    Names taken from a package that are submodules are imported too.
    """
    imported: list[str] = []
    failed: list[dict[str, str]] = []
    for module, names in imports:
        if module.partition(".")[0] in ("__future__", "__main__", "antigravity", "this"):
            continue
        try:
            loaded = importlib.import_module(module)
            for name in names:
                if name != "*" and hasattr(loaded, "__path__") and not hasattr(loaded, name):
                    _import_submodule(f"{module}.{name}")
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            # A module that failed half way must not be seen, half made, by the tasks.
            failed.append({"module": module, "error": f"{type(error).__name__}: {error}"})
        else:
            imported.append(module)
    return imported, failed


def _import_submodule(name: str) -> None:
    if importlib.util.find_spec(name) is not None:
        importlib.import_module(name)


def is_importable(module: str) -> bool:
    """Whether a top-level module is loaded or can be found."""
    try:
        return module in sys.modules or importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False
