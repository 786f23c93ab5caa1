"""Nested pipelines."""

from typing import List, NamedTuple, Optional

from kfp import dsl
from kfp.dsl import Dataset, Input

from case import DONE, FAILED, SKIPPED, case, failed, run
from components import (
    add,
    count_of,
    defaulted,
    echo,
    fail,
    list_of,
    make,
    number,
    optional,
    read,
    struct_of,
    train,
)


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


@case(run({"inner-sum/add": 3}, gives=3), run({"inner-sum/add": 0}, gives=0, given={"x": -2}))
def nested(x: int = 1) -> int:
    return inner_sum(x=x).output


@case(run({"inner-sum/add": 3, "inner-sum-2/add": 43}, gives=43))
def nested_default_and_given() -> int:
    first = inner_sum(x=1)
    return inner_sum(x=first.output, y=40).output


@case(
    run(
        {
            "inner-optional/optional": "None/8",
            "inner-optional-2/optional": "t/1",
            "inner-optional-3/optional": "None/8",
        },
        gives="None/8",
    ),
    run(
        {
            "inner-optional/optional": "None/8",
            "inner-optional-2/optional": "t/1",
            "inner-optional-3/optional": "x/8",
        },
        gives="x/8",
        given={"text": "x"},
    ),
)
def nested_optional(text: Optional[str] = None) -> str:
    inner_optional()
    inner_optional(text="t", n=1)
    return inner_optional(text=text).output


@dsl.pipeline
def middle_optional(text: Optional[str] = None, n: Optional[int] = None) -> str:
    return inner_optional(text=text, n=n).output


@case(
    run({"middle-optional/inner-optional/optional": "None/8"}, gives="None/8"),
    run({"middle-optional/inner-optional/optional": "/0"}, gives="/0", given={"text": "", "n": 0}),
    run({"middle-optional/inner-optional/optional": "x/8"}, gives="x/8", given={"text": "x", "n": None}),
)
def nested_optional_through_levels(text: Optional[str] = None, n: Optional[int] = None) -> str:
    return middle_optional(text=text, n=n).output


# 5 + 2 = 7, then 7 + 7.
@case(run({"inner-two-levels/inner-sum/add": 7, "inner-two-levels/inner-sum-2/add": 14}, gives=14))
def nested_twice() -> int:
    return inner_two_levels(x=5).output


@case(run({"inner-data/make": DONE, "train": 0.5, "read": "n"}, gives="n"))
def nested_artifact() -> str:
    made = inner_data(name="n")
    train(data=made.output)
    return read(item=made.output).output


@dsl.pipeline
def inner_reads(data: Input[Dataset]) -> str:
    return read(item=data).output


@case(
    run(
        {"make": DONE, "inner-reads/read": "given", "inner-data/make": DONE, "inner-reads-2/read": "other"},
        gives="other",
    )
)
def nested_artifact_input() -> str:
    made = make(name="given")
    inner_reads(data=made.outputs["out"])
    return inner_reads(data=inner_data(name="other").output).output


@case(run({"[0]/inner-sum/add": 3, "[1]/inner-sum/add": 4}, gives=[3, 4]))
def nested_in_loop() -> List[int]:
    with dsl.ParallelFor([1, 2]) as item:
        task = inner_sum(x=item)
    return dsl.Collected(task.output)


@case(failed({"inner-failing/fail": FAILED, "echo": SKIPPED, "number": 1}, gives=1))
def nested_failure() -> int:
    broken = inner_failing()
    echo(text=broken.output)
    return number(value=1).output


@case(failed({"inner-failing/fail": FAILED, "defaulted": "d1[]", "echo": "d1[]"}, gives="d1[]"))
def nested_failure_ignored() -> str:
    broken = inner_failing()
    task = defaulted(text=broken.output, n=1, items=[]).ignore_upstream_failure()
    return echo(text=task.output).output


@case(
    run(
        {
            "inner-sum/add": SKIPPED,
            "inner-two-levels/inner-sum/add": 4,
            "inner-two-levels/inner-sum-2/add": 8,
        }
    ),
    run(
        {
            "inner-sum/add": 3,
            "inner-two-levels/inner-sum/add": SKIPPED,
            "inner-two-levels/inner-sum-2/add": SKIPPED,
        },
        given={"n": 1},
    ),
)
def nested_in_condition(n: int = 2):
    with dsl.If(n == 1):
        inner_sum(x=n)
    with dsl.Else():
        inner_two_levels(x=n)


@case(run({"inner-optional/optional": "hi z/8"}, gives="hi z/8"))
def nested_f_string(name: str = "z") -> str:
    return inner_optional(text=f"hi {name}").output


class Both(NamedTuple):
    """Outputs of both kinds."""

    total: int
    data: Dataset


@dsl.pipeline
def inner_both(x: int) -> Both:
    return Both(total=add(a=x, b=x).output, data=make(name=f"data {x}").outputs["out"])


@case(
    run(
        {"inner-both/add": 6, "inner-both/make": DONE, "number": 6, "read": "data 3"},
        gives=6,
    )
)
def nested_several_outputs() -> int:
    both = inner_both(x=3)
    read(item=both.outputs["data"])
    return number(value=both.outputs["total"]).output


@dsl.pipeline
def inner_collects(names: List[str]) -> List[Dataset]:
    with dsl.ParallelFor(names) as name:
        made = make(name=name)
    return dsl.Collected(made.outputs["out"])


@case(
    run(
        {
            "inner-collects[0]/make": DONE,
            "inner-collects[1]/make": DONE,
            "inner-collects[2]/make": DONE,
            "inner-collects-2[0]/make": DONE,
            "count-of": 3,
            "count-of-2": 1,
            "add": 4,
        },
        gives=4,
    )
)
def nested_collected_artifacts() -> int:
    many = inner_collects(names=["a", "b", "c"])
    one = inner_collects(names=["d"])
    first = count_of(items=many.output)
    second = count_of(items=one.output)
    return add(a=first.output, b=second.output).output


@dsl.pipeline
def inner_sizes(items: list = [1, 2], fields: dict = {"k": [1]}) -> dict:
    list_of(values=items)
    return struct_of(value=fields).output


@case(
    run(
        {
            "inner-sizes/list-of": [1, 2],
            "inner-sizes/struct-of": {"k": [1]},
            "inner-sizes-2/list-of": [],
            "inner-sizes-2/struct-of": {"j": {"i": 1}},
        },
        gives={"j": {"i": 1}},
    )
)
def nested_list_and_dict_defaults() -> dict:
    inner_sizes()
    return inner_sizes(items=[], fields={"j": {"i": 1}}).output


@dsl.pipeline
def inner_loop(n: int) -> List[int]:
    with dsl.ParallelFor([1, 2]) as item:
        task = add(a=item, b=n)
    return dsl.Collected(task.output)


# A loop over nested pipelines that loop: a list of their lists.
@case(
    run(
        {f"[{i}]/inner-loop[{j}]/add": a + b for i, b in enumerate([10, 20]) for j, a in enumerate([1, 2])}
        | {"list-of": [[11, 12], [21, 22]]},
        gives=[[11, 12], [21, 22]],
    )
)
def loops_in_nested_pipelines_in_loops() -> list:
    with dsl.ParallelFor([10, 20]) as n:
        inner = inner_loop(n=n)
    return list_of(values=dsl.Collected(inner.output)).output


@case(
    run(
        {"inner-optional/optional": "a/1", "inner-optional-2/optional": "a/1/2", "echo": "a/1/2/8"},
        gives="a/1/2/8",
    )
)
def nested_chain() -> str:
    first = inner_optional(text="a", n=1)
    second = inner_optional(text=first.output, n=2)
    return echo(text=f"{second.output}/8").output


@case(
    failed(
        {
            "fail": FAILED,
            "inner-two-levels/inner-sum/add": SKIPPED,
            "inner-two-levels/inner-sum-2/add": SKIPPED,
        }
    )
)
def nested_after_failure():
    broken = fail()
    inner_two_levels(x=1).after(broken)
