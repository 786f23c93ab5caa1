import os
import subprocess
import sys
from pathlib import Path

import pytest

ALLOWED = (
    subprocess.run(
        [sys.executable, "-c", "import ctypes; raise SystemExit(ctypes.CDLL(None).unshare(0x10020000) != 0)"],
        check=False,
    ).returncode
    == 0
)
pytestmark = pytest.mark.skipif(not ALLOWED, reason="no mount namespaces on this machine")


@pytest.fixture
def places(tmp_path):
    for name in ("volume", "deep", "secret", "root"):
        (tmp_path / name).mkdir()
    (tmp_path / "secret" / "password").write_text("hidden")
    return tmp_path


def mounts_of(places, **paths):
    mounts = [
        {"path": path, "source": str(places / name), "readOnly": name == "secret"}
        for name, path in paths.items()
    ]
    return {"mounts": mounts, "mountRoot": str(places / "root")}


def test_a_task_sees_directories_at_paths_that_the_machine_does_not_have(worker, places):
    source = """
import os
def f() -> list:
    with open("/sealflow-data/file", "w") as file:
        file.write("kept")
    os.makedirs("/sealflow-data/deep/er", exist_ok=True)
    open("/mnt/sealflow/of/task/other", "w").close()
    return [open("/etc/sealflow-secret/password").read(), os.path.exists("/usr/bin/env"), os.getcwd()]
"""
    more = mounts_of(
        places, volume="/sealflow-data", deep="/mnt/sealflow/of/task", secret="/etc/sealflow-secret"
    )
    event = worker.run(source, **more)
    assert event["error"] is None, event
    seen, tools, directory = worker.output(event["task"])["parameterValues"]["Output"]
    assert (seen, tools) == ("hidden", True)
    assert directory == str(worker.directory / event["task"] / "work")
    assert (places / "volume" / "file").read_text() == "kept"
    assert (places / "volume" / "deep" / "er").is_dir()
    assert os.listdir(places / "deep") == ["other"]
    assert not Path("/sealflow-data").exists()
    assert not Path("/mnt/sealflow").exists()
    assert os.listdir(places / "root") == []


def test_what_is_mounted_to_be_read_can_not_be_written(worker, places):
    source = "def f():\n    open('/sealflow-secret/password', 'w')\n"
    event = worker.run(source, **mounts_of(places, secret="/sealflow-secret"))
    assert event["error"]["type"] == "OSError"
    assert "Read-only" in event["error"]["message"]
    assert (places / "secret" / "password").read_text() == "hidden"


def test_mounts_may_lie_in_each_other(worker, places):
    source = (
        "def f():\n    open('/sealflow-data/in/x', 'w').close()\n    open('/sealflow-data/y', 'w').close()\n"
    )
    event = worker.run(source, **mounts_of(places, deep="/sealflow-data/in", volume="/sealflow-data"))
    assert event["error"] is None, event
    assert os.listdir(places / "deep") == ["x"]
    assert sorted(os.listdir(places / "volume")) == ["in", "y"]


def test_a_missing_source_is_an_error_of_the_inputs(worker, places):
    event = worker.run("def f():\n    pass\n", **mounts_of(places, gone="/sealflow-data"))
    assert event["error"]["kind"] == "inputs"
    assert "mounts at /sealflow-data" in event["error"]["message"]


def test_a_command_of_the_machine_runs_with_mounts_limits_and_environment(worker, places):
    command = ["sh", "-c", 'cat /sealflow-secret/password; yes "$K" | head -1; pwd']
    more = mounts_of(places, secret="/sealflow-secret")
    event = worker.run("", command=command, env={"K": "V"}, memoryLimitBytes=1 << 28, **more)
    assert (event["exitCode"], event["error"]) == (0, None)
    assert worker.log(event["task"]) == f"hiddenV\n{worker.directory / event['task'] / 'work'}\n"


def test_a_command_beyond_its_memory_limit_is_out_of_memory(worker):
    hold = f"{sys.executable} -c 'import time; x = bytearray(60 << 20); time.sleep(60)'"
    command = ["sh", "-c", f"{hold} & {hold} & wait"]
    event = worker.run("", command=command, memoryLimitBytes=100 << 20)
    assert event["error"]["kind"] == "memory"


def test_a_command_that_does_not_exist_is_said_so(worker):
    event = worker.run("", command=["no-such-command"])
    assert event["error"]["message"] == "command no-such-command: No such file or directory"
