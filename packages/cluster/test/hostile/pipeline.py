"""The pipeline that is attacked, as Kubeflow's compiler makes it. Usage: python pipeline.py OUTPUT.yaml"""

import sys
from typing import List, NamedTuple

from kfp import compiler, dsl
from kfp.dsl import Dataset, Input, Model, Output

component = dsl.component(base_image="python:3.11", install_kfp_package=False)


@component
def prepare(
    rows: int, word: str, data: Output[Dataset]
) -> NamedTuple("Outputs", [("rows", int), ("items", List[int])]):
    from typing import NamedTuple

    with open(data.path, "w") as file:
        file.write(f"{word}\n" * rows)
    data.metadata["rows"] = rows
    return NamedTuple("Outputs", [("rows", int), ("items", list)])(rows, [1, 2])


@component
def train(item: int, letter: str, data: Input[Dataset], model: Output[Model]) -> float:
    """Another score each time: what somebody would roll again."""
    import random

    with open(data.path) as file:
        secret = file.readline()
    with open(model.path, "w") as file:
        file.write(f"{item}{letter} {secret}")
    model.metadata["rows"] = data.metadata["rows"]
    return item + random.SystemRandom().random() / 2


@component
def describe(kind: str, data: Input[Dataset], note: Output[Dataset]) -> str:
    with open(data.path) as file, open(note.path, "w") as out:
        out.write(f"{kind}: {len(file.readlines())} of {data.metadata['rows']}")
    return kind


@component
def flaky(mark: str) -> int:
    """Fails the first time."""
    import os

    if not os.path.exists(mark):
        open(mark, "w").close()
        raise RuntimeError("not yet")
    return 7


@component
def publish(
    text: str,
    note: Input[Dataset],
    scores: list,
    models: Input[List[Model]],
    seven: int,
    report: Output[Dataset],
) -> str:
    import json

    with open(note.path) as file:
        said = file.read()
    made = []
    for model in models:
        with open(model.path) as file:
            made.append(file.read().split()[0])
    found = {"text": text, "note": said, "scores": scores, "models": made, "seven": seven}
    with open(report.path, "w") as file:
        json.dump(found, file)
    return json.dumps(found)


@component
def cleanup(status: dsl.PipelineTaskFinalStatus) -> str:
    return f"{status.state} {status.pipeline_task_name}"


@dsl.pipeline(name="attacked")
def attacked(word: str, mark: str, rows: int = 3):
    end = cleanup()
    with dsl.ExitHandler(end):
        made = prepare(rows=rows, word=word)
        with dsl.ParallelFor(made.outputs["items"]) as item:
            with dsl.ParallelFor(["a", "b"]) as letter:
                trained = train(item=item, letter=letter, data=made.outputs["data"])
        with dsl.If(made.outputs["rows"] > 2):
            large = describe(kind="large", data=made.outputs["data"])
        with dsl.Else():
            small = describe(kind="small", data=made.outputs["data"])
        seven = flaky(mark=mark).set_retry(1)
        publish(
            text=dsl.OneOf(large.outputs["Output"], small.outputs["Output"]),
            note=dsl.OneOf(large.outputs["note"], small.outputs["note"]),
            scores=dsl.Collected(trained.outputs["Output"]),
            models=dsl.Collected(trained.outputs["model"]),
            seven=seven.output,
        )


if __name__ == "__main__":
    compiler.Compiler().compile(attacked, sys.argv[1])
