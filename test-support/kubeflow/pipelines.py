"""The pipelines of the recorded runs. Usage: pipelines.py DIRECTORY"""

from typing import Dict, List, NamedTuple

from kfp import compiler, dsl
from kfp.dsl import Artifact, Dataset, Input, Metrics, Model, Output


@dsl.component
def numbers(count: int) -> List[int]:
    return list(range(1, count + 1))


@dsl.component
def square(number: int, squared: Output[Dataset]) -> int:
    with open(squared.path, "w") as file:
        file.write(str(number * number))
    squared.metadata["number"] = number
    return number * number


@dsl.component
def is_even(number: int) -> bool:
    return number % 2 == 0


@dsl.component
def name_it(word: str, number: int) -> str:
    return f"{word} {number}"


@dsl.component
def add(values: List[int], files: Input[List[Dataset]]) -> int:
    return sum(values) + sum(int(open(file.path).read()) for file in files)


@dsl.component
def measure(total: int, metrics: Output[Metrics], model: Output[Model]) -> NamedTuple(
    "Out", [("ratio", float), ("words", List[str]), ("table", Dict[str, int]), ("good", bool)]
):
    metrics.log_metric("total", total)
    metrics.log_metric("half", total / 2)
    model.metadata["layers"] = [1, 2]
    model.metadata["options"] = {"deep": True, "name": "m"}
    model.metadata["framework"] = "none"
    model.metadata["ready"] = True
    with open(model.path, "w") as file:
        file.write("model")
    return (total / 4, ["a", "b"], {"x": 1}, True)


@dsl.component
def read(source: Input[Artifact]) -> str:
    return source.uri


@dsl.component
def say(status: dsl.PipelineTaskFinalStatus) -> str:
    return status.state


@dsl.pipeline
def parity(number: int) -> str:
    check = is_even(number=number)
    with dsl.If(check.output == True):
        even = name_it(word="even", number=number)
    with dsl.Else():
        odd = name_it(word="odd", number=number)
    return dsl.OneOf(even.output, odd.output)


@dsl.pipeline
def inner(number: int) -> NamedTuple("Inner", [("word", str), ("file", Dataset)]):
    made = square(number=number)
    word = parity(number=made.outputs["Output"])
    out = NamedTuple("Inner", [("word", str), ("file", Dataset)])
    return out(word.output, made.outputs["squared"])


@dsl.pipeline(name="shapes")
def shapes(count: int = 3, threshold: int = 100) -> NamedTuple(
    "Out", [("total", int), ("words", List[str]), ("good", bool), ("model", Model)]
):
    listed = numbers(count=count)
    with dsl.ParallelFor(listed.output) as number:
        made = square(number=number)
        part = inner(number=number)
        with dsl.If(number == 2):
            name_it(word="two", number=number)
    total = add(values=dsl.Collected(made.outputs["Output"]), files=dsl.Collected(made.outputs["squared"]))
    with dsl.If(total.output > threshold):
        name_it(word="large", number=total.output)
    measured = measure(total=total.output)
    source = dsl.importer(
        artifact_uri="gs://elsewhere/data.csv", artifact_class=Dataset, metadata={"rows": 3, "source": "there"}
    )
    read(source=source.output)
    out = NamedTuple("Out", [("total", int), ("words", List[str]), ("good", bool), ("model", Model)])
    return out(
        total.output, dsl.Collected(part.outputs["word"]), measured.outputs["good"], measured.outputs["model"]
    )


@dsl.component
def fail(number: int) -> int:
    if number == 1:
        raise ValueError(f"not {number}")
    return number


@dsl.pipeline(name="broken")
def broken(number: int = 1):
    with dsl.ExitHandler(exit_task=say()):
        failed = fail(number=number)
        after = name_it(word="after", number=failed.output)


if __name__ == "__main__":
    import sys

    compiler.Compiler().compile(shapes, sys.argv[1] + "/shapes.yaml")
    compiler.Compiler().compile(broken, sys.argv[1] + "/broken.yaml")
