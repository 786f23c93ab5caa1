"""Finds the modules beside a components file that it imports, directly or through one another."""

import ast
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LocalModule:
    """A module that travels with the component's code."""

    name: str
    path: str
    text: str
    package: bool


@dataclass(frozen=True)
class Imports:
    """What a file needs: modules from its own directory, and other modules that those import."""

    modules: tuple[LocalModule, ...]
    third_party: tuple[str, ...]


def collect_imports(tree: ast.Module, directory: Path) -> Imports:
    """Follows imports from a parsed file into `directory`. Raises SyntaxError or OSError."""
    found: dict[str, LocalModule] = {}
    foreign: set[str] = set()
    waiting = [name for node in ast.walk(tree) for name in _imported(node, "")]
    while waiting:
        name = waiting.pop()
        for prefix in _prefixes(name):
            if prefix in found:
                continue
            module = _find(prefix, directory)
            if module is None:
                continue
            found[prefix] = module
            names, others = _imports_of(module, directory)
            waiting += names
            foreign |= others
    return Imports(tuple(found[name] for name in sorted(found)), tuple(sorted(foreign)))


def relative_imports(tree: ast.Module) -> list[ast.ImportFrom]:
    """Imports with leading dots: a components file can't have them, it runs without a package."""
    return [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level > 0]


def _imports_of(module: LocalModule, directory: Path) -> tuple[list[str], set[str]]:
    package = module.name if module.package else module.name.rpartition(".")[0]
    tree = ast.parse(module.text, filename=module.path)
    names = [name for node in ast.walk(tree) for name in _imported(node, package)]
    tops = {name.split(".")[0] for name in names}
    return names, {
        top for top in tops if top != "kfp" and not _is_known(top) and _find(top, directory) is None
    }


def _is_known(top: str) -> bool:
    return top in sys.stdlib_module_names


def _prefixes(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: end + 1]) for end in range(len(parts))]


def _imported(node: ast.AST, package: str) -> list[str]:
    """Module names that a statement may load; `from a import b` may mean the module `a.b`."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level > 0:
        parents = package.split(".") if package else []
        parents = parents[: len(parents) - node.level + 1]
        base = ".".join([*parents, *([node.module] if node.module else [])])
    if not base:
        return []
    return [base, *(f"{base}.{alias.name}" for alias in node.names if alias.name != "*")]


def _find(name: str, directory: Path) -> LocalModule | None:
    if not name or _is_known(name.split(".")[0]):
        return None
    relative = Path(*name.split("."))
    for path, package in ((relative.with_suffix(".py"), False), (relative / "__init__.py", True)):
        file = directory / path
        if file.is_file():
            return LocalModule(name, path.as_posix(), file.read_text(encoding="utf-8"), package)
    return None
