"""Components that the round trips wire in Python and in TypeScript."""

from typing import Dict, List, NamedTuple

from kfp.dsl import Dataset, Input, Model, Output, PipelineTaskFinalStatus, TaskConfig


def number(x: int = 1) -> int:
    return x


def word(text: str) -> str:
    return text


def flag() -> bool:
    return True


def ratio(x: float = 0.5) -> float:
    return x


def table_of() -> Dict[str, int]:
    return {"a": 1}


def rows() -> List[Dict[str, str]]:
    return [{"k": "v"}]


def total(xs: List[int]) -> int:
    return sum(xs)


def deep_total(xs: List[List[int]]) -> int:
    return sum(sum(x) for x in xs)


def settings(options: dict, tags: list = []) -> str:
    return str(options)


def make(out: Output[Dataset], size: int = 3):
    """Writes a table.

    Args:
        size: How many rows.
    """
    with open(out.path, "w") as file:
        file.write("x" * size)


def read(data: Input[Dataset]) -> int:
    with open(data.path) as file:
        return len(file.read())


def gather(parts: Input[List[Dataset]]) -> int:
    return len(parts)


def fit(data: Input[Dataset], model: Output[Model], rate: float = 0.1) -> NamedTuple("Scores", [("auc", float), ("n", int)]):
    return (0.5, 3)


def notify(message: str, status: PipelineTaskFinalStatus):
    print(message, status.state)


def maybe(data: Input[Dataset] = None, text: str = None) -> str:
    return text or ""


def launch(nodes: int, config: TaskConfig) -> str:
    return str(config.resources)
