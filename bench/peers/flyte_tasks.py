"""A local Flyte workflow of that many independent tasks that do nothing, in this process.

python flyte_tasks.py COUNT
"""

import sys

from flytekit import task, workflow


@task
def noop() -> None:
    """Nothing."""


@workflow
def noops() -> None:
    """All tasks."""
    for _ in range(int(sys.argv[1])):
        noop()


noops()
