import base64
import io
import tarfile
from pathlib import Path

import pytest

from sealflow import embedding
from sealflow.embedding import EmbedError, pack
from sealflow.signatures import ComponentsFile

STEP = "from kfp.dsl import Dataset, EmbeddedInput, TaskConfig\n"
BLOCK = "# /// script\n# [tool.sealflow]\n# {}\n# ///\n"


def describe(directory: Path, text: str) -> dict:
    path = directory / "steps.py"
    path.write_text(text)
    return ComponentsFile(str(path)).describe()


def names_in(archive: str) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(archive)), mode="r:gz") as tar:
        return tar.getnames()


def test_directories_are_packed_from_their_inside_and_alike_each_time(tmp_path):
    assets = tmp_path / "assets"
    (assets / "b").mkdir(parents=True)
    (assets / "b" / "c.txt").write_text("c")
    (assets / "a.txt").write_text("a")
    (assets / "__pycache__").mkdir()
    (assets / "__pycache__" / "x.pyc").write_text("x")
    packed = pack(assets)
    assert names_in(packed) == ["a.txt", "b/c.txt"]
    (assets / "a.txt").touch()
    assert pack(assets) == packed
    (assets / "a.txt").write_text("other")
    assert pack(assets) != packed


def test_what_is_missing_empty_or_too_large_does_not_travel(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("content")
    for name, message in (("nothing", "got nothing"), ("empty", "got none")):
        with pytest.raises(EmbedError, match=message):
            pack(tmp_path / name)
    monkeypatch.setattr(embedding, "LARGEST", 10)
    with pytest.raises(EmbedError, match="at most 10 bytes"):
        pack(tmp_path / "file")


def test_a_file_names_what_travels_along(tmp_path):
    (tmp_path / "data.json").write_text("{}")
    source = BLOCK.format('embed = "data.json"') + STEP
    described = describe(tmp_path, source + "def step(x: EmbeddedInput[Dataset], n: int) -> int: ...\n")
    assert described["errors"] == []
    assert described["embedded"]["file"] == "data.json"
    assert described["embedded"]["notebook"] is False
    assert names_in(described["embedded"]["archive"]) == ["data.json"]
    assert described["requirements"] == {"dependencies": []}
    assert [each["name"] for each in described["components"][0]["inputs"]] == ["n"]


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ('embed = "nothing"', "got nothing"),
        ('notebook = "steps.py"', "expected a notebook"),
        ('embed = "steps.py"\n# notebook = "steps.py"', "got both"),
        ('base-image = "x"', "expected files that travel along"),
        ("embed = 1", "expected a string"),
    ],
)
def test_what_cannot_travel_is_reported(tmp_path, block, message):
    source = BLOCK.format(block) + STEP + "def step(x: EmbeddedInput[Dataset]): ...\n"
    assert any(message in error["message"] for error in describe(tmp_path, source)["errors"])


def test_a_task_config_is_an_input_that_nobody_passes(tmp_path):
    described = describe(tmp_path, STEP + "def step(config: TaskConfig): ...\n")
    assert described["errors"] == []
    assert described["components"][0]["inputs"] == [
        {"name": "config", "kind": "taskConfig", "optional": True}
    ]
