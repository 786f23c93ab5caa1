"""The steps of the pipeline: plain functions with type annotations."""

import csv
import random
import statistics

from kfp.dsl import Dataset, Input, Metrics, Output


def make_data(rows: int, seed: int, table: Output[Dataset]) -> int:
    """Draws points around the line y = 2x + 1.

    Args:
        rows: How many points.
        seed: Makes the same points each time.
    """
    draw = random.Random(seed)
    with open(table.path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["x", "y"])
        for _ in range(rows):
            x = draw.uniform(0, 10)
            writer.writerow([x, 2 * x + 1 + draw.gauss(0, 0.5)])
    return rows


def fit_line(table: Input[Dataset], metrics: Output[Metrics]) -> float:
    """Fits a line and returns its slope."""
    with open(table.path, newline="") as file:
        points = [(float(row["x"]), float(row["y"])) for row in csv.DictReader(file)]
    slope, intercept = statistics.linear_regression(*zip(*points, strict=True))
    metrics.log_metric("slope", slope)
    metrics.log_metric("intercept", intercept)
    return slope
