"""Components of the conformance pipelines. Their bodies never run here: the test gives each a pure stand-in."""

from functools import partial
from typing import List, NamedTuple, Optional

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Model, Output, PipelineTaskFinalStatus

component = partial(dsl.component, base_image="python:3.11")


@component
def echo(text: str) -> str:
    return text


@component
def number(value: int) -> int:
    return value


@component
def real(value: float) -> float:
    return value


@component
def truth(value: bool) -> bool:
    return value


@component
def add(a: int, b: int) -> int:
    return a + b


@component
def fail(text: str = "boom") -> str:
    raise RuntimeError(text)


@component
def count_to(n: int) -> List[int]:
    return list(range(n))


@component
def list_of(values: list) -> list:
    return values


@component
def struct_of(value: dict) -> dict:
    return value


@component
def total(values: List[int]) -> int:
    return sum(values)


@component
def join(values: List[str]) -> str:
    return ",".join(values)


@component
def optional(text: Optional[str] = None, n: Optional[int] = None) -> str:
    return f"{text}/{n}"


@component
def defaulted(text: str = "d", n: int = 5, items: List[int] = [1, 2]) -> str:
    return f"{text}{n}{items}"


@component
def several(text: str) -> NamedTuple("Outputs", [("upper", str), ("size", int)]):
    return (text.upper(), len(text))


@component
def status(given: PipelineTaskFinalStatus, text: str = "") -> str:
    return given.state


@component
def make(name: str, out: Output[Dataset]):
    pass


@component
def train(data: Input[Dataset], model: Output[Model]) -> float:
    return 0.5


@component
def uri_of(item: Input[Artifact]) -> str:
    return item.uri


@component
def count_of(items: Input[List[Dataset]]) -> int:
    return len(items)


@component
def uris_of(items: Input[List[Dataset]]) -> str:
    return ",".join(item.uri for item in items)
