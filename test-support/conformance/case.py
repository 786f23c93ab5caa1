"""How a conformance pipeline says what its runs must give: by hand, from the semantics, beside its source.

Paths of tasks leave out groups that only the compiler names: conditions and exit handlers vanish, an
iteration is its index in brackets (`[1]/echo`), and a loop that never started is `[-]`.
"""

from typing import Any, Callable, Dict, List, Optional

from kfp import dsl

SKIPPED = {"state": "SKIPPED"}
FAILED = {"state": "FAILED"}
DONE = {"state": "SUCCEEDED", "outputs": {}}

# Stand-ins that the test replaces: a directory of the run's own, the run's id and name, any RFC 3339 time.
SCRATCH = "@scratch@"
RUN_ID = "@run-id@"
RUN_NAME = "@run-name@"
TIME = "@time@"

NOTHING = object()
CASES: List[Dict[str, Any]] = []


def several(**outputs: Any) -> Dict[str, Any]:
    """A task that gave these outputs; a plain value stands for the one output `Output`."""
    return {"state": "SUCCEEDED", "outputs": outputs}


def run(
    tasks: Dict[str, Any],
    *,
    gives: Any = NOTHING,
    outputs: Optional[Dict[str, Any]] = None,
    artifacts: Optional[Dict[str, Any]] = None,
    given: Optional[Dict[str, Any]] = None,
    state: str = "SUCCEEDED",
) -> Dict[str, Any]:
    """One run: its parameters (`given`), how every leaf task ends, and what the run gives.

    `gives` is the output `Output`; `artifacts` are the texts behind output artifacts.
    """
    marks = (SKIPPED, FAILED, DONE)

    def ending(value: Any) -> Dict[str, Any]:
        is_ending = any(value is mark for mark in marks) or (
            isinstance(value, dict) and value.keys() == {"state", "outputs"}
        )
        return value if is_ending else several(Output=value)

    return {
        "parameters": given or {},
        "state": state,
        "outputs": {"Output": gives} if gives is not NOTHING else outputs or {},
        "artifacts": artifacts or {},
        "tasks": {path: ending(value) for path, value in tasks.items()},
    }


def failed(tasks: Dict[str, Any], **others: Any) -> Dict[str, Any]:
    """A run that fails. It gives those outputs whose tasks succeeded all the same."""
    return run(tasks, state="FAILED", **others)


def refused(*codes: str) -> Dict[str, Any]:
    """The compiled spec is wrong: the official backend fails late, here these codes refuse it."""
    return {"refused": sorted(codes)}


def case(*runs: Dict[str, Any], commands: bool = False, **options: Any) -> Callable:
    """Registers a pipeline under its function's name. `commands`: it needs real tasks, not stand-ins."""

    def register(function: Callable) -> Callable:
        name = function.__name__
        pipeline = dsl.pipeline(name=name.replace("_", "-"), **options)(function)
        refusals = [each["refused"] for each in runs if "refused" in each]
        CASES.append(
            {
                "name": name,
                "pipeline": pipeline,
                "runs": [each for each in runs if "refused" not in each],
                "refused": refusals[0] if refusals else None,
                "commands": commands,
            }
        )
        return function

    return register
