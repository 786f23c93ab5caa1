"""A fan-out over COUNT steps that do nothing, each in a process (COUNT in the environment).

python metaflow_tasks.py run
"""

import os

from metaflow import FlowSpec, step


class Noops(FlowSpec):
    """Fans out, does nothing, and joins."""

    @step
    def start(self) -> None:
        """Fans out."""
        self.numbers = list(range(int(os.environ["COUNT"])))
        self.next(self.noop, foreach="numbers")

    @step
    def noop(self) -> None:
        """Nothing."""
        self.next(self.join)

    @step
    def join(self, inputs: object) -> None:
        """Waits for all."""
        self.next(self.end)

    @step
    def end(self) -> None:
        """Nothing."""


if __name__ == "__main__":
    Noops()
