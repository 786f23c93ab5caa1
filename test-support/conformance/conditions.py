"""Conditions and what is chosen by them."""

from kfp import dsl
from kfp.dsl import Dataset

from case import DONE, FAILED, SKIPPED, case, failed, refused, run
from components import add, echo, fail, make, number, quiet, read, real, truth


@case(
    run({"number": 1, "number-2": SKIPPED, "number-3": 3}, gives=3),
    run({"number": SKIPPED, "number-2": 2, "number-3": 3}, gives=3, given={"text": "no"}),
    run({"number": SKIPPED, "number-2": 2, "number-3": 3}, gives=3, given={"text": "it's"}),
    run({"number": SKIPPED, "number-2": 2, "number-3": 3}, gives=3, given={"text": "yes "}),
)
def if_text(text: str = "yes") -> int:
    with dsl.If(text == "yes"):
        number(value=1)
    with dsl.If(text != "yes"):
        number(value=2)
    return number(value=3).output


@case(run({"echo": "a", "echo-2": SKIPPED}), run({"echo": SKIPPED, "echo-2": "b"}, given={"flag": False}))
def if_else(flag: bool = True):
    with dsl.If(flag == True):  # noqa: E712
        echo(text="a")
    with dsl.Else():
        echo(text="b")


def one_of_four(n, taken):
    texts = ["low", "three", "high", "middle"]
    names = ["echo", "echo-2", "echo-3", "echo-4"]
    return run(
        {name: text if text == taken else SKIPPED for name, text in zip(names, texts, strict=True)},
        given={"n": n},
    )


@case(
    one_of_four(2, "low"),
    one_of_four(3, "three"),
    one_of_four(5, "middle"),
    one_of_four(10, "high"),
    one_of_four(-9007199254740991, "low"),
)
def if_elif_else(n: int):
    with dsl.If(n < 3):
        echo(text="low")
    with dsl.Elif(n == 3):
        echo(text="three")
    with dsl.Elif(n >= 10):
        echo(text="high")
    with dsl.Else():
        echo(text="middle")


@case(run({"number": 7, "add": 8, "echo": "eight", "echo-2": SKIPPED}))
def if_output():
    task = number(value=7)
    with dsl.If(task.output > 5):
        inner = add(a=task.output, b=1)
        with dsl.If(inner.output == 8):
            echo(text="eight")
        with dsl.If(inner.output == 9):
            echo(text="nine")


@case(
    run({"echo": "small", "echo-2": SKIPPED}),
    run({"echo": SKIPPED, "echo-2": "large"}, given={"x": 0.75}),
    run({"echo": SKIPPED, "echo-2": "large"}, given={"x": 1e6}),
    run({"echo": "small", "echo-2": SKIPPED}, given={"x": -1}),
)
def if_double(x: float = 0.5):
    with dsl.If(x < 0.75):
        echo(text="small")
    with dsl.If(x >= 0.75):
        echo(text="large")


@case(
    run({"echo": "same", "echo-2": SKIPPED}),
    run({"echo": SKIPPED, "echo-2": "different"}, given={"b": "y"}),
    run({"echo": "same", "echo-2": SKIPPED}, given={"a": "'\"ü", "b": "'\"ü"}),
)
def if_two_channels(a: str = "x", b: str = "x"):
    with dsl.If(a == b):
        echo(text="same")
    with dsl.If(a != b):
        echo(text="different")


@case(failed({"fail": FAILED, "echo": SKIPPED, "echo-2": "always"}))
def if_failed_source():
    broken = fail()
    with dsl.If(broken.output == "x"):
        echo(text="never")
    echo(text="always")


@case(
    run({"echo": SKIPPED, "echo-2": "safe"}),
    run({"echo": "injected", "echo-2": SKIPPED}, given={"text": "yes"}),
    run({"echo": SKIPPED, "echo-2": "safe"}, given={"text": "') || true || ('"}),
    run({"echo": SKIPPED, "echo-2": "safe"}, given={"text": "yes\\"}),
    run({"echo": SKIPPED, "echo-2": "safe"}, given={"text": "inputs.parameter_values"}),
)
def if_hostile_value(text: str = "zz' || 'a'=='a"):
    with dsl.If(text == "yes"):
        echo(text="injected")
    with dsl.Else():
        echo(text="safe")


OPERATORS = ["==", "!=", "<", "<=", ">", ">="]


def operators(n, m, *holds):
    names = ["echo", "echo-2", "echo-3", "echo-4", "echo-5", "echo-6"]
    tasks = {name: sign if sign in holds else SKIPPED for name, sign in zip(names, OPERATORS, strict=True)}
    return run(tasks, given={"n": n, "m": m})


@case(
    operators(1, 1, "==", "<=", ">="),
    operators(2, 10, "!=", "<", "<="),
    operators(-1, -2, "!=", ">", ">="),
    operators(9007199254740991, 9007199254740990, "!=", ">", ">="),
)
def if_operators(n: int, m: int):
    with dsl.If(n == m):
        echo(text="==")
    with dsl.If(n != m):
        echo(text="!=")
    with dsl.If(n < m):
        echo(text="<")
    with dsl.If(n <= m):
        echo(text="<=")
    with dsl.If(n > m):
        echo(text=">")
    with dsl.If(n >= m):
        echo(text=">=")


@case(
    run({"truth": True, "echo": "true", "echo-2": SKIPPED}),
    run({"truth": False, "echo": SKIPPED, "echo-2": "false"}, given={"flag": False}),
)
def if_boolean_output(flag: bool = True):
    kept = truth(value=flag)
    with dsl.If(kept.output == True):  # noqa: E712
        echo(text="true")
    with dsl.If(kept.output == False):  # noqa: E712
        echo(text="false")


@case(
    run({"echo": "letters", "echo-2": SKIPPED, "echo-3": SKIPPED}),
    run({"echo": SKIPPED, "echo-2": "quote", "echo-3": SKIPPED}, given={"text": 'a"b'}),
    run({"echo": SKIPPED, "echo-2": SKIPPED, "echo-3": "empty"}, given={"text": ""}),
)
def if_unicode_and_quotes(text: str = "grün→😀"):
    with dsl.If(text == "grün→😀"):
        echo(text="letters")
    with dsl.If(text == 'a"b'):
        echo(text="quote")
    with dsl.If(text == ""):
        echo(text="empty")


@case(
    run({"echo": "11", "echo-2": SKIPPED, "echo-3": SKIPPED, "echo-4": SKIPPED}),
    run({"echo": SKIPPED, "echo-2": "12", "echo-3": SKIPPED, "echo-4": SKIPPED}, given={"b": 2}),
    run({"echo": SKIPPED, "echo-2": SKIPPED, "echo-3": "21", "echo-4": SKIPPED}, given={"a": 2}),
    run({"echo": SKIPPED, "echo-2": SKIPPED, "echo-3": SKIPPED, "echo-4": "22"}, given={"a": 2, "b": 2}),
)
def if_in_if(a: int = 1, b: int = 1):
    with dsl.If(a == 1):
        with dsl.If(b == 1):
            echo(text="11")
        with dsl.Else():
            echo(text="12")
    with dsl.Else():
        with dsl.If(b == 1):
            echo(text="21")
        with dsl.Else():
            echo(text="22")


@case(
    run({"real": 2.0, "quiet": DONE, "quiet-2": SKIPPED}),
    run({"real": 2.5, "quiet": SKIPPED, "quiet-2": DONE}, given={"x": 2.5}),
)
def if_real_output(x: float = 2.0):
    made = real(value=x)
    with dsl.If(made.output == 2.0):
        quiet()
    with dsl.If(made.output > 2.25):
        quiet()


@case(failed({"fail": FAILED, "echo": SKIPPED, "echo-2": SKIPPED, "number": 1}, gives=1))
def failure_in_a_branch() -> int:
    first = number(value=1)
    with dsl.If(first.output == 1):
        broken = fail()
        echo(text=broken.output)
    with dsl.Else():
        echo(text="other")
    return first.output


@case(
    run({"echo": "H", "echo-2": SKIPPED, "echo-3": SKIPPED, "echo-4": "H"}, gives="H"),
    run(
        {"echo": SKIPPED, "echo-2": "T", "echo-3": SKIPPED, "echo-4": "T"}, gives="T", given={"side": "tails"}
    ),
    run({"echo": SKIPPED, "echo-2": SKIPPED, "echo-3": "?", "echo-4": "?"}, gives="?", given={"side": "'"}),
)
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


@case(
    run({"make": SKIPPED, "make-2": DONE, "read": "second"}, artifacts={"Output": "second"}),
    run(
        {"make": DONE, "make-2": SKIPPED, "read": "first"}, artifacts={"Output": "first"}, given={"side": "a"}
    ),
)
def one_of_artifact(side: str = "b") -> Dataset:
    with dsl.If(side == "a"):
        first = make(name="first")
    with dsl.Else():
        second = make(name="second")
    chosen = dsl.OneOf(first.outputs["out"], second.outputs["out"])
    read(item=chosen)
    return chosen


# The branch taken fails: whoever takes from the choice is skipped, since the group of branches failed.
@case(failed({"fail": FAILED, "echo": SKIPPED, "echo-2": SKIPPED, "echo-3": "aside"}, gives="aside"))
def one_of_a_failed_branch(n: int = 1) -> str:
    with dsl.If(n == 1):
        broken = fail()
    with dsl.Else():
        fine = echo(text="fine")
    echo(text=dsl.OneOf(broken.output, fine.output))
    return echo(text="aside").output


@dsl.pipeline
def inner_choice(n: int) -> int:
    with dsl.If(n > 0):
        positive = add(a=n, b=100)
    with dsl.Else():
        other = add(a=n, b=-100)
    return dsl.OneOf(positive.output, other.output)


@case(
    run(
        {
            "inner-choice/add": 105,
            "inner-choice/add-2": SKIPPED,
            "inner-choice-2/add": SKIPPED,
            "inner-choice-2/add-2": -105,
            "add": 0,
        },
        gives=0,
    )
)
def one_of_in_nested_pipelines() -> int:
    up = inner_choice(n=5)
    down = inner_choice(n=-5)
    return add(a=up.output, b=down.output).output


@case(
    run(
        {
            "number": 0,
            "echo": SKIPPED,
            "make": SKIPPED,
            "echo-2": "zero",
            "make-2": DONE,
            "read": "from zero",
            "echo-3": "zero",
        },
        gives="zero",
    ),
    run(
        {
            "number": 1,
            "echo": "some",
            "make": DONE,
            "echo-2": SKIPPED,
            "make-2": SKIPPED,
            "read": "from some",
            "echo-3": "some",
        },
        gives="some",
        given={"n": 1},
    ),
)
def one_of_both_kinds(n: int = 0) -> str:
    given = number(value=n)
    with dsl.If(given.output != 0):
        some = echo(text="some")
        some_made = make(name=f"from {some.output}")
    with dsl.Else():
        zero = echo(text="zero")
        zero_made = make(name=f"from {zero.output}")
    read(item=dsl.OneOf(some_made.outputs["out"], zero_made.outputs["out"]))
    return echo(text=dsl.OneOf(some.output, zero.output)).output


# The Python SDK forgets to hand a choice out of its branches when nothing but a condition asks for it.
@case(refused("PIPELINE_OUTPUT_UNKNOWN"))
def one_of_in_a_condition(text: str = "a"):
    with dsl.If(text == "a"):
        first = echo(text="first")
    with dsl.Else():
        second = echo(text="second")
    with dsl.If(dsl.OneOf(first.output, second.output) == "first"):
        echo(text="taken")
