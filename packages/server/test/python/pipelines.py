"""Pipelines that the programs beside this file compile and run."""

from kfp import compiler, dsl
from kfp.dsl import Dataset, Input, Output


@dsl.component(install_kfp_package=False)
def write(text: str, data: Output[Dataset]) -> int:
    with open(data.path, "w") as file:
        file.write(text)
    print(f"wrote {len(text)} characters")
    return len(text)


@dsl.component(install_kfp_package=False)
def read(data: Input[Dataset], times: int) -> str:
    with open(data.path) as file:
        return file.read() * times


@dsl.component(install_kfp_package=False)
def fail_unless(path: str):
    import os

    if not os.path.exists(path):
        raise ValueError(f"{path} is not there")


@dsl.component(install_kfp_package=False)
def wait(seconds: float) -> float:
    import time

    time.sleep(seconds)
    return seconds


@dsl.pipeline(name="copy-text", description="Writes a text and reads it")
def copy_text(text: str = "seal", times: int = 2) -> str:
    written = write(text=text)
    return read(data=written.outputs["data"], times=times).output


@dsl.pipeline(name="needs-file")
def needs_file(path: str):
    fail_unless(path=path)


@dsl.pipeline(name="waits")
def waits(seconds: float = 0.0):
    wait(seconds=seconds)


@dsl.pipeline(name="with-platform")
def with_platform(text: str = "two documents"):
    from kfp import kubernetes

    kubernetes.add_pod_label(write(text=text), "team", "risk")


def compile_to(pipeline, path: str) -> str:
    compiler.Compiler().compile(pipeline, path)
    return path
