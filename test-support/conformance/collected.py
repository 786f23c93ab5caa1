"""What loops collect, and loops over that."""

from typing import List

from kfp import dsl
from kfp.dsl import Dataset

from case import DONE, FAILED, SKIPPED, case, failed, run
from components import (
    add,
    count_of,
    count_to,
    echo,
    fail,
    join,
    list_of,
    make,
    make_of,
    number,
    read,
    read_all,
    struct_of,
    total,
    truth,
)


@case(
    run({"[0]/add": 101, "[1]/add": 102, "[2]/add": 103, "total": 306}, gives=[101, 102, 103]),
)
def collected_parameter() -> List[int]:
    with dsl.ParallelFor([1, 2, 3]) as item:
        task = add(a=item, b=100)
    total(values=dsl.Collected(task.output))
    return dsl.Collected(task.output)


# A leaf's own lists stay lists.
@case(run({"[0]/count-to": [0], "[1]/count-to": [0, 1], "list-of": [[0], [0, 1]]}, gives=[[0], [0, 1]]))
def collected_lists() -> list:
    with dsl.ParallelFor([1, 2]) as item:
        task = count_to(n=item)
    return list_of(values=dsl.Collected(task.output)).output


@case(
    run(
        {"[0]/truth": True, "[0]/struct-of": {"n": 1}, "[0]/list-of": [True], "list-of-2": [{"n": 1}]},
        gives=[True],
    ),
)
def collected_kinds() -> list:
    with dsl.ParallelFor([1]) as item:
        flag = truth(value=True)
        fields = struct_of(value={"n": item})
        list_of(values=[True])
    list_of(values=dsl.Collected(fields.output))
    return dsl.Collected(flag.output)


@case(
    run({"[0]/make": DONE, "[1]/make": DONE, "read-all": "a,b", "count-of": 2}, gives=2),
    run({"read-all": "", "count-of": 0}, gives=0, given={"names": []}),
)
def collected_artifacts(names: List[str] = ["a", "b"]) -> int:
    with dsl.ParallelFor(names) as name:
        made = make(name=name)
    read_all(items=dsl.Collected(made.outputs["out"]))
    return count_of(items=dsl.Collected(made.outputs["out"])).output


@case(
    run(
        {f"[{i}][{j}]/make-of": DONE for i in range(2) for j in range(2)}
        | {"count-of": 4, "read-all": "ax,ay,bx,by"},
        gives=4,
    )
)
def collected_nested_artifacts() -> int:
    with dsl.ParallelFor(["a", "b"]) as outer:
        with dsl.ParallelFor(["x", "y"]) as inner:
            made = make_of(name=outer, more=inner)
    read_all(items=dsl.Collected(made.outputs["out"]))
    return count_of(items=dsl.Collected(made.outputs["out"])).output


@case(failed({"[0]/number": 1, "[0]/fail": FAILED, "[1]/number": 2, "[1]/fail": FAILED, "total": SKIPPED}))
def collected_after_failure() -> int:
    with dsl.ParallelFor([1, 2]) as item:
        first = number(value=item)
        fail().after(first)
    return total(values=dsl.Collected(first.output)).output


@case(
    run(
        {
            "[0]/add": SKIPPED,
            "[0]/make": SKIPPED,
            "[1]/add": 4,
            "[1]/make": DONE,
            "[2]/add": 6,
            "[2]/make": DONE,
            "count-of": 2,
            "total": 10,
        },
        gives=10,
    ),
    run(
        {f"[{n}]/{name}": SKIPPED for n in range(3) for name in ("add", "make")}
        | {"count-of": 0, "total": 0},
        gives=0,
        given={"least": 4},
    ),
)
def collected_of_conditions(least: int = 2) -> int:
    with dsl.ParallelFor([1, 2, 3]) as item:
        with dsl.If(item >= least):
            task = add(a=item, b=item)
            made = make(name="kept")
    count_of(items=dsl.Collected(made.outputs["out"]))
    return total(values=dsl.Collected(task.output)).output


@dsl.pipeline
def inner_makes(names: List[str]) -> List[Dataset]:
    with dsl.ParallelFor(names) as name:
        made = make(name=name)
    return dsl.Collected(made.outputs["out"])


@case(
    run(
        {
            "inner-makes[0]/make": DONE,
            "inner-makes[1]/make": DONE,
            "[0]/read": "p",
            "[1]/read": "q",
            "join": "p,q",
        },
        gives="p,q",
    ),
    run({"join": ""}, gives="", given={"names": []}),
)
def loop_over_artifacts(names: List[str] = ["p", "q"]) -> str:
    made = inner_makes(names=names)
    with dsl.ParallelFor(made.output) as item:
        text = read(item=item)
    return join(values=dsl.Collected(text.output)).output


@case(
    run(
        {
            "[0]/echo": "a",
            "[1]/echo": "b",
            "list-of": ["a", "b"],
            "[0]/echo-2": "<a>",
            "[1]/echo-2": "<b>",
            "join": "<a>,<b>",
        },
        gives="<a>,<b>",
    )
)
def loop_over_collected() -> str:
    with dsl.ParallelFor(["a", "b"]) as item:
        first = echo(text=item)
    kept = list_of(values=dsl.Collected(first.output))
    with dsl.ParallelFor(kept.output) as item:
        second = echo(text=f"<{item}>")
    return join(values=dsl.Collected(second.output)).output


@case(
    run({"number": 5, "[0]/add": 6, "[1]/add": 7, "add-2": 10}, gives=10),
)
def loop_with_values_from_outside() -> int:
    base = number(value=5)
    with dsl.ParallelFor([1, 2]) as item:
        add(a=base.output, b=item)
    return add(a=base.output, b=base.output).output


@case(
    run({"count-to": [0], "[0]/echo": "0", "number": 1}, gives=1),
    run({"count-to": [], "number": 1}, gives=1, given={"n": 0}),
)
def after_a_loop(n: int = 1) -> int:
    made = count_to(n=n)
    with dsl.ParallelFor(made.output) as item:
        each = echo(text=f"{item}")
    return number(value=1).after(each).output
