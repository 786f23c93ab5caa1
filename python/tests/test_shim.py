import json
import os
import subprocess
import sys

import pytest
from worker_client import PYTHON_SOURCES

from sealflow import kfp_shim

# Without the site directory the kfp package, although installed, is out of sight.
ISOLATED = [sys.executable, "-S", "-c"]


def _run(code):
    environment = {**os.environ, "PYTHONPATH": PYTHON_SOURCES}
    setup = "from sealflow import kfp_shim\nkfp_shim.install()\n"
    return subprocess.run([*ISOLATED, setup + code], capture_output=True, text=True, env=environment)


def test_the_lines_that_lightweight_components_begin_with_work():
    code = "import kfp\nfrom kfp import dsl\nfrom kfp.dsl import *\nfrom typing import *\n"
    done = _run(
        code + "print(kfp_shim.is_shim(), Input[List[Dataset]], dsl.EmbeddedInput[Model], get_uri.__name__)"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("True ")


def test_star_import_brings_the_names_that_the_package_brings():
    listing = "import json, kfp.dsl\nprint(json.dumps(sorted(kfp.dsl.__all__)))"
    environment = {**os.environ, "_KFP_RUNTIME": "true"}
    theirs = subprocess.run([sys.executable, "-c", listing], capture_output=True, env=environment, check=True)
    assert json.loads(_run(listing).stdout) == json.loads(theirs.stdout)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import kfp\nkfp.Client()", "AttributeError: kfp.Client"),
        ("from kfp import compiler", "kfp.compiler"),
        ("from kfp import dsl\n@dsl.component\ndef f(): pass", "AttributeError: kfp.dsl.component"),
        ("import kfp.components", "kfp.components"),
        ("from kfp.client import Client", "kfp.client"),
        ("from kfp.dsl import pipeline", "kfp.dsl.pipeline"),
    ],
)
def test_what_it_lacks_is_named_together_with_the_mend(code, error):
    done = _run(code)
    assert done.returncode == 1
    assert error in done.stderr
    assert "kfp==2.17.0" in done.stderr


def test_the_executor_runs_as_a_module(tmp_path):
    source = tmp_path / "c.py"
    source.write_text("from kfp.dsl import *\ndef f(o: Output[Dataset]) -> int:\n    return 1\n")
    output = {"outputFile": str(tmp_path / "out.json")}
    command = [sys.executable, "-S", "-m", "kfp.dsl.executor_main", "--component_module_path", str(source)]
    command += ["--function_to_execute", "f", "--executor_input", json.dumps({"outputs": output})]
    environment = {**os.environ, "PYTHONPATH": f"{PYTHON_SOURCES}:{kfp_shim.DIRECTORY}"}
    subprocess.run(command, check=True, env=environment)
    assert json.loads((tmp_path / "out.json").read_text()) == {"parameterValues": {"Output": 1}}
