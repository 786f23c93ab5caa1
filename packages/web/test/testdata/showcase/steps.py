"""Steps of the pipeline that the pages are tested with."""

import os
import random
import time

from kfp.dsl import HTML, ClassificationMetrics, Dataset, Input, Markdown, Metrics, Output


def make_data(rows: int, seed: int, table: Output[Dataset]) -> int:
    """Writes a table."""
    draw = random.Random(seed)
    with open(table.path, "w") as file:
        file.write("id,x,colour\n")
        for index in range(rows):
            file.write(f"{index},{draw.gauss(0, 1):.6f},{draw.choice(['red', 'green', ''])}\n")
    print(f"\x1b[32mwrote\x1b[0m {rows} rows")
    return rows


def train(table: Input[Dataset], rate: float, pause: float, metrics: Output[Metrics]) -> float:
    """Trains, as far as the pages can tell."""
    for step in range(20):
        print(f"step {step:02d} loss {1 / (step + 1):.4f}", flush=True)
    time.sleep(pause)
    metrics.log_metric("loss", rate / 20)
    return rate / 20


def evaluate(losses: list, curve: Output[ClassificationMetrics]) -> float:
    """Draws a curve."""
    bend = 0.5 + sum(losses)
    rates = [step / 20 for step in range(21)]
    curve.log_roc_curve(rates, [rate**bend for rate in rates], rates)
    curve.log_confusion_matrix(["repaid", "default"], [[90, 10], [20, 80]])
    return 1 / (1 + bend)


def flaky(marker: str) -> str:
    """Fails when it is called for the first time."""
    if marker and not os.path.exists(marker):
        with open(marker, "w") as file:
            file.write("called")
        raise ConnectionError("the registry did not answer")
    return "ok"


def publish(auc: float, page: Output[HTML], notes: Output[Markdown]) -> str:
    """Writes pages, one of which tries to run a script."""
    with open(page.path, "w") as file:
        file.write(f"<h1 id='title'>Report</h1><p>AUC {auc:.3f}</p><script>document.title='ran'</script>")
        file.write("<img src='http://192.0.2.1/pixel.png' onerror=\"document.title='ran'\">")
    with open(notes.path, "w") as file:
        file.write(f"# Notes\n\nThe **area** was `{auc:.3f}`.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
    return "published"


def explode(table: Input[Dataset], column: str) -> float:
    """Fails on text."""
    with open(table.path) as file:
        names, *rows = [line.rstrip("\n").split(",") for line in file]
    at = names.index(column)
    return sum(float(row[at]) for row in rows)
