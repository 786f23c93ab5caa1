"""Steps."""
from kfp.dsl import Dataset, Input, Metrics, Output


def make(count: int, numbers: Output[Dataset]) -> int:
    """Writes numbers."""
    with open(numbers.path, "w") as file:
        file.write("\n".join(str(i) for i in range(count)))
    print("made", count)
    return count


def total(numbers: Input[Dataset], metrics: Output[Metrics]) -> float:
    """Sums them."""
    with open(numbers.path) as file:
        result = float(sum(int(line) for line in file))
    metrics.log_metric("total", result)
    return result


def wait(seconds: float) -> str:
    """Waits, or fails when there is nothing to wait for."""
    import time

    if seconds <= 0:
        raise ValueError(f"nothing to wait for: {seconds}")
    time.sleep(seconds)
    return "done"
