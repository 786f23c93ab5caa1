import json
import subprocess
import sys

import pytest

from sealflow.imports import imports_of
from sealflow.scan import missing_names, needs_real_kfp

LIGHTWEIGHT = "\nimport kfp\nfrom kfp import dsl\nfrom kfp.dsl import *\nfrom typing import *\n\n"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "def f(o: dsl.Output[dsl.Dataset]): o.metadata['k'] = 1",
        "def f(o: Output[Model]):\n    print(dsl.PIPELINE_JOB_NAME_PLACEHOLDER, kfp.__version__)",
        "from kfp.dsl.types.artifact_types import Dataset as D\ndef f(o: D): print(o.path.upper())",
        "import kfp.dsl as d\ndef f(o: d.Input[d.Model]): pass",
        "import kfpx\nkfpx.Client()",
    ],
)
def test_runtime_names_are_served_without_kfp(body):
    assert not needs_real_kfp(LIGHTWEIGHT + body)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("kfp.Client()", ["kfp.Client"]),
        ("def f():\n    from kfp import compiler", ["kfp.compiler"]),
        ("import kfp.components", ["kfp.components"]),
        ("from kfp.client import Client", ["kfp.client.Client"]),
        ("from kfp.client import *", ["kfp.client"]),
        ("@dsl.component\ndef f(): pass", ["kfp.dsl.component"]),
        (
            "from kfp import kubernetes as k\nk.use_secret_as_env()",
            ["kfp.kubernetes", "kfp.kubernetes.use_secret_as_env"],
        ),
        ("def f():\n    dsl.run_notebook(a=1)", ["kfp.dsl.run_notebook"]),
    ],
)
def test_names_of_the_full_sdk_are_named(body, names):
    assert missing_names(LIGHTWEIGHT + body) == names


def test_the_command_answers_as_json(tmp_path):
    file = tmp_path / "c.py"
    file.write_text("import json\nfrom kfp.client import Client\n")
    done = subprocess.run([sys.executable, "-m", "sealflow.scan", str(file)], capture_output=True, check=True)
    assert json.loads(done.stdout) == {
        "needsRealKfp": True,
        "names": ["kfp.client.Client"],
        "imports": ["json", "kfp.client"],
    }


def test_a_file_that_does_not_parse_is_a_usage_error(tmp_path):
    file = tmp_path / "c.py"
    file.write_text("def (")
    done = subprocess.run([sys.executable, "-m", "sealflow.scan", str(file)], capture_output=True)
    assert done.returncode == 2


def test_imports_are_found_at_any_depth_but_not_those_for_type_checkers():
    source = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import never
def f():
    try:
        from a.b import c, d
    except ImportError:
        import e
    from . import local
"""
    assert imports_of(source) == [("typing", ("TYPE_CHECKING",)), ("a.b", ("c", "d")), ("e", ())]
