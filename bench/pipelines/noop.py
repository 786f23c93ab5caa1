"""Components that do nothing: what is left is the cost of running a task."""


def noop() -> None:
    """Nothing."""


def step(number: int) -> int:
    """The next number."""
    return number + 1
