"""Features inside features, and values that hurt."""

from typing import List, NamedTuple, Optional

from kfp import dsl
from kfp.dsl import Dataset

from case import DONE, FAILED, SKIPPED, case, failed, run, several
from components import (
    count_to,
    echo,
    fail,
    join,
    kinds,
    list_of,
    make,
    metadata_of,
    number,
    optional,
    read_all,
    real,
    status,
    struct_of,
    total,
    with_metadata,
)


def guarded(items, mode, outer):
    """The tasks of `exit_loop_choices`: what each item takes, and what is skipped for it."""
    tasks = {"status": "COMPLETE"}
    texts = []
    for i, item in enumerate(items):
        two = "two x" if mode == "x" else "two other"
        text = {1: f"one {mode}", 2: two}.get(item, "else")
        tasks[f"[{i}]/echo"] = text if item == 1 else SKIPPED
        tasks[f"[{i}]/echo-2"] = two if item == 2 and mode == "x" else SKIPPED
        tasks[f"[{i}]/echo-3"] = two if item == 2 and mode != "x" else SKIPPED
        tasks[f"[{i}]/echo-4"] = two if item == 2 else SKIPPED
        tasks[f"[{i}]/echo-5"] = "else" if item not in (1, 2) else SKIPPED
        tasks[f"[{i}]/echo-6"] = text
        texts.append(text)
    return {**tasks, "join": ",".join(texts), "echo-7": outer}


@case(
    run(guarded([1, 2, 3], "x", "outside"), gives="outside"),
    run(guarded([2, 5, 2], "z", "outside"), gives="outside", given={"items": [2, 5, 2], "mode": "z"}),
    run(
        {"status": "COMPLETE", "join": "", "echo-7": "outside"},
        gives="outside",
        given={"items": []},
    ),
)
def exit_loop_choices(items: List[int] = [1, 2, 3], mode: str = "x") -> str:
    done = status()
    with dsl.ExitHandler(done, name="guard"):
        with dsl.ParallelFor(items, parallelism=2) as item:
            with dsl.If(item == 1, name="one"):
                one = echo(text=f"one {mode}")
            with dsl.Elif(item == 2):
                with dsl.If(mode == "x"):
                    two = echo(text="two x")
                with dsl.Else():
                    other = echo(text="two other")
                both = echo(text=dsl.OneOf(two.output, other.output))
            with dsl.Else():
                rest = echo(text="else")
            chosen = echo(text=dsl.OneOf(one.output, both.output, rest.output))
        join(values=dsl.Collected(chosen.output))
    return echo(text="outside").output


@dsl.pipeline
def inner_judges(x: int) -> NamedTuple("Judged", [("word", str), ("kept", int)]):
    with dsl.If(x > 1):
        more = echo(text="more")
    with dsl.Else():
        less = echo(text="less")
    judged = NamedTuple("Judged", [("word", str), ("kept", int)])
    return judged(word=dsl.OneOf(more.output, less.output), kept=number(value=x).output)


@case(
    run(
        {
            "inner-judges/echo": SKIPPED,
            "inner-judges/echo-2": "less",
            "inner-judges/number": 1,
            "inner-judges-2/echo": SKIPPED,
            "inner-judges-2/echo-2": "less",
            "inner-judges-2/number": 1,
            "inner-judges-3/echo": "more",
            "inner-judges-3/echo-2": SKIPPED,
            "inner-judges-3/number": 5,
            "echo": "more",
        },
        gives=1,
    ),
    run(
        {
            "inner-judges/echo": "more",
            "inner-judges/echo-2": SKIPPED,
            "inner-judges/number": 2,
            "inner-judges-2/echo": "more",
            "inner-judges-2/echo-2": SKIPPED,
            "inner-judges-2/number": 2,
            "inner-judges-3/echo": SKIPPED,
            "inner-judges-3/echo-2": SKIPPED,
            "inner-judges-3/number": SKIPPED,
            "echo": SKIPPED,
        },
        gives=2,
        given={"x": 2},
    ),
)
def choices_handed_up_and_compared(x: int = 1) -> int:
    first = inner_judges(x=x)
    second = inner_judges(x=first.outputs["kept"])
    with dsl.If(second.outputs["word"] == "less"):
        third = inner_judges(x=5)
        echo(text=third.outputs["word"])
    return second.outputs["kept"]


@case(
    failed(
        {
            "[0]/fail": SKIPPED,
            "[0]/number": 1,
            "[1]/fail": FAILED,
            "[1]/number": SKIPPED,
            "[2]/fail": SKIPPED,
            "[2]/number": 3,
            "total": SKIPPED,
            "status": "FAILED",
            "echo": "beside",
        },
        gives="beside",
    )
)
def failure_in_one_iteration_of_a_guarded_loop() -> str:
    done = status()
    with dsl.ExitHandler(done):
        with dsl.ParallelFor([1, 2, 3]) as item:
            with dsl.If(item == 2):
                fail(text="no")
            with dsl.If(item != 2):
                kept = number(value=item)
        total(values=dsl.Collected(kept.output))
    return echo(text="beside").output


HARD = "a'b\"c{{$.inputs.parameters['text']}} \\ ü 🎉 $HOME `id` {{$.pipeline_job_name}} {{$}}"


@case(
    run({"echo": HARD, "echo-2": f"<{HARD}|{HARD}>", "join": f"{HARD},x"}, gives=f"{HARD},x"),
    *(
        run(
            {"echo": text, "echo-2": f"<{text}|{text}>", "join": f"{text},x"},
            gives=f"{text},x",
            given={"text": text},
        )
        for text in ("", " ", "line\nline\ttab", "null", "true", "1", '{"a": 1}', "[1, 2]", "'; exit 1 #", "\u2028")
    ),
)
def texts_that_look_like_something_else(text: str = HARD) -> str:
    kept = echo(text=text)
    echo(text=f"<{text}|{kept.output}>")
    return join(values=[kept.output, "x"]).output


@case(
    run(
        {"echo": "{{$.inputs.parameters['nothing']}} {{ }} {{$", "echo-2": "{{$.unknown.thing}}"},
    )
)
def placeholders_of_nothing():
    echo(text="{{$.inputs.parameters['nothing']}} {{ }} {{$")
    echo(text="{{$.unknown.thing}}")


@case(
    run({"number": 9007199254740991, "real": 1e300, "struct-of": {"n": 9007199254740991, "x": 1e-300}}),
    run(
        {"number": -9007199254740991, "real": -0.5, "struct-of": {"n": [0, -1, 1e21]}},
        given={"n": -9007199254740991, "x": -0.5, "value": {"n": [0, -1, 1e21]}},
    ),
)
def large_and_small_numbers(
    n: int = 9007199254740991, x: float = 1e300, value: dict = {"n": 9007199254740991, "x": 1e-300}
):
    number(value=n)
    real(value=x)
    struct_of(value=value)


@case(
    run(
        {
            "[0]/make": DONE,
            "[0][0]/make-2": DONE,
            "[0][1]/make-2": DONE,
            "[1]/make": DONE,
            "[1][0]/make-2": DONE,
            "[1][1]/make-2": DONE,
            "read-all": "a,b",
            "read-all-2": "x,x,x,x",
        },
        gives="x,x,x,x",
    ),
    run({"read-all": "", "read-all-2": ""}, gives="", given={"names": []}),
)
def artifacts_of_two_depths(names: List[str] = ["a", "b"]) -> str:
    with dsl.ParallelFor(names) as name:
        outer = make(name=name)
        with dsl.ParallelFor([1, 2]):
            inner = make(name="x")
    read_all(items=dsl.Collected(outer.outputs["out"]))
    return read_all(items=dsl.Collected(inner.outputs["out"])).output


@case(
    run({"[0]/echo": "p", "[0][0]/echo-2": "p", "list-of": [["p"]], "list-of-2": ["p"]}, given={"items": ["p"]}),
    run({"list-of": [], "list-of-2": []}),
)
def nested_loops_over_what_may_be_empty(items: List[str] = []):
    with dsl.ParallelFor(items) as first:
        outer = echo(text=first)
        with dsl.ParallelFor(items) as second:
            inner = echo(text=second)
    list_of(values=dsl.Collected(inner.output))
    list_of(values=dsl.Collected(outer.output))


@dsl.pipeline
def inner_defaults(text: Optional[str] = None, n: Optional[int] = None, word: str = "dflt", m: int = 7) -> str:
    given = optional(text=text, n=n)
    echo(text=f"{word}{m}")
    return given.output


@case(
    run(
        {
            "inner-defaults/optional": "None/None",
            "inner-defaults/echo": "dflt7",
            "inner-defaults-2/optional": "None/4",
            "inner-defaults-2/echo": "given4",
            "optional": "None/4",
        },
        gives="None/4",
    ),
    run(
        {
            "inner-defaults/optional": "t/None",
            "inner-defaults/echo": "dflt7",
            "inner-defaults-2/optional": "t/0",
            "inner-defaults-2/echo": "given0",
            "optional": "t/0",
        },
        gives="t/0",
        given={"text": "t", "n": 0},
    ),
)
def defaults_and_nothing_through_pipelines(text: Optional[str] = None, n: int = 4) -> str:
    inner_defaults(text=text)
    inner_defaults(text=text, n=n, word="given", m=n)
    return optional(text=text, n=n).output


@case(
    run(
        {
            "count-to": [0, 1],
            "[0]/number": 0,
            "[0][0]/number-2": 10,
            "[0][1]/number-2": 20,
            "[1]/number": 1,
            "[1][0]/number-2": 10,
            "[1][1]/number-2": 20,
            "[0]/number-3": 0,
            "[1]/number-3": 1,
            "total": 1,
        },
        gives=1,
    )
)
def loops_beside_and_inside_loops_over_outputs() -> int:
    made = count_to(n=2)
    with dsl.ParallelFor(made.output) as first:
        number(value=first)
        with dsl.ParallelFor([10, 20]) as second:
            number(value=second)
    with dsl.ParallelFor(made.output) as again:
        kept = number(value=again)
    return total(values=dsl.Collected(kept.output)).output


@dsl.pipeline
def inner_passes(data: dsl.Input[Dataset]) -> dict:
    return metadata_of(item=data).output


METADATA = {"rows": 3, "share": 0.5, "nested": {"a": [1]}, "ok": True}


@case(
    run(
        {
            "with-metadata": DONE,
            "inner-passes/metadata-of": METADATA,
            "kinds": "{nested:{a:[int]},ok:bool,rows:int,share:float}",
        },
        gives="{nested:{a:[int]},ok:bool,rows:int,share:float}",
    ),
    commands=True,
)
def metadata_through_pipelines() -> str:
    inner = inner_passes(data=with_metadata().outputs["out"])
    return kinds(value=inner.output).output


@case(
    run(
        {"several": several(upper="AB", size=2), "echo": "AB/2", "[0]/echo-2": "AB", "[1]/echo-2": "AB"},
    )
)
def outputs_of_outside_in_a_loop():
    from components import several as several_of

    made = several_of(text="ab")
    echo(text=f"{made.outputs['upper']}/{made.outputs['size']}")
    with dsl.ParallelFor([1, 2]):
        echo(text=made.outputs["upper"])
