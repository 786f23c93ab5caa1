"""The same components through the kfp package's executor and through ours."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from executor_cases import CASES
from worker_client import PYTHON_SOURCES

PREAMBLE = "\nimport kfp\nfrom kfp import dsl\nfrom kfp.dsl import *\nfrom typing import *\n\n"

# Runs every case in a process of its own, forked from one that has imported what they need.
RUNNER = """
import json, os, sys, traceback
which, cases = sys.argv[1], json.load(open(sys.argv[2]))
if which == "kfp":
    from kfp.dsl import executor_main
    entry = executor_main.executor_main
else:
    from sealflow import kfp_shim
    # Our own classes, although the package is installed here.
    sys.path.insert(0, kfp_shim.DIRECTORY)
    from kfp.dsl import executor_main
    import kfp
    assert kfp.__sealflow_shim__
    entry = executor_main.executor_main
for case in cases:
    child = os.fork()
    if child == 0:
        log = os.open(case["log"], os.O_WRONLY | os.O_CREAT)
        os.dup2(log, 1); os.dup2(log, 2)
        sys.argv = ["executor_main", "--component_module_path", case["source"], "--function_to_execute", "f",
                    "--executor_input", json.dumps(case["input"])]
        code = 1
        try:
            entry(); code = 0
        except SystemExit as error:
            code = error.code or 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush(); sys.stderr.flush()
        os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(json.dumps({"name": case["name"], "code": code}), flush=True)
"""


def _executor_input(case, root):
    def artifact(name, title, path):
        kind = {"schemaTitle": title, "schemaVersion": "0.0.1"}
        return {"name": name, "uri": str(path), "metadata": {}, "type": kind}

    given = {}
    for name, titles in case.inputs.items():
        listed = []
        for index, title in enumerate(titles):
            path = root / f"{name}-{index}"
            path.write_text(f"content {index}")
            listed.append(artifact(name, title, path) | {"metadata": {"framework": "any", "n": 1}})
        given[name] = {"artifacts": listed}
    made = {
        name: {"artifacts": [artifact(name, title, root / "out" / name)]}
        for name, title in case.outputs.items()
    }
    parameters = {name: {"outputFile": str(root / "p" / name)} for name in case.output_parameters}
    outputs = {
        "artifacts": made,
        "parameters": parameters,
        "outputFile": str(root / "e" / "executor_output.json"),
    }
    return {"inputs": {"parameterValues": case.parameters, "artifacts": given}, "outputs": outputs}


def _contents(root):
    """Every file that the component wrote, by path below its root."""
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {str(path.relative_to(root)): path.read_text() for path in files}


def _run_all(which, directory):
    listed, found = [], {}
    for case in CASES:
        # Both executors see the same paths, one after the other.
        root = directory / case.name.replace(" ", "-").replace("'", "")
        root.mkdir()
        source = directory / f"{root.name}_source.py"
        source.write_text(PREAMBLE + case.body + "\n")
        log = directory / f"{root.name}.log"
        listed.append(
            {"name": case.name, "source": str(source), "log": str(log), "input": _executor_input(case, root)}
        )
    file = directory / "cases.json"
    file.write_text(json.dumps(listed))
    environment = {**os.environ, "PYTHONPATH": PYTHON_SOURCES, "_KFP_RUNTIME": "true"}
    command = [sys.executable, "-c", RUNNER, which, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    for line, item in zip(done.stdout.splitlines(), listed, strict=True):
        result = json.loads(line)
        root = directory / os.path.splitext(os.path.basename(item["log"]))[0]
        log = Path(item["log"]).read_text()
        found[result["name"]] = {"code": result["code"], "files": _contents(root), "log": log}
    return found


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    shared = tmp_path_factory.mktemp("executors") / "run"
    results = {}
    for which in ("kfp", "sealflow"):
        shared.mkdir()
        results[which] = _run_all(which, shared)
        shared.rename(shared.parent / which)
    return results


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_both_executors_do_the_same(case, outcomes):
    theirs, ours = outcomes["kfp"][case.name], outcomes["sealflow"][case.name]
    assert (ours["code"] != 0) == case.fails, ours["log"]
    if case.differs:
        assert (theirs["code"], theirs["files"]) != (ours["code"], ours["files"])
        return
    assert theirs["code"] == ours["code"], theirs["log"]
    if not case.fails:
        # Byte for byte, the executor output included.
        assert ours["files"] == theirs["files"]


def test_there_are_enough_cases():
    assert len({case.name for case in CASES}) == len(CASES) >= 70
