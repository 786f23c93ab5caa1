import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent

COMPONENT = """
import kfp
from kfp import dsl
from kfp.dsl import *
from typing import *

def f(o: Output[Dataset], n: int = 2) -> int:
    open(o.path, "w").write("x")
    return n + 1
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    target = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(target),
        str(PROJECT),
    ]
    subprocess.run(command, check=True, capture_output=True)
    (found,) = target.glob("*.whl")
    return found


def test_the_wheel_works_in_an_empty_environment(wheel, tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    # A pure wheel without scripts is installed by unpacking it.
    zipfile.ZipFile(wheel).extractall(site)
    source = tmp_path / "c.py"
    source.write_text(COMPONENT)
    command = [
        str(python),
        "-m",
        "sealflow.component",
        "run",
        f"{source}:f",
        "--output-directory",
        str(tmp_path / "o"),
    ]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outputs"] == {"Output": 3}


def test_the_wheel_registers_the_pytest_plugin_and_its_types(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
        assert "sealflow = sealflow.pytest_plugin" in archive.read(entry_points).decode()
    assert "sealflow/py.typed" in names
    assert "sealflow/shim/kfp/dsl/__init__.py" in names
