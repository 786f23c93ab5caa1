"""Exit handlers and final status."""

from typing import List

from kfp import dsl

from case import DONE, FAILED, RUN_ID, SKIPPED, case, failed, run
from components import add, echo, fail, number, quiet, status, status_fields


@case(run({"echo": "work", "status": "COMPLETE"}))
def exit_success():
    done = status(text="x")
    with dsl.ExitHandler(done):
        echo(text="work")


@case(failed({"fail": FAILED, "status": "FAILED", "echo": SKIPPED}))
def after_exit_handler() -> str:
    done = status()
    with dsl.ExitHandler(done) as handler:
        fail()
    return echo(text="later").after(handler).output


@case(run({"quiet": DONE, "status": "COMPLETE", "echo": "later"}, gives="later"))
def after_successful_exit_handler() -> str:
    done = status()
    with dsl.ExitHandler(done) as handler:
        quiet()
    return echo(text="later").after(handler).output


@case(failed({"fail": FAILED, "echo": SKIPPED, "echo-2": "independent", "status": "FAILED"}))
def exit_failure():
    done = status()
    with dsl.ExitHandler(done, name="guarded"):
        broken = fail()
        echo(text=broken.output)
        echo(text="independent")


@case(
    run({"number": SKIPPED, "echo": "bye"}),
    run({"number": 2, "echo": "bye"}, given={"n": 2}),
)
def exit_with_condition(n: int = 1):
    done = echo(text="bye")
    with dsl.ExitHandler(done):
        with dsl.If(n == 2):
            number(value=n)


@case(failed({"fail": FAILED, "status": "FAILED"}, gives="FAILED"))
def status_of_ignored_failure() -> str:
    broken = fail()
    return status(text="x").after(broken).ignore_upstream_failure().output


STATUS = {"job": f"exit-status-fields-{RUN_ID}", "name": "exit-handler-1"}


@case(
    failed({"fail": FAILED, "status-fields": STATUS | {"state": "FAILED", "has_message": True}}),
    run(
        {"fail": SKIPPED, "status-fields": STATUS | {"state": "COMPLETE", "has_message": False}},
        given={"n": 1},
    ),
)
def exit_status_fields(n: int = 0):
    done = status_fields()
    with dsl.ExitHandler(done):
        with dsl.If(n == 0):
            fail(text="told")


@case(run({"echo": "bye n and 3", "echo-2": "work"}, given={"name": "n"}))
def exit_task_with_arguments(name: str, count: int = 3):
    done = echo(text=f"bye {name} and {count}")
    with dsl.ExitHandler(done):
        echo(text="work")


@case(failed({"fail": FAILED, "echo": "work", "number": 1}, gives=1))
def exit_task_that_fails() -> int:
    done = fail(text="at the end")
    with dsl.ExitHandler(done):
        echo(text="work")
    return number(value=1).output


@case(failed({"fail": FAILED, "status": "FAILED", "echo": "two", "status-2": "COMPLETE"}))
def two_exit_handlers():
    first = status(text="first")
    with dsl.ExitHandler(first):
        fail()
    second = status(text="second")
    with dsl.ExitHandler(second):
        echo(text="two")


@dsl.pipeline
def inner_guarded(n: int) -> int:
    kept = number(value=n)
    fail().after(kept)
    return kept.output


@case(failed({"inner-guarded/number": 4, "inner-guarded/fail": FAILED, "add": SKIPPED, "status": "FAILED"}))
def exit_around_nested_pipeline():
    done = status()
    with dsl.ExitHandler(done):
        inner = inner_guarded(n=4)
        add(a=inner.output, b=1)


@case(
    run({"[0]/number": 1, "[1]/number": 2, "status": "COMPLETE"}),
    run({"status": "COMPLETE"}, given={"items": []}),
)
def exit_around_loop(items: List[int] = [1, 2]):
    done = status()
    with dsl.ExitHandler(done):
        with dsl.ParallelFor(items) as item:
            number(value=item)
