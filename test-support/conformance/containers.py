"""Container components: commands of this machine, with every placeholder that they can have."""

from typing import Optional

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Output

from case import DONE, FAILED, RUN_ID, RUN_NAME, SKIPPED, case, failed, run, several
from components import add, echo, read


def shell(script, *args, image="alpine:3.20"):
    return dsl.ContainerSpec(image=image, command=["sh", "-c", script], args=list(args))


@dsl.container_component
def say(text: str, said: dsl.OutputPath(str)):
    return shell('printf "%s" "$0" > "$1"', text, said)


@dsl.container_component
def say_all(first: str, second: str, said: dsl.OutputPath(str)):
    return shell('for each; do printf "<%s>" "$each"; done > "$0"', said, first, second)


@dsl.container_component
def put(text: str, out: Output[Dataset]):
    return shell('printf "%s" "$0" > "$1"', text, out.path)


@dsl.container_component
def get(item: Input[Artifact], said: dsl.OutputPath(str)):
    return shell('cat "$0" > "$1"', item.path, said)


@dsl.container_component
def raise_it(base: int, power: int, result: dsl.OutputPath(int)):
    return shell('n=1; for i in $(seq "$1"); do n=$((n * $0)); done; echo " $n " > "$2"', base, power, result)


@dsl.container_component
def wrong_type(result: dsl.OutputPath(int)):
    return shell('echo many > "$0"', result)


@dsl.container_component
def end_with(code: int):
    return shell('echo about to end >&2; exit "$0"', code)


@dsl.container_component
def joined(a: str, b: int, said: dsl.OutputPath(str)):
    return shell('printf "%s" "$0" > "$1"', dsl.ConcatPlaceholder(["--a=", a, ",--b=", b]), said)


@dsl.container_component
def with_option(said: dsl.OutputPath(str), name: Optional[str] = None):
    return dsl.ContainerSpec(
        image="alpine:3.20",
        command=["sh", "-c", 'out="$0"; printf "%s" "$*" > "$out"', said],
        args=[
            "always",
            dsl.IfPresentPlaceholder(input_name="name", then=["--name", name], else_=["--anonymous"]),
        ],
    )


@dsl.container_component
def nested_option(said: dsl.OutputPath(str), a: Optional[str] = None, b: Optional[str] = None):
    return dsl.ContainerSpec(
        image="alpine:3.20",
        command=["sh", "-c", 'out="$0"; printf "%s" "$*" > "$out"', said],
        args=[
            dsl.IfPresentPlaceholder(
                input_name="a",
                then=[
                    dsl.ConcatPlaceholder(
                        ["--a=", a, dsl.IfPresentPlaceholder(input_name="b", then=b, else_="-")]
                    )
                ],
            )
        ],
    )


@dsl.container_component
def all_kinds(whole: int, fraction: float, flag: bool, items: list, fields: dict, said: dsl.OutputPath(str)):
    return shell('out="$0"; printf "%s|" "$@" > "$out"', said, whole, fraction, flag, items, fields)


@dsl.container_component
def typed_outputs(
    text: dsl.OutputPath(str),
    whole: dsl.OutputPath(int),
    fraction: dsl.OutputPath(float),
    flag: dsl.OutputPath(bool),
    items: dsl.OutputPath(list),
    fields: dsl.OutputPath(dict),
):
    return shell(
        'printf " t " > "$0"; echo " 7 " > "$1"; echo 2.5 > "$2"; echo True > "$3"; '
        """echo '[1, "a"]' > "$4"; echo '{"n": 1}' > "$5" """,
        text,
        whole,
        fraction,
        flag,
        items,
        fields,
    )


@dsl.container_component
def names(said: dsl.OutputPath(list)):
    return shell(
        """printf '["%s","%s","%s"]' "$0" "$1" "$2" > "$3" """,
        dsl.PIPELINE_JOB_NAME_PLACEHOLDER,
        dsl.PIPELINE_JOB_ID_PLACEHOLDER,
        dsl.PIPELINE_TASK_NAME_PLACEHOLDER,
        said,
    )


@dsl.container_component
def variable(said: dsl.OutputPath(str)):
    return shell('printf "%s" "$GREETING" > "$0"', said)


@dsl.container_component
def only_command():
    return dsl.ContainerSpec(image="alpine:3.20", command=["true"])


@case(run({"say": several(said="hello"), "echo": "hello"}, gives="hello"), commands=True)
def container_says(text: str = "hello") -> str:
    return echo(text=say(text=text).outputs["said"]).output


HARD = 'it\'s "quoted" $HOME `id` \\ ü\nline'


@case(run({"say": several(said=HARD)}, gives=HARD, given={"text": HARD}), commands=True)
def container_hard_text(text: str) -> str:
    return say(text=text).output


@case(run({"say-all": several(said="<><a b>")}, gives="<><a b>"), commands=True)
def container_empty_argument() -> str:
    return say_all(first="", second="a b").output


@case(run({"put": DONE, "get": several(said="data"), "read": "data"}, gives="data"), commands=True)
def container_artifacts() -> str:
    made = put(text="data")
    get(item=made.outputs["out"])
    return read(item=made.outputs["out"]).output


@case(run({"raise-it": several(result=1024), "add": 1025}, gives=1025), commands=True)
def container_numbers() -> int:
    power = raise_it(base=2, power=10)
    return add(a=power.output, b=1).output


@case(failed({"wrong-type": FAILED, "add": SKIPPED}), commands=True)
def container_output_of_wrong_type() -> int:
    return add(a=wrong_type().output, b=1).output


@case(
    failed({"end-with": FAILED, "echo": SKIPPED, "end-with-2": DONE, "echo-2": "after"}, gives="after"),
    commands=True,
)
def container_exit_codes() -> str:
    echo(text="never").after(end_with(code=3))
    return echo(text="after").after(end_with(code=0)).output


@case(
    run({"joined": several(said="--a=x,--b=3")}, gives="--a=x,--b=3"),
    run({"joined": several(said="--a= y z,--b=3")}, gives="--a= y z,--b=3", given={"a": " y z"}),
    commands=True,
)
def container_concat(a: str = "x") -> str:
    return joined(a=a, b=3).output


@case(
    run(
        {"with-option": several(said="always --name n"), "with-option-2": several(said="always --anonymous")},
        gives="always --anonymous",
    ),
    commands=True,
)
def container_if_present() -> str:
    with_option(name="n")
    return with_option().output


@case(
    run(
        {
            "nested-option": several(said="--a=1-"),
            "nested-option-2": several(said="--a=12"),
            "nested-option-3": several(said=""),
        },
        gives="",
    ),
    commands=True,
)
def container_nested_placeholders() -> str:
    nested_option(a="1")
    nested_option(a="1", b="2")
    return nested_option().output


@case(
    run(
        {"all-kinds": several(said='-3|0.25|true|[1,"a"]|{"k":[1]}|')},
        gives='-3|0.25|true|[1,"a"]|{"k":[1]}|',
    ),
    commands=True,
)
def container_arguments_of_all_types() -> str:
    return all_kinds(whole=-3, fraction=0.25, flag=True, items=[1, "a"], fields={"k": [1]}).output


# A text keeps its spaces; numbers and JSON don't mind them.
@case(
    run(
        {
            "typed-outputs": several(
                text=" t ", whole=7, fraction=2.5, flag=True, items=[1, "a"], fields={"n": 1}
            )
        },
        gives=7,
    ),
    commands=True,
)
def container_outputs_of_all_types() -> int:
    return typed_outputs().outputs["whole"]


@case(
    run({"names": several(said=[RUN_NAME, RUN_ID, "names"])}, gives=[RUN_NAME, RUN_ID, "names"]),
    commands=True,
)
def container_run_placeholders() -> list:
    return names().output


@case(run({"variable": several(said="hi there")}, gives="hi there"), commands=True)
def container_variables() -> str:
    task = variable()
    task.set_env_variable("GREETING", "hi there")
    return task.output


@case(
    run({"[0]/say": several(said="a"), "[1]/say": several(said="it's"), "only-command": DONE}),
    commands=True,
)
def containers_in_a_loop():
    with dsl.ParallelFor(["a", "it's"]) as item:
        done = say(text=item)
    only_command().after(done)


@case(
    run(
        {"say": several(said="yes"), "put": DONE, "put-2": SKIPPED, "get": several(said="taken")},
        gives="taken",
    ),
    run(
        {"say": several(said="no"), "put": SKIPPED, "put-2": DONE, "get": several(said="other")},
        gives="other",
        given={"text": "no"},
    ),
    commands=True,
)
def containers_and_choices(text: str = "yes") -> str:
    said = say(text=text)
    with dsl.If(said.output == "yes"):
        first = put(text="taken")
    with dsl.Else():
        second = put(text="other")
    return get(item=dsl.OneOf(first.outputs["out"], second.outputs["out"])).output
