"""Runs tasks of the broker's test pipeline with the sealed runtime, against a broker over HTTPS."""

import json
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

sources = Path(__file__).parents[4] / "python/src"
sys.path[:0] = [str(sources), str(sources / "sealflow/shim")]

from kfp.dsl import Dataset, Input, Metrics, Model, Output
from sealflow.sealed.client import BrokerClient, JsonService
from sealflow.sealed.errors import Refused
from sealflow.sealed.evidence import QuotingService
from sealflow.sealed.task import SealedSetting, SealedTask, TaskFailed


def prepare(
    loans: Input[Dataset], data: Output[Dataset]
) -> NamedTuple("Outputs", rows=int, seeds=list, note=str):
    text = Path(loans.path).read_text()
    Path(data.path).write_text(f"prepared {text}")
    data.metadata["rows"] = 12
    return (12, [1, 2], "a hidden note")


def train(data: Input[Dataset], model: Output[Model], seed: int, rounds: int, note: str) -> NamedTuple("O", accuracy=float):
    assert Path(data.path).read_text().startswith("prepared") and note == "a hidden note" and rounds == 50
    Path(model.path).mkdir()
    (Path(model.path) / "model.json").write_text(f"model of seed {seed}")
    return (0.5 + seed / 100,)


def report(rows: int) -> NamedTuple("O", text=str):
    return (f"{rows} rows",)


def evaluate(models: Input[list[Model]], accuracies: list, metrics: Output[Metrics]) -> NamedTuple("O", best=float):
    assert [(Path(each.path) / "model.json").read_text()[-1] for each in models] == ["1", "2"]
    metrics.log_metric("best", max(accuracies))
    Path(metrics.path).write_text("metrics")
    return (max(accuracies),)


def fails(loans: Input[Dataset], data: Output[Dataset]) -> NamedTuple("Outputs", rows=int, seeds=list, note=str):
    raise ValueError(Path(loans.path).read_text())


def run(setup: dict, name: str, path: str) -> dict:
    functions = {"prepare": prepare, "train": train, "report": report, "evaluate": evaluate, "fails": fails}
    component = "prepare" if name == "fails" else name
    store = Path(setup["store"])
    stored = {f"sha256:{file.name}": str(file) for file in store.glob("??/*")}
    service = JsonService(setup["broker"], pin=setup["pin"])
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory, tempfile.TemporaryDirectory(dir=store) as outputs:
        setting = SealedSetting(
            path, setup["components"][component], {**setup["inputs"], **stored}, Path(outputs), store, Path(memory)
        )
        task = SealedTask(BrokerClient(service, setup["runId"]), QuotingService(setup["quotes"], component), setting)
        try:
            return task.run(lambda: functions[name])
        except TaskFailed as error:
            return {"failed": error.code, "final": error.final}
        except Refused as error:
            return {"refused": error.code}


setup = json.loads(Path(sys.argv[1]).read_text())
print(json.dumps([run(setup, name, path) for name, path in setup["tasks"]]))
