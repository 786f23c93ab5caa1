import json
import subprocess
import sys
from typing import Literal, NamedTuple

import pytest

from sealflow import kfp_shim
from sealflow.artifacts import Dataset, Metrics
from sealflow.testing import InputsError, OutputsError, run_component
from sealflow.vocabulary import Input, InputPath, Output, OutputPath

COMPONENT = """
from kfp.dsl import Dataset, Input, Metrics, Output

def count(data: Input[Dataset], factor: int, metrics: Output[Metrics], copies: Output[Dataset]) -> int:
    text = open(data.path).read()
    metrics.log_metric("length", len(text))
    open(copies.path, "w").write(text * factor)
    print("counting")
    return len(text) * factor
"""


def count(
    data: Input[Dataset],
    factor: int,
    metrics: Output[Metrics],
    copies: Output[Dataset],
    mode: Literal["a", "b"] = "a",
) -> int:
    with open(data.path) as file:
        text = file.read()
    metrics.log_metric("length", len(text))
    with open(copies.path, "w") as file:
        file.write(text * factor)
    return len(text) * factor


def both(values: list, flag: OutputPath(bool), raw: InputPath("Dataset") = None) -> NamedTuple(
    "R", [("n", int)]
):
    with open(flag, "w") as file:
        file.write("True")
    return (len(values),)


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.txt"
    path.write_text("abc")
    return path


def test_a_component_gives_outputs_and_artifacts(data, tmp_path):
    result = run_component(count, {"data": data, "factor": 2}, tmp_path / "out")
    assert result.output == 6
    assert result.artifacts["metrics"].metadata == {"length": 3}
    again = run_component(count, {"data": result.artifacts["copies"], "factor": 1}, tmp_path / "again")
    assert again.output == 6


def test_parameters_written_to_files_are_read_by_type(tmp_path, data):
    result = run_component(both, {"values": [1, 2], "raw": data}, tmp_path)
    assert result.outputs == {"n": 2, "flag": True}


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"factor": "2"}, "parameter factor: expected int, got str"),
        ({"factor": True}, "parameter factor: expected int, got bool"),
        ({"factor": 1, "mode": "c"}, "parameter mode: expected one of"),
        ({"fcator": 1}, "got fcator"),
        ({"data": 3}, "artifact data: expected a path"),
        ({}, "parameter factor of count: expected a value"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(inputs, words, data, tmp_path):
    with pytest.raises(InputsError, match=words):
        run_component(count, {"data": data} | inputs, tmp_path)


def test_a_wrong_return_value_is_refused(tmp_path):
    def wrong() -> int:
        return "1"

    with pytest.raises(OutputsError, match="expected int, got str"):
        run_component(wrong, {}, tmp_path)


def _command(tmp_path, data, *more):
    file = tmp_path / "parts.py"
    file.write_text(COMPONENT)
    base = [sys.executable, "-m", "sealflow.component", "run", f"{file}:count", "--artifact", f"data={data}"]
    command = [*base, "--output-directory", str(tmp_path / "out"), *more]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_command_prints_only_json_when_asked(tmp_path, data):
    done = _command(tmp_path, data, "--input", "factor=2", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["outputs"] == {"Output": 6}
    assert found["artifacts"]["metrics"]["metadata"] == {"length": 3}
    assert "counting" in done.stderr


def test_the_command_tells_wrong_usage_from_a_failed_component(tmp_path, data):
    assert _command(tmp_path, data).returncode == 2
    assert _command(tmp_path, data, "--input", "factor=x").returncode == 2
    assert _command(tmp_path, data, "--input", "factor").returncode == 2
    failed = _command(tmp_path, tmp_path / "missing", "--input", "factor=1", "--json")
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["error"]["type"] == "FileNotFoundError"


def test_the_plugin_serves_kfp_behind_an_installed_one():
    kfp_shim.add_to_path()
    assert sys.path[-1] == kfp_shim.DIRECTORY
