"""A pipeline of that many independent tasks that do nothing, with kfp.local.

python kfp_tasks.py COUNT venv|no-venv
"""

import sys

from kfp import dsl, local


@dsl.component
def noop() -> None:
    """Nothing."""


@dsl.pipeline(name="noops")
def noops() -> None:
    """All tasks."""
    for _ in range(int(sys.argv[1])):
        noop()


local.init(runner=local.SubprocessRunner(use_venv=sys.argv[2] == "venv"), raise_on_error=True)
noops()
