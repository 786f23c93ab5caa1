"""That many independent Luigi tasks that do nothing, two at a time, each in a process.

python luigi_tasks.py COUNT
"""

import sys

import luigi


class Noop(luigi.Task):
    """Complete once it has run."""

    number = luigi.IntParameter()
    done = False

    def run(self) -> None:
        """Nothing."""
        self.done = True

    def complete(self) -> bool:
        """Whether it has run in this process: without targets nothing else says so."""
        return self.done


tasks = [Noop(number=number) for number in range(int(sys.argv[1]))]
if not luigi.build(tasks, workers=int(sys.argv[2]), local_scheduler=True, log_level="ERROR"):
    sys.exit(1)
