"""Order, failure, retries."""

from kfp import dsl

from case import DONE, FAILED, SCRATCH, SKIPPED, case, failed, run
from components import add, crash, defaulted, echo, fail, flaky, no_output, number, quiet, status


@case(run({"number": 1, "number-2": 2, "number-3": 3}, gives=3))
def after_only() -> int:
    first = number(value=1)
    second = number(value=2).after(first)
    third = number(value=3).after(second, first)
    return third.output


@case(failed({"fail": FAILED, "echo": SKIPPED, "number": SKIPPED, "number-2": 1}, gives=1))
def failure_skips_dependents() -> int:
    broken = fail()
    echo(text=broken.output)
    number(value=9).after(broken)
    return number(value=1).output


@case(failed({"number": 1, "fail": FAILED, "echo": SKIPPED, "echo-2": SKIPPED, "add": 2}, gives=2))
def failure_in_the_middle() -> int:
    start = number(value=1)
    broken = fail(text="x").after(start)
    skipped = echo(text=broken.output)
    echo(text=skipped.output)
    return add(a=start.output, b=1).output


@case(failed({"fail": FAILED, "defaulted": "d1[1]", "echo": "d1[1]"}, gives="d1[1]"))
def ignore_upstream_failure() -> str:
    broken = fail()
    task = defaulted(text=broken.output, n=1, items=[1]).ignore_upstream_failure()
    return echo(text=task.output).output


@case(run({"echo": "fine", "defaulted": "fine1[1]"}, gives="fine1[1]"))
def ignore_upstream_success() -> str:
    fine = echo(text="fine")
    return defaulted(text=fine.output, n=1, items=[1]).ignore_upstream_failure().output


# A skipped upstream is a finished one, too; what follows normally on the task that ignored it, runs.
@case(failed({"fail": FAILED, "echo": SKIPPED, "defaulted": "d2[]", "number": 5, "echo-2": SKIPPED}, gives=5))
def ignore_upstream_skipped() -> int:
    skipped = echo(text=fail().output)
    task = defaulted(text=skipped.output, n=2, items=[]).ignore_upstream_failure()
    echo(text=skipped.output)
    return number(value=5).after(task).output


@case(failed({"fail": FAILED, "fail-2": FAILED, "defaulted": "d5[1, 2]", "number": 1, "number-2": SKIPPED}))
def ignore_among_several() -> int:
    first = fail(text="first")
    second = fail(text="second")
    done = number(value=1)
    task = defaulted(text="d", n=5, items=[1, 2]).after(first, second, done).ignore_upstream_failure()
    return number(value=2).after(task, first).output


@case(run({"number": 1, "number-2": 1}, gives=1))
def retries_and_caching() -> int:
    task = number(value=1)
    task.set_retry(num_retries=3, backoff_duration="5s", backoff_factor=1.5)
    task.set_caching_options(enable_caching=False)
    keyed = number(value=task.output)
    keyed.set_caching_options(enable_caching=True, cache_key="mine")
    return keyed.output


@case(
    run({"flaky": 3, "number": 3}, gives=3, given={"scratch": SCRATCH}),
    commands=True,
)
def retry_until_success(scratch: str) -> int:
    task = flaky(scratch=scratch, name="a", failures=2)
    task.set_retry(num_retries=2, backoff_duration="0s")
    return number(value=task.output).output


# Two retries are three attempts; the fourth would have succeeded.
@case(failed({"flaky": FAILED, "number": SKIPPED}, given={"scratch": SCRATCH}), commands=True)
def retry_exhausted(scratch: str) -> int:
    task = flaky(scratch=scratch, name="a", failures=3)
    task.set_retry(num_retries=2, backoff_duration="0s")
    return number(value=task.output).output


@case(
    run({"[0]/flaky": 1, "[1]/flaky": 2, "[2]/flaky": 3}, given={"scratch": SCRATCH}),
    commands=True,
)
def retry_in_a_loop(scratch: str):
    with dsl.ParallelFor([0, 1, 2]) as failures:
        task = flaky(scratch=scratch, name="n", failures=failures)
        task.set_retry(num_retries=2, backoff_duration="0s")


@dsl.pipeline
def inner_flaky(scratch: str, failures: int) -> int:
    return flaky(scratch=scratch, name="inner", failures=failures).output


@case(
    run({"inner-flaky/flaky": 2, "number": 2}, gives=2, given={"scratch": SCRATCH}),
    commands=True,
)
def retry_of_a_nested_pipeline(scratch: str) -> int:
    task = inner_flaky(scratch=scratch, failures=1)
    task.set_retry(num_retries=1, backoff_duration="0s")
    return number(value=task.output).output


@case(
    failed({"crash": FAILED, "crash-2": FAILED, "echo": SKIPPED, "echo-2": "alive"}, gives="alive"),
    commands=True,
)
def processes_that_die() -> str:
    first = crash(how="signal")
    crash(how="exit")
    echo(text="never").after(first)
    return echo(text="alive").output


@case(
    failed({"fail": FAILED, "status": "COMPLETE", "status-2": "FAILED", "echo": "x"}, gives="FAILED"),
)
def statuses_of_upstreams() -> str:
    broken = fail()
    fine = echo(text="x")
    status(text="").after(fine).ignore_upstream_failure()
    return status(text="").after(broken).ignore_upstream_failure().output


@case(
    run({f"number{'' if n == 1 else f'-{n}'}": n - 1 for n in range(1, 21)} | {"echo": "done"}, gives="done"),
)
def twenty_in_a_row() -> str:
    last = None
    for n in range(20):
        task = number(value=n)
        if last is not None:
            task.after(last)
        last = task
    return echo(text="done").after(last).output


@case(failed({"no-output": FAILED, "echo": SKIPPED, "quiet": DONE}), commands=True)
def outputs_that_are_missing() -> str:
    quiet()
    return echo(text=no_output().output).output
