# /// script
# requires-python = ">=3.11"
# dependencies = ["packaging>=20; python_version > '3'"]
#
# [tool.sealflow]
# base-image = "python:3.12"
# kfp = "2.17.0"
# lock = "requirements.lock"
# ///
"""A component that leans on modules beside it."""

from typing import List, Literal, NamedTuple, Optional

from kfp.dsl import Dataset, Input, Output

import shapes
from helpers import GREETING, greet

__all__ = ["describe", "measure"]


def describe(
    name: str,
    table: Output[Dataset],
    mode: Literal["plain", "loud"] = "plain",
    level: Literal[1, 2] = 1,
    note: Optional[str] = None,
) -> NamedTuple("Described", [("text", str), ("area", int)]):
    text = greet(name, loud=mode == "loud") + "!" * level + (note or "")
    with open(table.path, "w") as file:
        file.write(GREETING)
    table.metadata["note"] = 'back\\slash "quoted" 日本 😀'
    return (text, shapes.area(3))


def measure(table: Input[Dataset], factors: List[int]) -> int:
    with open(table.path) as file:
        return len(file.read()) * sum(factors)
