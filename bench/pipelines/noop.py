"""Components that do nothing: what is left is the cost of running a task."""


def noop() -> None:
    pass


def step(number: int) -> int:
    return number + 1
