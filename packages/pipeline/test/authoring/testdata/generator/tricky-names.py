from typing import Any, Dict, List, Literal, NamedTuple

from kfp.dsl import (
    HTML,
    Artifact,
    ClassificationMetrics,
    Dataset,
    Input,
    InputPath,
    Markdown,
    Metrics,
    Model,
    Output,
    OutputPath,
    PipelineTaskFinalStatus,
    SlicedClassificationMetrics,
)


def load_data(x: int) -> int:
    """First line with */ in it.

    Second paragraph.

    Args:
        x: An input with `code` and */.
    """
    return x


def loadData(x: int) -> int:
    return x


def delete(x: int) -> int:
    return x


def source():
    pass


def sealflow():
    pass


def list_of(a: list, b: List[Any], c: List[List[int]], d: Dict[str, List[str]], e: dict = {"k": [1, None]}) -> dict:
    return e


def everything(
    text: str,
    any_artifact: Input[Artifact],
    many: Input[List[Model]],
    path: InputPath("Dataset"),
    status: PipelineTaskFinalStatus,
    html: Output[HTML],
    markdown: Output[Markdown],
    metrics: Output[Metrics],
    classes: Output[ClassificationMetrics],
    slices: Output[SlicedClassificationMetrics],
    written: OutputPath(float),
    maybe: Input[Dataset] = None,
    mode: Literal["it's", 'say "x"'] = "it's",
    level: Literal[1, 2] = 2,
    ratio: float = 1e-07,
    flag: bool = False,
    unicode: str = "日本 😀\n",
) -> NamedTuple("R", [("number", int), ("data", Dataset)]):
    pass
