"""That many independent Dagster ops that do nothing.

python dagster_tasks.py COUNT in-process|multiprocess
"""

import sys

from dagster import DagsterInstance, execute_job, job, multiprocess_executor, op, reconstructable

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 1


@op
def noop() -> None:
    """Nothing."""


@job(executor_def=multiprocess_executor.configured({"max_concurrent": 2}))
def noops() -> None:
    """All ops."""
    for number in range(COUNT):
        noop.alias(f"noop_{number}")()


if __name__ == "__main__":
    if sys.argv[2] == "in-process":
        result = noops.execute_in_process(instance=DagsterInstance.ephemeral())
    else:
        with DagsterInstance.local_temp() as instance:
            result = execute_job(reconstructable(noops), instance=instance)
    sys.exit(0 if result.success else 1)
