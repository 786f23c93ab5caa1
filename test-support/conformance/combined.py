"""Features together."""

from typing import List

from kfp import dsl
from kfp.dsl import Dataset, Input

from case import DONE, FAILED, SCRATCH, SKIPPED, case, failed, run
from components import (
    add,
    count_of,
    count_to,
    echo,
    fail,
    flaky,
    join,
    list_of,
    make,
    number,
    read,
    read_all,
    status,
    total,
)


def chosen(items):
    tasks = {}
    for i, item in enumerate(items):
        text = "two" if item == 2 else f"n{item}"
        tasks[f"[{i}]/echo"] = "two" if item == 2 else SKIPPED
        tasks[f"[{i}]/echo-2"] = SKIPPED if item == 2 else text
        tasks[f"[{i}]/echo-3"] = text
    return tasks


@case(
    run(chosen([1, 2, 3]), gives=["n1", "two", "n3"]),
    run(chosen([2]), gives=["two"], given={"items": [2]}),
    run({}, gives=[], given={"items": []}),
)
def loop_one_of(items: List[int] = [1, 2, 3]) -> List[str]:
    with dsl.ParallelFor(items) as item:
        with dsl.If(item == 2):
            two = echo(text="two")
        with dsl.Else():
            other = echo(text=f"n{item}")
        chosen = dsl.OneOf(two.output, other.output)
        task = echo(text=chosen)
    return dsl.Collected(task.output)


@case(
    failed(
        {
            "[0]/fail": SKIPPED,
            "[0]/echo": "a",
            "[1]/fail": FAILED,
            "[1]/echo": SKIPPED,
            "status": "FAILED",
            "echo-2": "outside",
        },
        gives="outside",
    )
)
def exit_around_loop_of_conditions() -> str:
    done = status()
    with dsl.ExitHandler(done):
        with dsl.ParallelFor(["a", "b"], parallelism=1) as item:
            with dsl.If(item == "b"):
                fail(text=item)
            with dsl.Else():
                echo(text=item)
    return echo(text="outside").output


@dsl.pipeline
def inner_sum(x: int, y: int = 2) -> int:
    return add(a=x, b=y).output


@case(run({"inner-sum/add": 3}, gives=3))
def retry_inherited() -> int:
    task = inner_sum(x=1)
    task.set_retry(num_retries=2)
    return task.output


# Sizes 0 to 3: of each that is odd, the numbers below it are added to it; the others add no list.
@case(
    run(
        {
            "count-to": [0, 1, 2, 3],
            "[0]/count-to-2": SKIPPED,
            "[0][-]/inner-sum/add": SKIPPED,
            "[1]/count-to-2": [0],
            "[1][0]/inner-sum/add": 1,
            "[2]/count-to-2": SKIPPED,
            "[2][-]/inner-sum/add": SKIPPED,
            "[3]/count-to-2": [0, 1, 2],
            "[3][0]/inner-sum/add": 3,
            "[3][1]/inner-sum/add": 4,
            "[3][2]/inner-sum/add": 5,
            "list-of": [[1], [3, 4, 5]],
        },
        gives=[[1], [3, 4, 5]],
    )
)
def loop_condition_loop_nested() -> list:
    sizes = count_to(n=4)
    with dsl.ParallelFor(sizes.output) as n:
        with dsl.If(n != 0):
            with dsl.If(n != 2):
                made = count_to(n=n)
                with dsl.ParallelFor(made.output) as item:
                    task = inner_sum(x=n, y=item)
    return list_of(values=dsl.Collected(task.output)).output


@case(
    run(
        {
            "[0]/make": DONE,
            "[0]/make-2": SKIPPED,
            "[0]/read": "even 0",
            "[1]/make": SKIPPED,
            "[1]/make-2": DONE,
            "[1]/read": "odd 1",
            "join": "even 0,odd 1",
        },
        gives="even 0,odd 1",
    )
)
def loop_one_of_artifact() -> str:
    with dsl.ParallelFor([0, 1]) as n:
        with dsl.If(n == 0):
            even = make(name=f"even {n}")
        with dsl.Else():
            odd = make(name=f"odd {n}")
        text = read(item=dsl.OneOf(even.outputs["out"], odd.outputs["out"]))
    return join(values=dsl.Collected(text.output)).output


@case(
    failed(
        {"[0]/flaky": 2, "[1]/flaky": FAILED, "total": SKIPPED, "status": "FAILED"},
        given={"scratch": SCRATCH},
    ),
    commands=True,
)
def exit_around_retries_in_a_loop(scratch: str):
    done = status()
    with dsl.ExitHandler(done):
        with dsl.ParallelFor([1, 5]) as failures:
            task = flaky(scratch=scratch, name="f", failures=failures)
            task.set_retry(num_retries=1, backoff_duration="0s")
        total(values=dsl.Collected(task.output))


@dsl.pipeline
def inner_pick(names: List[str], wanted: str) -> List[Dataset]:
    with dsl.ParallelFor(names) as name:
        with dsl.If(name == wanted):
            made = make(name=f"picked {name}")
    return dsl.Collected(made.outputs["out"])


@case(
    run(
        {
            "inner-pick[0]/make": SKIPPED,
            "inner-pick[1]/make": DONE,
            "inner-pick[2]/make": SKIPPED,
            "count-of": 1,
            "read-all": "picked b",
            "[0]/read": "picked b",
        },
        gives=1,
    ),
    run(
        {
            "inner-pick[0]/make": SKIPPED,
            "inner-pick[1]/make": SKIPPED,
            "inner-pick[2]/make": SKIPPED,
            "count-of": 0,
            "read-all": "",
        },
        gives=0,
        given={"wanted": "z"},
    ),
)
def nested_collected_conditions_looped(wanted: str = "b") -> int:
    picked = inner_pick(names=["a", "b", "c"], wanted=wanted)
    read_all(items=picked.output)
    with dsl.ParallelFor(picked.output) as item:
        read(item=item)
    return count_of(items=picked.output).output


@case(
    run(
        {
            "echo": "a",
            "echo-2": "taken: a",
            "echo-3": SKIPPED,
            "echo-4": "taken: a",
            "number": 1,
            "fail": SKIPPED,
            "status": "COMPLETE",
        },
        given={"text": "a"},
    ),
    failed(
        {
            "echo": "b",
            "echo-2": SKIPPED,
            "echo-3": "other: b",
            "echo-4": "other: b",
            "number": SKIPPED,
            "fail": FAILED,
            "status": "FAILED",
        },
        given={"text": "b"},
    ),
)
def exit_around_choice(text: str):
    done = status()
    with dsl.ExitHandler(done):
        kept = echo(text=text)
        with dsl.If(kept.output == "a"):
            first = echo(text=f"taken: {kept.output}")
        with dsl.Else():
            second = echo(text=f"other: {kept.output}")
        one = echo(text=dsl.OneOf(first.output, second.output))
        with dsl.If(one.output == "taken: a"):
            number(value=1)
        with dsl.Else():
            fail()


@dsl.pipeline
def countdown_3(n: int) -> int:
    with dsl.If(n > 0):
        less = add(a=n, b=-1)
    with dsl.Else():
        rest = number(value=0)
    return dsl.OneOf(less.output, rest.output)


@dsl.pipeline
def countdown_2(n: int) -> int:
    return countdown_3(n=countdown_3(n=n).output).output


@case(
    run(
        {
            "countdown-2/countdown-3/add": 0,
            "countdown-2/countdown-3/number": SKIPPED,
            "countdown-2/countdown-3-2/add": SKIPPED,
            "countdown-2/countdown-3-2/number": 0,
        },
        gives=0,
    ),
    run(
        {
            "countdown-2/countdown-3/add": 9,
            "countdown-2/countdown-3/number": SKIPPED,
            "countdown-2/countdown-3-2/add": 8,
            "countdown-2/countdown-3-2/number": SKIPPED,
        },
        gives=8,
        given={"n": 10},
    ),
)
def choices_in_nested_pipelines(n: int = 1) -> int:
    return countdown_2(n=n).output


@case(
    run(
        {
            "make": DONE,
            "[0]/read": "shared",
            "[1]/read": "shared",
            "[0]/echo": "0shared",
            "[1]/echo": "1shared",
        }
    )
)
def artifact_from_outside_a_loop():
    made = make(name="shared")
    with dsl.ParallelFor(["0", "1"]) as item:
        text = read(item=made.outputs["out"])
        echo(text=f"{item}{text.output}")


@dsl.pipeline
def inner_reads(data: Input[Dataset], prefix: str) -> str:
    return echo(text=f"{prefix}{read(item=data).output}").output


@case(
    run(
        {
            "[0]/make": DONE,
            "[0]/inner-reads/read": "x",
            "[0]/inner-reads/echo": "<x",
            "[1]/make": DONE,
            "[1]/inner-reads/read": "y",
            "[1]/inner-reads/echo": "<y",
            "join": "<x,<y",
        },
        gives="<x,<y",
    )
)
def artifacts_into_nested_pipelines_in_a_loop() -> str:
    with dsl.ParallelFor(["x", "y"]) as name:
        made = make(name=name)
        inner = inner_reads(data=made.outputs["out"], prefix="<")
    return join(values=dsl.Collected(inner.output)).output
