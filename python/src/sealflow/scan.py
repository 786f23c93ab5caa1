"""Tells whether a component's source needs the real `kfp` package. `python -m sealflow.scan FILE` answers
as JSON."""

import ast
import json
import os
import sys

from sealflow import kfp_shim


def needs_real_kfp(source: str) -> bool:
    """Whether the source uses more of `kfp` than its run-time names, found without running it. Raises
    SyntaxError."""
    return bool(missing_names(source))


def missing_names(source: str) -> list[str]:
    """Names under `kfp` that the source uses and that only the real package has, sorted. Raises
    SyntaxError."""
    tree = ast.parse(source)
    aliases: dict[str, str] = {}
    wanted: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            _take_import(node, aliases, wanted)
        elif (
            isinstance(node, ast.ImportFrom)
            and node.level == 0
            and (node.module or "").split(".")[0] == "kfp"
        ):
            for alias in node.names:
                if alias.name != "*":
                    full = f"{node.module}.{alias.name}"
                    wanted.add(full)
                    aliases[alias.asname or alias.name] = full
                else:
                    wanted.add(str(node.module))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            dotted = _dotted(node, aliases)
            if dotted:
                wanted.add(dotted)
    return sorted(name for name in wanted if not _is_served(name))


def _take_import(node: ast.Import, aliases: dict[str, str], wanted: set[str]) -> None:
    for alias in node.names:
        if alias.name.split(".")[0] == "kfp":
            wanted.add(alias.name)
            aliases[alias.asname or "kfp"] = alias.name if alias.asname else "kfp"


def _dotted(node: ast.Attribute, aliases: dict[str, str]) -> str | None:
    names = []
    inner: ast.expr = node
    while isinstance(inner, ast.Attribute):
        names.append(inner.attr)
        inner = inner.value
    if not isinstance(inner, ast.Name) or inner.id not in aliases:
        return None
    return ".".join([aliases[inner.id], *reversed(names)])


def _is_served(name: str) -> bool:
    """Whether the shim has this dotted name; what lies below a class or value of it is not looked at."""
    path = kfp_shim.DIRECTORY
    parts = name.split(".")
    for index, part in enumerate(parts):
        package = os.path.join(path, part)
        if os.path.isdir(package):
            path = package
        elif os.path.isfile(f"{package}.py"):
            return len(parts) == index + 1 or parts[index + 1] in _names_in(f"{package}.py")
        else:
            return part in _names_in(os.path.join(path, "__init__.py"))
    return True


def _names_in(path: str) -> set[str]:
    with open(path, encoding="utf-8") as file:
        body = ast.parse(file.read()).body
    names: set[str] = set()
    for node in body:
        if isinstance(node, ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.FunctionDef) and node.name not in ("__getattr__", "run_notebook"):
            names.add(node.name)
    return names


def main() -> int:
    """Prints `{"needsRealKfp": …, "names": […], "imports": […]}`; exit code 2 when the file can't be read
    or parsed."""
    from sealflow.imports import imports_of

    if len(sys.argv) != 2:
        print("usage: python -m sealflow.scan FILE", file=sys.stderr)
        return 2
    try:
        with open(sys.argv[1], encoding="utf-8-sig") as file:
            source = file.read()
        names = missing_names(source)
    except (OSError, SyntaxError, ValueError) as error:
        print(f"{sys.argv[1]}: {error}", file=sys.stderr)
        return 2
    modules = sorted({module for module, _ in imports_of(source)})
    print(json.dumps({"needsRealKfp": bool(names), "names": names, "imports": modules}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
