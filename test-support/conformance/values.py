"""Values and wiring."""

from typing import Dict, List, NamedTuple, Optional

from kfp import dsl

from case import RUN_ID, RUN_NAME, TIME, case, run, several
from components import (
    add,
    defaulted,
    echo,
    everything,
    kind_of,
    kinds,
    list_of,
    number,
    optional,
    real,
    struct_of,
    truth,
)
from components import several as several_of


@case(run({"echo": "hello"}, gives="hello"), run({"echo": "x"}, gives="x", given={"text": "x"}))
def single(text: str = "hello") -> str:
    return echo(text=text).output


@case(
    run({"add": 2, "add-2": 4, "add-3": 14}, gives=14),
    run({"add": 41, "add-2": 82, "add-3": 92}, gives=92, given={"n": 40}),
)
def chain(n: int = 1) -> int:
    first = add(a=n, b=1)
    second = add(a=first.output, b=first.output)
    return add(a=second.output, b=10).output


@case(run({"number": 2, "add": 3, "add-2": 4, "add-3": 7}, gives=7))
def diamond() -> int:
    top = number(value=2)
    left = add(a=top.output, b=1)
    right = add(a=top.output, b=2)
    return add(a=left.output, b=right.output).output


QUOTED = 'it\'s "quoted" {{not}} $& a placeholder'


@case(
    run(
        {
            "number": -7,
            "real": 2.5,
            "truth": False,
            "list-of": [1, 2.5, "x", [True]],
            "struct-of": {"a": 1, "b": {"c": [1, 2]}},
            "echo": QUOTED,
        },
        gives=QUOTED,
    )
)
def constants() -> str:
    number(value=-7)
    real(value=2.5)
    truth(value=False)
    list_of(values=[1, 2.5, "x", [True]])
    struct_of(value={"a": 1, "b": {"c": [1, 2]}})
    return echo(text='it\'s "quoted" {{not}} $& a placeholder').output


def typed(text, whole, fraction, flag, items, fields):
    names = ["text", "whole", "fraction", "flag", "items", "fields"]
    tasks = ["echo", "number", "real", "truth", "list-of", "struct-of"]
    values = [text, whole, fraction, flag, items, fields]
    return run(dict(zip(tasks, values, strict=True)), gives=text, given=dict(zip(names, values, strict=True)))


@case(
    typed("s", 5, 1.5, True, [1, 2.5], {"a": 1, "b": [2]}),
    typed("", -1, 2, False, [], {}),
    typed("line\nline", 0, 1e300, True, [None, [[]]], {"": None, "x y": {"": {}}}),
)
def all_types(text: str, whole: int, fraction: float, flag: bool, items: list, fields: dict) -> str:
    number(value=whole)
    real(value=fraction)
    truth(value=flag)
    list_of(values=items)
    struct_of(value=fields)
    return echo(text=text).output


@case(
    run(
        {"defaulted": "given3[1, 2]", "defaulted-2": "d5[4, 5]", "defaulted-3": "d5[1, 2]"},
        gives="d5[1, 2]",
    ),
    run(
        {"defaulted": "given9[1, 2]", "defaulted-2": "d5[]", "defaulted-3": "d5[1, 2]"},
        gives="d5[1, 2]",
        given={"n": 9, "items": []},
    ),
)
def defaults(n: int = 3, items: List[int] = [4, 5]) -> str:
    defaulted(text="given", n=n)
    defaulted(items=items)
    return defaulted().output


@case(
    run({"optional": "None/None", "optional-2": "t/None", "optional-3": "None/4"}, gives="None/4"),
    # A null for an optional input is its default.
    run(
        {"optional": "None/None", "optional-2": "t/None", "optional-3": "x/4"},
        gives="x/4",
        given={"text": "x", "n": None},
    ),
)
def optional_inputs(text: Optional[str] = None, n: Optional[int] = 4) -> str:
    optional()
    optional(text="t")
    return optional(text=text, n=n).output


@case(run({"several": several(upper="ABC", size=3), "echo": "ABC", "number": 3}, gives=3))
def multiple_outputs() -> int:
    task = several_of(text="abc")
    echo(text=task.outputs["upper"])
    return number(value=task.outputs["size"]).output


def f_string_run(name, **options):
    tasks = {
        "echo": f"up-{name}",
        "struct-of": {"key": name, "nested": [f"<up-{name}>"]},
        "echo-2": f"up-{name}:2:{name}!",
    }
    return run(tasks, gives=f"up-{name}:2:{name}!", **options)


@case(
    f_string_run("n"),
    # What a value holds is never expanded.
    f_string_run("{{$.pipeline_job_name}}", given={"name": "{{$.pipeline_job_name}}"}),
    f_string_run("$& \\1 ü 'q\"", given={"name": "$& \\1 ü 'q\""}),
)
def f_strings(name: str = "n", count: int = 2) -> str:
    upstream = echo(text=f"up-{name}")
    struct_of(value={"key": name, "nested": [f"<{upstream.output}>"]})
    return echo(text=f"{upstream.output}:{count}:{name}!").output


@case(
    run(
        {
            "echo": RUN_ID,
            "echo-2": "echo-2",
            "echo-3": f"run-placeholders-{RUN_ID}",
            "echo-4": TIME,
            "echo-5": TIME,
            "echo-6": f"run {RUN_NAME}",
        },
        gives=f"run {RUN_NAME}",
    )
)
def run_placeholders() -> str:
    echo(text=dsl.PIPELINE_JOB_ID_PLACEHOLDER)
    echo(text=dsl.PIPELINE_TASK_NAME_PLACEHOLDER)
    echo(text=dsl.PIPELINE_JOB_RESOURCE_NAME_PLACEHOLDER)
    echo(text=dsl.PIPELINE_JOB_CREATE_TIME_UTC_PLACEHOLDER)
    echo(text=dsl.PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER)
    return echo(text=f"run {dsl.PIPELINE_JOB_NAME_PLACEHOLDER}").output


@case(
    run(
        {
            "list-of": [1, "a"],
            # A member of a struct that is nothing but a reference has its value, not its text.
            "struct-of": {"a": 3},
            "echo": '[1,"a"]',
            "echo-2": '{"a":3}',
            "echo-3": "3",
        },
        gives="3",
    )
)
def values_as_text(n: int = 3) -> str:
    made = list_of(values=[1, "a"])
    shape = struct_of(value={"a": n})
    echo(text=f"{made.output}")
    echo(text=f"{shape.output}")
    return echo(text=f"{n}").output


@case(run({"number": 1}, gives=1))
def machine_inputs(memory: str = "512M", image: str = "python:3.12") -> int:
    task = number(value=1)
    task.set_cpu_limit("500m").set_memory_limit(memory)
    task.set_container_image(image)
    return task.output


LARGEST = 2**53 - 1


@case(
    run({"number": LARGEST, "echo": "9007199254740991", "add": -LARGEST}, gives=-LARGEST),
    run({"number": 5, "echo": "5", "add": -LARGEST}, gives=-LARGEST, given={"n": 5}),
)
def big_integers(n: int = 9007199254740991, m: int = -9007199254740991) -> int:
    kept = number(value=n)
    echo(text=f"{kept.output}")
    return add(a=m, b=0).output


@case(
    run({"kinds": "{a:int,b:[int,float],c:{d:int}}", "kinds-2": "{n:int}"}, gives="{n:int}"),
    run(
        {"kinds": "{a:int,b:[int,float],c:{d:int}}", "kinds-2": "{n:[int,NoneType,bool]}"},
        gives="{n:[int,NoneType,bool]}",
        given={"value": {"n": [1, None, False]}},
    ),
    # JSON has one kind of number: 1.0 and 1 are the same.
    run(
        {"kinds": "{a:int,b:[int,float],c:{d:int}}", "kinds-2": "{n:int}"},
        gives="{n:int}",
        given={"value": {"n": 1.0}},
    ),
)
def integral_numbers_in_structs(value: dict = {"n": 3}) -> str:
    kinds(value={"a": 1, "b": [2, 2.5], "c": {"d": 10}})
    return kinds(value=value).output


@case(
    run({"kind-of": "int,float,bool,str,int,float,str"}, gives="int,float,bool,str,int,float,str"),
    # JSON has one kind of number, also for Kubeflow's runtime: 4.0 arrives as an int.
    run(
        {"kind-of": "int,int,bool,str,int,float,str"},
        gives="int,int,bool,str,int,float,str",
        given={"fraction": 4.0},
    ),
)
def kinds_of_arguments(fraction: float = 2.5) -> str:
    return kind_of(whole=3, fraction=fraction, flag=False, text="1", items=[1, 1.5, "1"]).output


EVERYTHING = dict(
    text="t",
    whole=7,
    fraction=2.5,
    flag=True,
    items=[1, "a", None, [True]],
    fields={"n": 1, "deep": {"x": [2.5]}},
)


@case(
    run(
        {
            "everything": several(**EVERYTHING),
            "echo": "t",
            "number": 7,
            "real": 2.5,
            "truth": True,
            "list-of": [1, "a", None, [True]],
            "struct-of": {"n": 1, "deep": {"x": [2.5]}},
            "kinds": "{deep:{x:[float]},n:int}",
        },
        gives={"n": 1, "deep": {"x": [2.5]}},
    )
)
def outputs_of_all_types() -> dict:
    made = everything()
    echo(text=made.outputs["text"])
    number(value=made.outputs["whole"])
    real(value=made.outputs["fraction"])
    truth(value=made.outputs["flag"])
    list_of(values=made.outputs["items"])
    kinds(value=made.outputs["fields"])
    return struct_of(value=made.outputs["fields"]).output


HARD = "ü→😀 \\ \" ' ` $HOME $(id) %s {x} \ttab"
LINES = "\n one\r\n\u2028two\x7f\n"


@case(
    run({"echo": HARD, "echo-2": HARD, "echo-3": f"[{HARD}]"}, gives=f"[{HARD}]"),
    run({"echo": HARD, "echo-2": "", "echo-3": "[]"}, gives="[]", given={"text": ""}),
    run({"echo": HARD, "echo-2": LINES, "echo-3": f"[{LINES}]"}, gives=f"[{LINES}]", given={"text": LINES}),
)
def hard_text(text: str = HARD) -> str:
    echo(text=HARD)
    kept = echo(text=text)
    return echo(text=f"[{kept.output}]").output


@case(
    run(
        {"list-of": [[1, [2, []]], {"k": [{"l": 0}]}], "struct-of": {"a": {"b": {"c": [[], {}]}}}},
        gives={"a": {"b": {"c": [[], {}]}}},
    )
)
def deep_values() -> dict:
    list_of(values=[[1, [2, []]], {"k": [{"l": 0}]}])
    return struct_of(value={"a": {"b": {"c": [[], {}]}}}).output


class Pair(NamedTuple):
    """What a pipeline gives when it gives two things."""

    first: str
    second: int


@case(run({"echo": "a", "number": 2}, outputs={"first": "a", "second": 2}))
def named_outputs() -> Pair:
    return Pair(first=echo(text="a").output, second=number(value=2).output)


@case(
    run({"optional": "None/None", "list-of": [], "struct-of": {}}, gives="None/None"),
    run(
        {"optional": "t/1", "list-of": [1], "struct-of": {"k": "v"}},
        gives="t/1",
        given={"text": "t", "n": 1, "items": [1], "fields": {"k": "v"}},
    ),
)
def optional_of_all_types(
    text: Optional[str] = None, n: Optional[int] = None, items: list = [], fields: Dict[str, str] = {}
) -> str:
    list_of(values=items)
    struct_of(value=fields)
    return optional(text=text, n=n).output
