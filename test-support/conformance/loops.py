"""Loops and what they collect."""

from typing import Dict, List

from kfp import dsl

from case import FAILED, SCRATCH, SKIPPED, case, failed, refused, run, several
from components import (
    add,
    count_to,
    echo,
    fail,
    gauge,
    join,
    list_of,
    number,
    peak,
    real,
    three,
)


@case(run({"[0]/number": 1, "[1]/number": 2, "[2]/number": 3}))
def loop_static():
    with dsl.ParallelFor([1, 2, 3]) as item:
        number(value=item)


@case(run({"[0]/echo": "<a>", "[1]/echo": "<it's>", "[2]/echo": '<"b">'}))
def loop_static_text():
    with dsl.ParallelFor(["a", "it's", '"b"']) as item:
        echo(text=f"<{item}>")


@case(run({"[0]/real": 0.5, "[1]/real": 2.25, "[0]/echo": "0.5", "[1]/echo": "2.25"}))
def loop_static_real():
    with dsl.ParallelFor([0.5, 2.25]) as item:
        real(value=item)
        echo(text=f"{item}")


@case(
    run({"[0]/echo": "x", "[1]/echo": "y"}),
    run({}, given={"items": []}),
    run({"[0]/echo": "it's"}, given={"items": ["it's"]}),
    run({"[0]/echo": "", "[1]/echo": "[1]", "[2]/echo": "{}"}, given={"items": ["", "[1]", "{}"]}),
)
def loop_parameter(items: List[str] = ["x", "y"]):
    with dsl.ParallelFor(items) as item:
        echo(text=item)


@case(
    run({"join": ""}, gives=""),
    run({"[0]/echo": "a", "[1]/echo": "b", "join": "a,b"}, gives="a,b", given={"items": ["a", "b"]}),
)
def loop_empty(items: List[str] = []) -> str:
    with dsl.ParallelFor(items) as item:
        task = echo(text=item)
    return join(values=dsl.Collected(task.output)).output


@case(run({"count-to": [0, 1, 2], "[0]/add": 1, "[1]/add": 2, "[2]/add": 3}))
def loop_output():
    made = count_to(n=3)
    with dsl.ParallelFor(made.output) as item:
        add(a=item, b=1)


@case(run({"[0]/echo": "1", "[0]/echo-2": "x", "[1]/echo": "2", "[1]/echo-2": "y"}))
def loop_dicts():
    with dsl.ParallelFor([{"a": "1", "b": "x"}, {"a": "2", "b": "y"}]) as item:
        echo(text=item.a)
        echo(text=item.b)


@case(
    run({"[0]/add": 11, "[1]/add": 22}),
)
def loop_dicts_of_integers():
    with dsl.ParallelFor([{"a": 1, "b": 10}, {"a": 2, "b": 20}]) as item:
        add(a=item.a, b=item.b)


# In a text, the Python SDK loses where a part of an item comes from: the loop is asked for it from outside.
@case(refused("PIPELINE_INPUT_UNKNOWN"))
def loop_dicts_in_texts():
    with dsl.ParallelFor([{"a": 1, "b": 10}]) as item:
        echo(text=f"n={item.a}")


# As above, for the item of an outer loop.
@case(refused("PIPELINE_INPUT_UNKNOWN"))
def loop_items_in_texts():
    with dsl.ParallelFor(["a", "b"]) as outer:
        with dsl.ParallelFor(["x", "y"]) as inner:
            echo(text=f"{outer}{inner}")


@case(
    run({"[0]/echo": "1", "[0]/echo-2": "x"}),
    run(
        {"[0]/echo": "1", "[0]/echo-2": "2", "[1]/echo": "it's", "[1]/echo-2": '"4"'},
        given={"items": [{"a": "1", "b": "2"}, {"a": "it's", "b": '"4"'}]},
    ),
)
def loop_parameter_dicts(items: List[Dict[str, str]] = [{"a": "1", "b": "x"}]):
    with dsl.ParallelFor(items) as item:
        echo(text=item.a)
        echo(text=item.b)


@case(
    run(
        {
            "list-of": [{"k": "u"}, {"k": "v"}],
            "[0]/echo": "u",
            "[1]/echo": "v",
            "join": "u,v",
        },
        gives="u,v",
    )
)
def loop_output_dicts() -> str:
    made = list_of(values=[{"k": "u"}, {"k": "v"}])
    with dsl.ParallelFor(made.output) as item:
        task = echo(text=item.k)
    return join(values=dsl.Collected(task.output)).output


@case(run({f"[{n}]/{name}": (n + 1) * k for n in range(5) for name, k in (("number", 1), ("add", 2))}))
def loop_limited():
    with dsl.ParallelFor([1, 2, 3, 4, 5], parallelism=2) as item:
        first = number(value=item)
        add(a=first.output, b=item)


@case(
    run(
        {f"[{n}]/gauge": several(done=n) for n in range(6)} | {"peak": 1}, gives=1, given={"scratch": SCRATCH}
    ),
    commands=True,
)
def loop_one_at_a_time(scratch: str) -> int:
    with dsl.ParallelFor([0, 1, 2, 3, 4, 5], parallelism=1) as item:
        task = gauge(scratch=scratch, n=item)
    return peak(scratch=scratch, done=dsl.Collected(task.outputs["done"])).output


@case(
    run({"[0]/number": 1, "[0]/add": 11, "[0]/add-2": 111, "[1]/number": 2, "[1]/add": 12, "[1]/add-2": 112})
)
def loop_chain():
    with dsl.ParallelFor([1, 2]) as item:
        first = number(value=item)
        second = add(a=first.output, b=10)
        add(a=second.output, b=100)


@case(
    failed(
        {"[0]/fail": SKIPPED, "[0]/echo": "ok", "[1]/fail": FAILED, "[1]/echo": "bad", "number": 1}, gives=1
    ),
)
def loop_failure() -> int:
    with dsl.ParallelFor(["ok", "bad"]) as item:
        with dsl.If(item == "bad"):
            fail()
        echo(text=item)
    return number(value=1).output


# One level of lists for each level of loops.
@case(
    run(
        {f"[{i}][{j}]/add": a + b for i, a in enumerate([1, 2]) for j, b in enumerate([10, 20, 30])}
        | {"list-of": [[11, 21, 31], [12, 22, 32]]},
        gives=[[11, 21, 31], [12, 22, 32]],
    )
)
def loop_nested() -> list:
    with dsl.ParallelFor([1, 2]) as outer:
        with dsl.ParallelFor([10, 20, 30]) as inner:
            task = add(a=outer, b=inner)
    return list_of(values=dsl.Collected(task.output)).output


@case(
    run(
        {
            "[0]/count-to": [0, 1],
            "[0][0]/add": 2,
            "[0][1]/add": 3,
            "[1]/count-to": [],
            "[2]/count-to": [0],
            "[2][0]/add": 1,
        }
    )
)
def loop_nested_dynamic():
    with dsl.ParallelFor([2, 0, 1]) as n:
        made = count_to(n=n)
        with dsl.ParallelFor(made.output) as item:
            add(a=n, b=item)


# An empty loop within a loop adds its empty list; the order is that of the indexes.
@case(
    run(
        {
            "[0]/count-to": [0, 1],
            "[0][0]/add": 2,
            "[0][1]/add": 3,
            "[1]/count-to": [],
            "[2]/count-to": [0],
            "[2][0]/add": 1,
            "list-of": [[2, 3], [], [1]],
        },
        gives=[[2, 3], [], [1]],
    ),
    run({"list-of": []}, gives=[], given={"sizes": []}),
    run({"[0]/count-to": [], "list-of": [[]]}, gives=[[]], given={"sizes": [0]}),
)
def loop_nested_collected(sizes: List[int] = [2, 0, 1]) -> list:
    with dsl.ParallelFor(sizes) as n:
        made = count_to(n=n)
        with dsl.ParallelFor(made.output) as item:
            task = add(a=item, b=n)
    return list_of(values=dsl.Collected(task.output)).output


@case(
    run(
        {
            f"[{i}][{j}][{k}]/three": f"{a}{b}{c}"
            for i, a in enumerate("ab")
            for j, b in enumerate("x")
            for k, c in enumerate("12")
        }
        | {"list-of": [[["ax1", "ax2"]], [["bx1", "bx2"]]]},
        gives=[[["ax1", "ax2"]], [["bx1", "bx2"]]],
    )
)
def loop_three_deep() -> list:
    with dsl.ParallelFor(["a", "b"]) as a:
        with dsl.ParallelFor(["x"]) as b:
            with dsl.ParallelFor(["1", "2"]) as c:
                task = three(a=a, b=b, c=c)
    return list_of(values=dsl.Collected(task.output)).output


@case(
    run(
        {
            "[0]/add": 2,
            "[0]/echo": SKIPPED,
            "[0]/echo-2": "small",
            "[1]/add": 4,
            "[1]/echo": "big",
            "[1]/echo-2": SKIPPED,
            "[2]/add": 6,
            "[2]/echo": "big",
            "[2]/echo-2": SKIPPED,
        }
    ),
    run({}, given={"items": []}),
)
def loop_condition(items: List[int] = [1, 2, 3]):
    with dsl.ParallelFor(items) as item:
        doubled = add(a=item, b=item)
        with dsl.If(doubled.output > 2):
            echo(text="big")
        with dsl.Else():
            echo(text="small")


@case(
    run({"[0]/echo": "a", "[1]/echo": "b", "[-]/echo-2": SKIPPED}),
    run({"[-]/echo": SKIPPED, "[0]/echo-2": "c", "[1]/echo-2": "d"}, given={"n": 2}),
    run({"[-]/echo": SKIPPED, "[-]/echo-2": SKIPPED}, given={"n": 3}),
)
def condition_loop(n: int = 1):
    with dsl.If(n == 1):
        with dsl.ParallelFor(["a", "b"]) as item:
            echo(text=item)
    with dsl.If(n == 2):
        with dsl.ParallelFor(["c", "d"]) as item:
            echo(text=item)


# Items of a list without a type are texts to the compiler, and a text is no number.
@case(refused("PIPELINE_PARAMETER_TYPE_MISMATCH"))
def loop_over_a_list_without_type(items: list = [1, 2]):
    with dsl.ParallelFor(items) as item:
        number(value=item)
