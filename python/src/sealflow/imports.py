"""Which modules a component's source imports, found without running it."""

import ast
import importlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator

Import = tuple[str, tuple[str, ...]]
"""A module, and the names that are taken from it."""

# Where a compiled component keeps the modules that travel with it: name to (path, is a package, text).
_TRAVELLING = "_sealflow_modules"


def imports_of(source: str) -> list[Import]:
    """Absolute imports anywhere in the source, as (module, names taken from it), without those for type
    checkers only.

    Raises SyntaxError.
    """
    return _merged(_imports_in([ast.parse(source)]))


class ComponentImports:
    """What a component's source imports, also through the modules that travel with it.

    Raises SyntaxError.
    """

    def __init__(self, source: str) -> None:
        self.body = ast.parse(source).body
        self.modules = _travelling(self.body)

    def all(self) -> list[Import]:
        """In the order of the source: what the first functions need comes first."""
        return self._followed(self.body)

    def of_function(self, name: str) -> list[Import]:
        """What executing the file and then calling this function may import."""
        functions = {
            each.name: each for each in self.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        reached = [each for each in self.body if getattr(each, "name", None) not in functions]
        waiting = [name]
        while waiting:
            function = functions.pop(waiting.pop(), None)
            if function is not None:
                reached.append(function)
                waiting += [node.id for node in ast.walk(function) if isinstance(node, ast.Name)]
        return self._followed(reached)

    def _followed(self, nodes: list[ast.stmt]) -> list[Import]:
        """Imports of the nodes, with those of travelling modules in the place where these are imported."""
        found: list[Import] = []
        seen: set[str] = set()

        def follow(imports: Iterable[Import]) -> None:
            for module, names in imports:
                if module.partition(".")[0] not in tops:
                    found.append((module, names))
                    continue
                for each in (module, *(f"{module}.{name}" for name in names)):
                    if each in self.modules and each not in seen:
                        seen.add(each)
                        follow(self._imports_of_module(each))

        tops = {name.partition(".")[0] for name in self.modules}
        # Named there in short, for those who look at the text alone.
        follow(_imports_in(each for each in nodes if not (self.modules and _is_never(each))))
        return _merged(found)

    def _imports_of_module(self, name: str) -> Iterator[Import]:
        text, is_package = self.modules[name]
        package = name if is_package else name.rpartition(".")[0]
        return _imports_in([ast.parse(text)], package)


def _travelling(body: list[ast.stmt]) -> dict[str, tuple[str, bool]]:
    """Text of each travelling module, and whether it is a package."""
    for node in body:
        if not isinstance(node, ast.Assign):
            continue
        if [each.id for each in node.targets if isinstance(each, ast.Name)] == [_TRAVELLING]:
            try:
                modules = ast.literal_eval(node.value).items()
                return {name: (text, is_package) for name, (_, is_package, text) in modules}
            except (ValueError, TypeError, AttributeError):
                return {}
    return {}


def _is_never(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Constant) and node.test.value is False


def _merged(imports: Iterable[Import]) -> list[Import]:
    found: dict[str, dict[str, None]] = {}
    for module, names in imports:
        found.setdefault(module, {}).update(dict.fromkeys(names))
    return [(module, tuple(names)) for module, names in found.items()]


def _imports_in(nodes: Iterable[ast.AST], package: str = "") -> Iterator[Import]:
    for node in nodes:
        for each in _walk(node):
            if isinstance(each, ast.Import):
                yield from ((alias.name, ()) for alias in each.names)
            elif isinstance(each, ast.ImportFrom):
                module = _absolute(each, package)
                if module:
                    yield module, tuple(alias.name for alias in each.names)


def _absolute(node: ast.ImportFrom, package: str) -> str | None:
    """The module of a `from` import; nothing for a relative one outside of travelling modules."""
    if node.level == 0:
        return node.module
    parts = package.split(".") if package else []
    parts = parts[: len(parts) - node.level + 1]
    return ".".join([*parts, *([node.module] if node.module else [])]) if parts else None


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
            yield from _walk(child)


def preload(imports: Iterable[Import]) -> tuple[list[str], list[dict[str, str]]]:
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
