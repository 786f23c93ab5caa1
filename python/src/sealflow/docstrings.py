"""Reads what a component's docstring says about it, in Google style."""

import re
from dataclasses import dataclass, field

_SECTION = re.compile(r"^(Args|Arguments|Parameters|Returns|Return|Raises|Yields|Examples?|Notes?):?\s*$")
_ARGUMENT = re.compile(r"^(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")


@dataclass(frozen=True)
class Docstring:
    """The text before the first section, and one text per argument."""

    description: str = ""
    arguments: dict[str, str] = field(default_factory=dict)


def read_docstring(text: str | None) -> Docstring:
    """Splits a docstring (indentation already cleaned) into description and arguments."""
    description: list[str] = []
    arguments: dict[str, list[str]] = {}
    section = current = ""
    indent = 0
    for line in (text or "").splitlines():
        header = _SECTION.match(line)
        if header:
            section, current, indent = header[1], "", 0
        elif not section:
            description.append(line)
        elif section in ("Args", "Arguments", "Parameters", "Returns", "Return") and line.strip():
            depth = len(line) - len(line.lstrip())
            indent = indent or depth
            match = _ARGUMENT.match(line.strip()) if depth == indent else None
            if match:
                current = match[1]
                arguments[current] = [match[2]]
            elif current:
                arguments[current].append(line.strip())
    return Docstring(
        "\n".join(description).strip(), {name: " ".join(lines) for name, lines in arguments.items()}
    )
