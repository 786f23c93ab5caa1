"""Components of the conformance pipelines. The interpreter's tests give most of them pure stand-ins."""

import os
from functools import partial
from typing import List, NamedTuple, Optional

from kfp import dsl
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
)

# kfp.local would install kfp for each task: where it is compared with, what is there serves.
component = partial(
    dsl.component, base_image="python:3.11", install_kfp_package="CONFORMANCE_LOCAL" not in os.environ
)


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
    with open(out.path, "w") as file:
        file.write(name)


@component
def train(data: Input[Dataset], model: Output[Model]) -> float:
    with open(data.path) as source, open(model.path, "w") as file:
        file.write("model of " + source.read())
    return 0.5


@component
def read(item: Input[Artifact]) -> str:
    with open(item.path) as file:
        return file.read()


@component
def count_of(items: Input[List[Dataset]]) -> int:
    return len(items)


@component
def read_all(items: Input[List[Dataset]]) -> str:
    return ",".join(open(item.path).read() for item in items)


@component
def uri_of(item: Input[Artifact]) -> str:
    return item.uri


@component
def kinds(value: dict) -> str:
    def kind(item):
        if isinstance(item, dict):
            return "{" + ",".join(f"{key}:{kind(item[key])}" for key in sorted(item)) + "}"
        if isinstance(item, list):
            return "[" + ",".join(kind(each) for each in item) + "]"
        return type(item).__name__

    return kind(value)


@component
def kind_of(whole: int, fraction: float, flag: bool, text: str, items: list) -> str:
    return ",".join(type(value).__name__ for value in (whole, fraction, flag, text, *items))


@component
def everything() -> NamedTuple(
    "Outputs",
    [("text", str), ("whole", int), ("fraction", float), ("flag", bool), ("items", list), ("fields", dict)],
):
    return ("t", 7, 2.5, True, [1, "a", None, [True]], {"n": 1, "deep": {"x": [2.5]}})


@component
def flaky(scratch: str, name: str, failures: int) -> int:
    """Fails so many times, then gives the number of the attempt."""
    import os

    attempts = os.path.join(scratch, f"{name}{failures}")
    with open(attempts, "a") as file:
        file.write(".")
    attempt = os.path.getsize(attempts)
    if attempt <= failures:
        raise RuntimeError(f"attempt {attempt}")
    return attempt


@component
def crash(how: str):
    import os
    import signal
    import sys

    if how == "signal":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.exit(3)


@component
def quiet():
    pass


@component
def no_output() -> str:
    import os

    # Ends well, without a chance for the runtime to write what it returned.
    os._exit(0)


@component
def gauge(scratch: str, n: int) -> NamedTuple("Outputs", [("done", int)]):
    """Notes when it begins and ends, long enough for others to begin meanwhile."""
    import os
    import time

    for sign in ("+", "-"):
        fd = os.open(os.path.join(scratch, "gauge"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(fd, sign.encode())
        os.close(fd)
        if sign == "+":
            time.sleep(0.03)
    return (n,)


@component
def peak(scratch: str, done: List[int]) -> int:
    """Most gauges that ran at once."""
    import os

    most = now = 0
    with open(os.path.join(scratch, "gauge")) as file:
        for sign in file.read():
            now += 1 if sign == "+" else -1
            most = max(most, now)
    return most


@component
def status_fields(given: PipelineTaskFinalStatus) -> dict:
    return {
        "state": given.state,
        "job": given.pipeline_job_resource_name,
        "name": given.pipeline_task_name,
        "has_message": bool(given.error_message),
    }


@component
def metadata_of(item: Input[Artifact]) -> dict:
    return item.metadata


@component
def schema_of(item: Input[Artifact]) -> str:
    return item.schema_title


@component
def write_file(directory: str, text: str) -> str:
    import os

    path = os.path.join(directory, "file")
    with open(path, "w") as file:
        file.write(text)
    return path


@component
def with_metadata(out: Output[Dataset]):
    with open(out.path, "w") as file:
        file.write("x")
    out.metadata["rows"] = 3
    out.metadata["share"] = 0.5
    out.metadata["nested"] = {"a": [1]}
    out.metadata["ok"] = True


@component
def make_directory(out: Output[Dataset]):
    import os

    os.makedirs(os.path.join(out.path, "sub"))
    for name, text in (("a.txt", "1"), ("sub/b.txt", "2")):
        with open(os.path.join(out.path, name), "w") as file:
            file.write(text)


@component
def files_of(item: Input[Dataset]) -> list:
    from pathlib import Path

    root = Path(item.path)
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return [f"{path.relative_to(root)}={path.read_text()}" for path in files]


@component
def measured(
    metrics: Output[Metrics],
    curve: Output[ClassificationMetrics],
    page: Output[HTML],
    notes: Output[Markdown],
):
    metrics.log_metric("accuracy", 0.75)
    metrics.log_metric("count", 3)
    curve.log_roc_curve([0.0, 1.0], [0.0, 1.0], [1.0, 0.0])
    with open(page.path, "w") as file:
        file.write("<b>page</b>")
    with open(notes.path, "w") as file:
        file.write("# notes")


@component
def write_path(data: OutputPath("Dataset"), text: OutputPath(str), number: OutputPath(int)):
    for path, content in ((data, "data"), (text, "small"), (number, " 42\n")):
        with open(path, "w") as file:
            file.write(content)


@component
def read_path(data: InputPath("Dataset"), number: int) -> str:
    with open(data) as file:
        return f"{file.read()}/{number}"


@component
def from_path(text: str) -> str:
    return text


@component
def pythonic(text: str) -> Dataset:
    made = Dataset(uri=dsl.get_uri(), metadata={"made": "here"})
    with open(made.path, "w") as file:
        file.write(text)
    return made


@component
def missing_file(uri: str, out: Output[Dataset]):
    out.uri = uri


@component
def three(a: str, b: str, c: str) -> str:
    return a + b + c


@component
def make_of(name: str, more: str, out: Output[Dataset]):
    with open(out.path, "w") as file:
        file.write(name + more)
