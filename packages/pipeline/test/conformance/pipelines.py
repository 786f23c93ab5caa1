"""Pipelines over every feature of the spec, alone and combined. Run: prints {name: compiled YAML} as JSON."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Dict, List, Optional

from kfp import compiler, dsl
from kfp.dsl import Dataset, Input, Output

from components import (
    add,
    count_of,
    count_to,
    defaulted,
    echo,
    fail,
    join,
    list_of,
    make,
    number,
    optional,
    real,
    several,
    status,
    struct_of,
    total,
    train,
    truth,
    uri_of,
    uris_of,
)

PIPELINES = []


def case(function):
    """Registers a pipeline under its function's name."""
    name = function.__name__.replace("_", "-")
    PIPELINES.append((function.__name__, dsl.pipeline(name=name)(function)))
    return function


# Values and wiring


@case
def single(text: str = "hello") -> str:
    return echo(text=text).output


@case
def chain(n: int = 1) -> int:
    first = add(a=n, b=1)
    second = add(a=first.output, b=first.output)
    return add(a=second.output, b=10).output


@case
def diamond() -> int:
    top = number(value=2)
    left = add(a=top.output, b=1)
    right = add(a=top.output, b=2)
    return add(a=left.output, b=right.output).output


@case
def constants() -> str:
    number(value=-7)
    real(value=2.5)
    truth(value=False)
    list_of(values=[1, 2.5, "x", [True]])
    struct_of(value={"a": 1, "b": {"c": [1, 2]}})
    return echo(text="it's \"quoted\" {{not}} $& a placeholder").output


@case
def all_types(
    text: str, whole: int, fraction: float, flag: bool, items: list, fields: dict
) -> str:
    number(value=whole)
    real(value=fraction)
    truth(value=flag)
    list_of(values=items)
    struct_of(value=fields)
    return echo(text=text).output


@case
def defaults(n: int = 3, items: List[int] = [4, 5]) -> str:
    defaulted(text="given", n=n)
    defaulted(items=items)
    return defaulted().output


@case
def optional_inputs(text: Optional[str] = None, n: Optional[int] = 4) -> str:
    optional()
    optional(text="t")
    return optional(text=text, n=n).output


@case
def multiple_outputs() -> int:
    task = several(text="abc")
    echo(text=task.outputs["upper"])
    return number(value=task.outputs["size"]).output


@case
def f_strings(name: str = "n", count: int = 2) -> str:
    upstream = echo(text=f"up-{name}")
    struct_of(value={"key": name, "nested": [f"<{upstream.output}>"]})
    return echo(text=f"{upstream.output}:{count}:{name}!").output


@case
def run_placeholders() -> str:
    echo(text=dsl.PIPELINE_JOB_ID_PLACEHOLDER)
    echo(text=dsl.PIPELINE_TASK_NAME_PLACEHOLDER)
    echo(text=dsl.PIPELINE_JOB_RESOURCE_NAME_PLACEHOLDER)
    echo(text=dsl.PIPELINE_JOB_CREATE_TIME_UTC_PLACEHOLDER)
    return echo(text=f"run {dsl.PIPELINE_JOB_NAME_PLACEHOLDER}").output


@case
def values_as_text(n: int = 3) -> str:
    made = list_of(values=[1, "a"])
    shape = struct_of(value={"a": n})
    echo(text=f"{made.output}")
    echo(text=f"{shape.output}")
    return echo(text=f"{n}").output


@case
def machine_inputs(memory: str = "512M", image: str = "python:3.12") -> int:
    task = number(value=1)
    task.set_cpu_limit("500m").set_memory_limit(memory)
    task.set_container_image(image)
    return task.output


# Order and failure


@case
def after_only() -> int:
    first = number(value=1)
    second = number(value=2).after(first)
    third = number(value=3).after(second, first)
    return third.output


@case
def failure_skips_dependents() -> int:
    broken = fail()
    echo(text=broken.output)
    number(value=9).after(broken)
    return number(value=1).output


@case
def failure_in_the_middle() -> int:
    start = number(value=1)
    broken = fail(text="x").after(start)
    skipped = echo(text=broken.output)
    echo(text=skipped.output)
    return add(a=start.output, b=1).output


@case
def ignore_upstream_failure() -> str:
    broken = fail()
    task = defaulted(text=broken.output, n=1, items=[1]).ignore_upstream_failure()
    return echo(text=task.output).output


@case
def ignore_upstream_success() -> str:
    fine = echo(text="fine")
    return defaulted(text=fine.output, n=1, items=[1]).ignore_upstream_failure().output


@case
def retries_and_caching() -> int:
    task = number(value=1)
    task.set_retry(num_retries=3, backoff_duration="5s", backoff_factor=1.5)
    task.set_caching_options(enable_caching=False)
    keyed = number(value=task.output)
    keyed.set_caching_options(enable_caching=True, cache_key="mine")
    return keyed.output


# Conditions


@case
def if_text(text: str = "yes") -> int:
    with dsl.If(text == "yes"):
        number(value=1)
    with dsl.If(text != "yes"):
        number(value=2)
    return number(value=3).output


@case
def if_else(flag: bool = True):
    with dsl.If(flag == True):  # noqa: E712
        echo(text="a")
    with dsl.Else():
        echo(text="b")


@case
def if_elif_else(n: int):
    with dsl.If(n < 3):
        echo(text="low")
    with dsl.Elif(n == 3):
        echo(text="three")
    with dsl.Elif(n >= 10):
        echo(text="high")
    with dsl.Else():
        echo(text="middle")


@case
def if_output():
    task = number(value=7)
    with dsl.If(task.output > 5):
        inner = add(a=task.output, b=1)
        with dsl.If(inner.output == 8):
            echo(text="eight")
        with dsl.If(inner.output == 9):
            echo(text="nine")


@case
def if_double(x: float = 0.5):
    with dsl.If(x < 0.75):
        echo(text="small")
    with dsl.If(x >= 0.75):
        echo(text="large")


@case
def if_two_channels(a: str = "x", b: str = "x"):
    with dsl.If(a == b):
        echo(text="same")
    with dsl.If(a != b):
        echo(text="different")


@case
def if_failed_source():
    broken = fail()
    with dsl.If(broken.output == "x"):
        echo(text="never")
    echo(text="always")


@case
def if_hostile_value(text: str = "zz' || 'a'=='a"):
    with dsl.If(text == "yes"):
        echo(text="injected")
    with dsl.Else():
        echo(text="safe")


@case
def one_of_parameter(side: str = "heads") -> str:
    with dsl.If(side == "heads"):
        heads = echo(text="H")
    with dsl.Elif(side == "tails"):
        tails = echo(text="T")
    with dsl.Else():
        other = echo(text="?")
    chosen = dsl.OneOf(heads.output, tails.output, other.output)
    echo(text=chosen)
    return chosen


@case
def one_of_artifact(side: str = "b") -> Dataset:
    with dsl.If(side == "a"):
        first = make(name="first")
    with dsl.Else():
        second = make(name="second")
    chosen = dsl.OneOf(first.outputs["out"], second.outputs["out"])
    uri_of(item=chosen)
    return chosen


# Loops


@case
def loop_static():
    with dsl.ParallelFor([1, 2, 3]) as item:
        number(value=item)


@case
def loop_static_text():
    with dsl.ParallelFor(["a", "it's", '"b"']) as item:
        echo(text=f"<{item}>")


@case
def loop_parameter(items: List[str] = ["x", "y"]):
    with dsl.ParallelFor(items) as item:
        echo(text=item)


@case
def loop_empty(items: List[str] = []) -> str:
    with dsl.ParallelFor(items) as item:
        task = echo(text=item)
    return join(values=dsl.Collected(task.output)).output


@case
def loop_output():
    made = count_to(n=3)
    with dsl.ParallelFor(made.output) as item:
        add(a=item, b=1)


@case
def loop_dicts():
    with dsl.ParallelFor([{"a": "1", "b": "x"}, {"a": "2", "b": "y"}]) as item:
        echo(text=item.a)
        echo(text=item.b)


@case
def loop_parameter_dicts(items: List[Dict[str, str]] = [{"a": "1", "b": "x"}]):
    with dsl.ParallelFor(items) as item:
        echo(text=item.a)
        echo(text=item.b)


@case
def loop_limited():
    with dsl.ParallelFor([1, 2, 3, 4, 5], parallelism=2) as item:
        first = number(value=item)
        add(a=first.output, b=item)


@case
def loop_chain():
    with dsl.ParallelFor([1, 2]) as item:
        first = number(value=item)
        second = add(a=first.output, b=10)
        add(a=second.output, b=100)


@case
def loop_failure() -> int:
    with dsl.ParallelFor(["ok", "bad"]) as item:
        with dsl.If(item == "bad"):
            fail()
        echo(text=item)
    return number(value=1).output


@case
def loop_nested() -> list:
    with dsl.ParallelFor([1, 2]) as outer:
        with dsl.ParallelFor([10, 20, 30]) as inner:
            task = add(a=outer, b=inner)
    return list_of(values=dsl.Collected(task.output)).output


@case
def loop_nested_dynamic():
    with dsl.ParallelFor([2, 0, 1]) as n:
        made = count_to(n=n)
        with dsl.ParallelFor(made.output) as item:
            add(a=n, b=item)


@case
def loop_condition(items: List[int] = [1, 2, 3]):
    with dsl.ParallelFor(items) as item:
        doubled = add(a=item, b=item)
        with dsl.If(doubled.output > 2):
            echo(text="big")
        with dsl.Else():
            echo(text="small")


@case
def condition_loop(n: int = 1):
    with dsl.If(n == 1):
        with dsl.ParallelFor(["a", "b"]) as item:
            echo(text=item)
    with dsl.If(n == 2):
        with dsl.ParallelFor(["c", "d"]) as item:
            echo(text=item)


@case
def collected_parameter() -> List[int]:
    with dsl.ParallelFor([1, 2, 3]) as item:
        task = add(a=item, b=100)
    total(values=dsl.Collected(task.output))
    return dsl.Collected(task.output)


@case
def collected_lists() -> list:
    with dsl.ParallelFor([1, 2]) as item:
        task = count_to(n=item)
    return list_of(values=dsl.Collected(task.output)).output


@case
def collected_artifacts(names: List[str] = ["a", "b"]) -> int:
    with dsl.ParallelFor(names) as name:
        made = make(name=name)
    uris_of(items=dsl.Collected(made.outputs["out"]))
    return count_of(items=dsl.Collected(made.outputs["out"])).output


@case
def collected_nested_artifacts() -> int:
    with dsl.ParallelFor(["a", "b"]):
        with dsl.ParallelFor(["x", "y"]) as inner:
            made = make(name=inner)
    return count_of(items=dsl.Collected(made.outputs["out"])).output


@case
def collected_after_failure() -> int:
    with dsl.ParallelFor([1, 2]) as item:
        first = number(value=item)
        fail().after(first)
    return total(values=dsl.Collected(first.output)).output


@case
def collected_of_conditions(least: int = 2) -> int:
    with dsl.ParallelFor([1, 2, 3]) as item:
        with dsl.If(item >= least):
            task = add(a=item, b=item)
            made = make(name="kept")
    count_of(items=dsl.Collected(made.outputs["out"]))
    return total(values=dsl.Collected(task.output)).output


# Exit handlers and final status


@case
def exit_success():
    done = status(text="x")
    with dsl.ExitHandler(done):
        echo(text="work")


@case
def after_exit_handler() -> str:
    done = status()
    with dsl.ExitHandler(done) as handler:
        fail()
    return echo(text="later").after(handler).output


@case
def exit_failure():
    done = status()
    with dsl.ExitHandler(done, name="guarded"):
        broken = fail()
        echo(text=broken.output)
        echo(text="independent")


@case
def exit_with_condition(n: int = 1):
    done = echo(text="bye")
    with dsl.ExitHandler(done):
        with dsl.If(n == 2):
            number(value=n)


@case
def status_of_ignored_failure() -> str:
    broken = fail()
    return status(text="x").after(broken).ignore_upstream_failure().output


# Nested pipelines


@dsl.pipeline
def inner_sum(x: int, y: int = 2) -> int:
    return add(a=x, b=y).output


@dsl.pipeline
def inner_optional(text: Optional[str] = None, n: Optional[int] = 8) -> str:
    return optional(text=text, n=n).output


@dsl.pipeline
def inner_two_levels(x: int) -> int:
    first = inner_sum(x=x)
    return inner_sum(x=first.output, y=first.output).output


@dsl.pipeline
def inner_data(name: str) -> Dataset:
    return make(name=name).outputs["out"]


@dsl.pipeline
def inner_failing(text: str = "deep") -> str:
    return fail(text=text).output


@case
def nested(x: int = 1) -> int:
    return inner_sum(x=x).output


@case
def nested_default_and_given() -> int:
    first = inner_sum(x=1)
    return inner_sum(x=first.output, y=40).output


@case
def nested_optional(text: Optional[str] = None) -> str:
    inner_optional()
    inner_optional(text="t", n=1)
    return inner_optional(text=text).output


@case
def nested_twice() -> int:
    return inner_two_levels(x=5).output


@case
def nested_artifact() -> str:
    made = inner_data(name="n")
    train(data=made.output)
    return uri_of(item=made.output).output


@case
def nested_in_loop() -> List[int]:
    with dsl.ParallelFor([1, 2]) as item:
        task = inner_sum(x=item)
    return dsl.Collected(task.output)


@case
def nested_failure() -> int:
    broken = inner_failing()
    echo(text=broken.output)
    return number(value=1).output


@case
def nested_in_condition(n: int = 2):
    with dsl.If(n == 1):
        inner_sum(x=n)
    with dsl.Else():
        inner_two_levels(x=n)


@case
def nested_f_string(name: str = "z") -> str:
    return inner_optional(text=f"hi {name}").output


# Artifacts


@case
def artifact_chain() -> float:
    made = make(name="d")
    fitted = train(data=made.outputs["out"])
    uri_of(item=fitted.outputs["model"])
    return fitted.outputs["Output"]


@case
def imported(uri: str = "gs://bucket/data") -> str:
    task = dsl.importer(
        artifact_uri=uri, artifact_class=Dataset, reimport=False, metadata={"from": uri}
    )
    return uri_of(item=task.output).output


@case
def pipeline_artifact_input(data: Input[Dataset]) -> str:
    return uri_of(item=data).output


# Combinations


@case
def loop_one_of(items: List[int] = [1, 2, 3]) -> List[str]:
    with dsl.ParallelFor(items) as item:
        with dsl.If(item == 2):
            two = echo(text="two")
        with dsl.Else():
            other = echo(text=f"n{item}")
        chosen = dsl.OneOf(two.output, other.output)
        task = echo(text=chosen)
    return dsl.Collected(task.output)


@case
def exit_around_loop_of_conditions() -> str:
    done = status()
    with dsl.ExitHandler(done):
        with dsl.ParallelFor(["a", "b"], parallelism=1) as item:
            with dsl.If(item == "b"):
                fail(text=item)
            with dsl.Else():
                echo(text=item)
    return echo(text="outside").output


@case
def retry_inherited() -> int:
    task = inner_sum(x=1)
    task.set_retry(num_retries=2)
    return task.output


def main() -> None:
    compiled = {}
    with tempfile.TemporaryDirectory() as directory:
        for name, pipeline in PIPELINES:
            path = Path(directory) / f"{name}.yaml"
            compiler.Compiler().compile(pipeline, str(path))
            compiled[name] = path.read_text()
    json.dump(compiled, sys.stdout)


if __name__ == "__main__":
    main()
