"""Compiles ten chains of fifty tasks with the Kubeflow SDK: python kfp_compile.py OUT.yaml"""

import sys

from kfp import compiler, dsl


@dsl.component
def step(number: int) -> int:
    """The next number."""
    return number + 1


@dsl.pipeline(name="five-hundred-tasks")
def five_hundred() -> None:
    """Ten chains of fifty tasks."""
    for row in range(10):
        number = step(number=row).output
        for _ in range(49):
            number = step(number=number).output


compiler.Compiler().compile(five_hundred, sys.argv[1])
