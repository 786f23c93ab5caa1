import json
import subprocess
import sys
import textwrap

import pytest

from sealflow.signatures import ComponentsFile

PRELUDE = """\
import typing as t
from typing import Any, Dict, List, Literal, NamedTuple, Optional, Union
from kfp import dsl
from kfp.dsl import Artifact, ClassificationMetrics, Dataset, HTML, Input, InputPath, Markdown, Metrics, Model
from kfp.dsl import Output, OutputPath, PipelineTaskFinalStatus, SlicedClassificationMetrics
Rows = list[int]
class Pair(NamedTuple):
    low: int
    high: float
"""


@pytest.fixture
def describe(tmp_path):
    def run(source, name="steps.py"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(source))
        return ComponentsFile(str(path)).describe()

    return run


def one_input(describe, annotation):
    described = describe(f"{PRELUDE}def step(x: {annotation}): ...\n")
    assert described["errors"] == []
    item = described["components"][0]["inputs"][0]
    return {key: value for key, value in item.items() if key not in ("name", "optional")}


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ("str", {"parameterType": "STRING"}),
        ("int", {"parameterType": "NUMBER_INTEGER"}),
        ("float", {"parameterType": "NUMBER_DOUBLE"}),
        ("bool", {"parameterType": "BOOLEAN"}),
        ("list", {"parameterType": "LIST"}),
        ("dict", {"parameterType": "STRUCT"}),
        ("List[Any]", {"parameterType": "LIST"}),
        ("list[int]", {"parameterType": "LIST", "element": {"parameterType": "NUMBER_INTEGER"}}),
        ("Rows", {"parameterType": "LIST", "element": {"parameterType": "NUMBER_INTEGER"}}),
        ("t.Dict[str, float]", {"parameterType": "STRUCT", "element": {"parameterType": "NUMBER_DOUBLE"}}),
        (
            "dict[str, list[str]]",
            {
                "parameterType": "STRUCT",
                "element": {"parameterType": "LIST", "element": {"parameterType": "STRING"}},
            },
        ),
        ('Literal["a", "b"]', {"parameterType": "STRING", "literals": ["a", "b"]}),
        ("Literal[1, 2]", {"parameterType": "NUMBER_INTEGER", "literals": [1, 2]}),
        ("Optional[int] = None", {"parameterType": "NUMBER_INTEGER"}),
        ("str | None = None", {"parameterType": "STRING"}),
        ("Union[None, str] = None", {"parameterType": "STRING"}),
    ],
)
def test_parameter_types(describe, annotation, expected):
    assert one_input(describe, annotation) == {"kind": "parameter", "type": expected}


@pytest.mark.parametrize(
    ("annotation", "title", "is_list"),
    [
        ("Input[Artifact]", "system.Artifact", False),
        ("Input[Dataset]", "system.Dataset", False),
        ("dsl.Input[dsl.Model]", "system.Model", False),
        ("Input[Metrics] = None", "system.Metrics", False),
        ("Input[ClassificationMetrics]", "system.ClassificationMetrics", False),
        ("Input[SlicedClassificationMetrics]", "system.SlicedClassificationMetrics", False),
        ("Input[HTML]", "system.HTML", False),
        ("Input[Markdown]", "system.Markdown", False),
        ("Input[list[Dataset]]", "system.Dataset", True),
        ("List[Model]", "system.Model", True),
        ("Dataset", "system.Dataset", False),
        ("InputPath()", "system.Artifact", False),
        ("InputPath('Dataset')", "system.Dataset", False),
        ("InputPath(Model)", "system.Model", False),
    ],
)
def test_artifact_inputs(describe, annotation, title, is_list):
    expected = {"kind": "artifact", "artifactType": title}
    assert one_input(describe, annotation) == (expected | {"list": True} if is_list else expected)


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        ("def step() -> int: ...", {"Output": "NUMBER_INTEGER"}),
        ("def step() -> list[str]: ...", {"Output": "LIST"}),
        ("def step() -> Dataset: ...", {"Output": "system.Dataset"}),
        ("def step() -> Pair: ...", {"low": "NUMBER_INTEGER", "high": "NUMBER_DOUBLE"}),
        (
            "def step() -> NamedTuple('R', [('a', int), ('b', str)]): ...",
            {"a": "NUMBER_INTEGER", "b": "STRING"},
        ),
        (
            "def step() -> t.NamedTuple('R', a=int, b=Model): ...",
            {"a": "NUMBER_INTEGER", "b": "system.Model"},
        ),
        (
            "def step(a: Output[Dataset], b: OutputPath(int), c: OutputPath('Model')) -> None: ...",
            {"a": "system.Dataset", "b": "NUMBER_INTEGER", "c": "system.Model"},
        ),
        ("def step(): ...", {}),
    ],
)
def test_outputs(describe, signature, expected):
    described = describe(f"{PRELUDE}{signature}\n")
    assert described["errors"] == []
    outputs = described["components"][0]["outputs"]
    found = {item["name"]: item.get("artifactType") or item["type"]["parameterType"] for item in outputs}
    assert found == expected


@pytest.mark.parametrize(
    ("source", "code", "line"),
    [
        ("def step(x): ...", "ANNOTATION_MISSING", 1),
        ("def step(x: tuple): ...", "TYPE_UNSUPPORTED", 1),
        ("def step(x: 'int'): ...", "TYPE_UNSUPPORTED", 1),
        ("def step(x: int | str): ...", "TYPE_UNSUPPORTED", 1),
        ("def step(x: dict[int, str]): ...", "TYPE_UNSUPPORTED", 1),
        ("from typing import Literal\ndef step(x: Literal['a', 1]): ...", "TYPE_UNSUPPORTED", 2),
        ("from kfp.dsl import Input\ndef step(x: Input[int]): ...", "TYPE_UNSUPPORTED", 2),
        ("from kfp.dsl import InputPath\ndef step(x: InputPath(str)): ...", "TYPE_UNSUPPORTED", 2),
        ("from kfp.dsl import Output, Model\ndef step(x: Output[list[Model]]): ...", "TYPE_UNSUPPORTED", 2),
        ("from typing import Optional\ndef step() -> Optional[int]: ...", "TYPE_UNSUPPORTED", 2),
        ("class R: ...\ndef step() -> R: ...", "TYPE_UNSUPPORTED", 2),
        ("from __future__ import annotations\ndef step(): ...", "FUTURE_ANNOTATIONS", 1),
        ("def step(*args: int): ...", "ARGUMENT_UNSUPPORTED", 1),
        ("def step(**rest: int): ...", "ARGUMENT_UNSUPPORTED", 1),
        ("def step(x: int, /): ...", "ARGUMENT_UNSUPPORTED", 1),
        ("def step(Output: int): ...", "ARGUMENT_UNSUPPORTED", 1),
        ("def step(x: int = 1 + y): ...", "DEFAULT_INVALID", 1),
        ("def step(x: int = 'a'): ...", "DEFAULT_INVALID", 1),
        ("def step(x: list[int] = ['a']): ...", "DEFAULT_INVALID", 1),
        ("def step(x: float = 1e999): ...", "DEFAULT_INVALID", 1),
        ("def step(x: str | None): ...", "DEFAULT_INVALID", 1),
        ("import functools\n@functools.cache\ndef step(): ...", "FUNCTION_UNSUPPORTED", 2),
        ("async def step(): ...", "FUNCTION_UNSUPPORTED", 1),
        ("__all__ = ['gone']", "EXPORT_UNKNOWN", None),
        ("from .helpers import x\ndef step(): ...", "IMPORT_RELATIVE", 1),
        ("def step(:", "SYNTAX", 1),
        ("# /// script\n# dependencies = 3\n# ///", "SCRIPT_INVALID", 1),
        ("# /// script\n# [tool.sealflow]\n# lokc = 'x'\n# ///", "SCRIPT_INVALID", 1),
        ("# /// script\n# [tool.sealflow]\n# lock = 'missing.lock'\n# ///", "SCRIPT_INVALID", 1),
    ],
)
def test_what_is_wrong_is_reported_with_its_place(describe, source, code, line):
    described = describe(source)
    assert [error["code"] for error in described["errors"]] == [f"PIPELINE_COMPONENT_{code}"]
    assert described["errors"][0]["where"]["file"].endswith("steps.py")
    assert described["errors"][0]["where"].get("line") == line


def test_findings_are_collected(describe):
    described = describe("def a(x): ...\ndef b(y: tuple, z): ...\n")
    assert [error["where"]["line"] for error in described["errors"]] == [1, 2, 2]


def test_public_functions_are_components_unless_all_names_them(describe):
    functions = "def one(): ...\ndef _two(): ...\ndef three(): ...\n"
    assert [item["name"] for item in describe(functions)["components"]] == ["one", "three"]
    assert [item["name"] for item in describe(f"__all__ = ['one']\n{functions}")["components"]] == ["one"]


def test_docstrings_describe_component_and_inputs(describe):
    described = describe(
        '''
        def step(path: str, n: int = 1) -> int:
            """Reads rows.

            All of them.

            Args:
                path: Where they are,
                    as a URL.
                n (int): How many.
            """
        '''
    )["components"][0]
    assert described["description"] == "Reads rows.\n\nAll of them."
    assert [item["description"] for item in described["inputs"]] == ["Where they are, as a URL.", "How many."]


def test_digest_follows_the_signature_only(describe):
    first = describe('def step(x: int = 1):\n    """A."""\n    return 1\n')["components"][0]["digest"]
    body = describe('# moved\ndef step(x: int = 1):\n    """B."""\n    return 2\n')["components"][0]["digest"]
    default = describe("def step(x: int = 2): ...\n")["components"][0]["digest"]
    assert first == body
    assert first != default


def test_script_block_gives_requirements(describe, tmp_path):
    (tmp_path / "requirements.lock").write_bytes(b"pandas==3.1.1\n")
    described = describe(
        """
        # /// script
        # requires-python = ">=3.11"
        # dependencies = ["pandas==3.1.1"]
        #
        # [tool.sealflow]
        # base-image = "python:3.12"
        # kfp = "2.17.0"
        # lock = "requirements.lock"
        # ///
        def step(): ...
        """
    )
    assert described["errors"] == []
    assert described["requirements"] == {
        "dependencies": ["pandas==3.1.1"],
        "requiresPython": ">=3.11",
        "baseImage": "python:3.12",
        "kfp": "2.17.0",
        "lock": {
            "path": "requirements.lock",
            "sha256": "869250af001ce17cd76695a84e928ca83009c41572db8506cba8d0a969ec4146",
        },
    }


def test_script_block_names_package_indexes(describe):
    block = "# /// script\n# [tool.sealflow]\n# {}\n# ///\ndef step(): ...\n"
    named = (
        'index-urls = ["https://a.example/simple", "https://b.example/simple"]\n'
        '# trusted-hosts = ["b.example"]'
    )
    assert describe(block.format(named))["requirements"] == {
        "dependencies": [],
        "indexUrls": ["https://a.example/simple", "https://b.example/simple"],
        "trustedHosts": ["b.example"],
    }
    (error,) = describe(block.format('index-urls = "https://a.example"'))["errors"]
    assert "index-urls: expected a list of strings" in error["message"]


def test_local_modules_travel_with_what_they_import(describe, tmp_path):
    (tmp_path / "helpers.py").write_text("import numpy\nfrom shapes import square\n")
    (tmp_path / "shapes").mkdir()
    (tmp_path / "shapes" / "__init__.py").write_text("from .square import side\n")
    (tmp_path / "shapes" / "square.py").write_text("import pandas, os\nfrom . import round\n")
    (tmp_path / "shapes" / "round.py").write_text("")
    (tmp_path / "unused.py").write_text("")
    (tmp_path / "json.py").write_text("")
    described = describe("import json\ndef step():\n    import helpers\n    import sklearn\n")
    assert described["errors"] == []
    assert [(module["name"], module["path"], module["package"]) for module in described["modules"]] == [
        ("helpers", "helpers.py", False),
        ("shapes", "shapes/__init__.py", True),
        ("shapes.round", "shapes/round.py", False),
        ("shapes.square", "shapes/square.py", False),
    ]
    assert described["imports"] == ["numpy", "pandas"]


def test_a_broken_local_module_is_named(describe, tmp_path):
    (tmp_path / "helpers.py").write_text("def (:\n")
    described = describe("import helpers\ndef step(): ...\n")
    assert [error["code"] for error in described["errors"]] == ["PIPELINE_COMPONENT_SYNTAX"]
    assert described["errors"][0]["where"] == {"file": "helpers.py", "line": 1}


def test_a_missing_file_is_a_finding(tmp_path):
    described = ComponentsFile(str(tmp_path / "none.py")).describe()
    assert [error["code"] for error in described["errors"]] == ["PIPELINE_COMPONENT_FILE_UNREADABLE"]


def test_the_command_prints_one_array_for_all_files(tmp_path):
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("def step(): ...\n")
    paths = [str(tmp_path / name) for name in ("a.py", "b.py")]
    command = [sys.executable, "-m", "sealflow.signatures", *paths]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert [item["path"] for item in found] == paths
    assert subprocess.run(command[:3], capture_output=True).returncode == 2
