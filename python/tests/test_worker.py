import json
import os
import signal
import time
from pathlib import Path

import pytest
from worker_client import WorkerClient, gone_soon

from sealflow.imports import ComponentImports

NOOP = "def f() -> int:\n    return 1\n"


def test_it_says_that_it_is_ready(worker):
    assert worker.ready["event"] == "ready"
    assert worker.ready["protocol"] == 1
    assert worker.ready["pid"] == worker.process.pid


def test_a_task_gets_its_parameters_directory_environment_and_log(worker):
    source = """
import os
def f(a: int, b: str) -> str:
    print("printed", os.path.basename(os.getcwd()))
    return f"{a}{b}{os.environ['K']}{os.environ['OMP_NUM_THREADS']}"
"""
    event = worker.run(source, parameters={"a": 1, "b": "x"}, env={"K": "V"}, threads=3)
    assert (event["exitCode"], event["signal"], event["error"]) == (0, None, None)
    assert event["maxRssBytes"] > 1_000_000
    assert event["cpuSeconds"] >= 0
    assert worker.output(event["task"]) == {"parameterValues": {"Output": "1xV3"}}
    assert worker.log(event["task"]) == "printed work\n"


def test_a_task_runs_in_its_own_session_and_nothing_of_it_reaches_the_next(worker):
    source = """
import os
SEEN = []
def f() -> list:
    SEEN.append(1)
    return [os.getpid(), os.getsid(0), len(SEEN)]
"""
    first = worker.output(worker.run(source)["task"])["parameterValues"]["Output"]
    second = worker.output(worker.run(source)["task"])["parameterValues"]["Output"]
    assert first[0] == first[1]
    assert first[0] != second[0]
    assert first[2] == second[2] == 1


def test_an_exception_is_reported_with_its_place_in_the_source(worker):
    source = "def g():\n    raise ValueError('bad row')\n\ndef f():\n    g()\n"
    event = worker.run(source)
    error = event["error"]
    assert event["exitCode"] == 1
    assert (error["kind"], error["type"], error["message"]) == ("exception", "ValueError", "bad row")
    assert (error["line"], error["function"]) == (2, "g")
    assert error["file"].endswith(f"{event['task']}/component.py")
    assert "sealflow" not in error["traceback"].replace(str(worker.directory), "")
    assert "raise ValueError('bad row')" in error["traceback"]
    assert error["traceback"] in worker.log(event["task"])


def test_an_error_longer_than_a_pipe_holds_arrives_shortened(worker):
    event = worker.run("def f():\n    raise ValueError('\\u20ac' * 500_000)\n")
    assert event["exitCode"] == 1
    assert "characters left out" in event["error"]["message"]


def test_equal_sources_at_two_paths_are_each_reported_at_their_own(worker):
    source = "def f():\n    raise KeyError('k')\n"
    for _ in range(2):
        event = worker.run(source)
        assert f"/{event['task']}/" in event["error"]["file"]
        assert f"/{event['task']}/" in event["error"]["traceback"]


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("import sys\ndef f():\n    sys.exit(3)\n", 3),
        ("import sys\ndef f():\n    sys.exit(0)\n", 0),
        ("import sys\ndef f():\n    sys.exit('stop')\n", 1),
        ("import os\ndef f():\n    os._exit(7)\n", 7),
        ("def f():\n    raise KeyboardInterrupt\n", 1),
        ("def f():\n    return f()\n", 1),
        ("import os\ndef f():\n    os.closerange(0, 256)\n    raise ValueError('lost')\n", 1),
        ("import sys\ndef f():\n    sys.stdout.close()\n    sys.stderr.close()\n    raise ValueError\n", 1),
        ("import os\ndef f():\n    os.kill(os.getpid(), 9)\n", "SIGKILL"),
        ("import os\ndef f():\n    os.kill(os.getpid(), 15)\n", "SIGTERM"),
        ("import ctypes\ndef f():\n    ctypes.string_at(0)\n", "SIGSEGV"),
        ("import os\ndef f():\n    os.abort()\n", "SIGABRT"),
    ],
    ids=range(12),
)
def test_a_task_that_ends_badly_ends_alone(worker, source, code):
    event = worker.run(source)
    assert code in (event["exitCode"], event["signal"])
    assert (event["exitCode"] is None) == isinstance(code, str)
    assert worker.run(NOOP)["exitCode"] == 0


def test_a_segmentation_fault_leaves_the_python_stack_in_the_log(worker):
    event = worker.run("import ctypes\ndef f():\n    ctypes.string_at(0)\n")
    assert "Segmentation fault" in worker.log(event["task"])
    assert "component.py" in worker.log(event["task"])


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        ("def f(:\n", "source", "component.py:1"),
        ("import surely_missing_module\ndef f():\n    pass\n", "source", "surely_missing_module"),
        ("def g():\n    pass\n", "source", "expected a function f, got g"),
        ("def f(x: int):\n    pass\n", "inputs", "parameter x of f: expected a value"),
        ("def f() -> int:\n    return 'a'\n", "outputs", "output Output of f: expected int, got str"),
        ("def f() -> float:\n    return float('nan')\n", "outputs", "parameterValues.Output"),
    ],
)
def test_a_broken_contract_says_which_part_is_broken(worker, source, kind, words):
    error = worker.run(source)["error"]
    assert error["kind"] == kind
    assert words in error["message"]


def test_a_syntax_error_points_at_its_line_and_shows_nothing_of_the_runtime(worker):
    event = worker.run("x = 1\ndef f(:\n")
    error = event["error"]
    assert error["file"].endswith(f"{event['task']}/component.py")
    assert (error["line"], error["function"]) == (2, None)
    assert "sources.py" not in error["traceback"]


def test_causes_are_shown_without_the_runtime(worker):
    source = """
def f():
    try:
        {}['k']
    except KeyError as e:
        raise ValueError('v') from e
"""
    error = worker.run(source)["error"]
    assert (error["type"], error["line"]) == ("ValueError", 6)
    assert "KeyError: 'k'" in error["traceback"]
    assert "executor.py" not in error["traceback"]


def test_memory_beyond_the_limit_is_reported_as_out_of_memory(worker):
    event = worker.run("def f():\n    b'x' * (1 << 30)\n", memoryLimitBytes=200 << 20)
    assert event["error"]["kind"] == "memory"
    assert "out of memory: the task's limit is 209715200 bytes" in event["error"]["message"]
    assert event["error"]["line"] == 2


def test_memory_of_a_task_and_its_children_together_is_limited(worker):
    source = """
import os, time
def f():
    for _ in range(3):
        if os.fork() == 0:
            kept = bytearray(60 << 20)
            time.sleep(60)
    time.sleep(60)
"""
    event = worker.run(source, memoryLimitBytes=120 << 20)
    assert event["signal"] == "SIGKILL"
    assert event["error"]["kind"] == "memory"
    assert "out of memory" in event["error"]["message"]


def test_a_flood_of_output_ends_in_the_log(worker):
    event = worker.run("def f():\n    for _ in range(200_000):\n        print('x' * 99)\n")
    assert event["exitCode"] == 0
    assert (worker.directory / event["task"] / "log.txt").stat().st_size == 20_000_000


def test_an_endless_task_can_be_killed(worker):
    for name in ("TERM", "KILL"):
        task = worker.start("def f():\n    while True:\n        pass\n")
        worker.send({"op": "kill", "task": task, "signal": name})
        assert worker.wait_for("exited", task)["signal"] == f"SIG{name}"


def test_processes_that_a_task_leaves_behind_are_killed(worker):
    source = """
import os, subprocess
def f() -> list:
    plain = subprocess.Popen(["sleep", "600"]).pid
    escaped = subprocess.Popen(["sleep", "600"], start_new_session=True).pid
    return [plain, escaped]
"""
    pids = worker.output(worker.run(source)["task"])["parameterValues"]["Output"]
    assert all(gone_soon(pid) for pid in pids)


def test_another_tasks_processes_stay(worker):
    other = worker.start(
        "import subprocess\ndef f() -> int:\n"
        "    return subprocess.run(['sleep', '1'], start_new_session=True).returncode\n"
    )
    assert worker.wait_for("started", other)
    assert worker.run(NOOP)["exitCode"] == 0
    assert worker.wait_for("exited", other)["exitCode"] == 0
    assert worker.output(other)["parameterValues"]["Output"] == 0


def test_the_end_of_input_kills_every_task(worker):
    task = worker.start(
        "import subprocess\ndef f():\n"
        "    print(subprocess.Popen(['sleep', '600']).pid)\n    while True: pass\n"
    )
    pid = worker.wait_for("started", task)["pid"]
    log = worker.directory / task / "log.txt"
    deadline = time.monotonic() + 20
    while not log.exists() or not log.read_text().endswith("\n"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    worker.process.stdin.close()
    assert worker.process.wait(10) == 0
    assert gone_soon(pid)
    assert gone_soon(int(log.read_text()))


def test_tasks_die_with_a_worker_that_is_killed(worker):
    task = worker.start("import time\ndef f():\n    time.sleep(600)\n")
    pid = worker.wait_for("started", task)["pid"]
    time.sleep(0.2)
    worker.process.kill()
    assert gone_soon(pid)


def test_ctrl_c_in_the_terminal_does_not_end_the_worker(worker):
    worker.process.send_signal(signal.SIGINT)
    assert worker.run(NOOP)["exitCode"] == 0


def test_shutdown_and_sigterm_end_it(worker):
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(10) == 0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"{", "expected a JSON object"),
        (b"[1]", "got list"),
        (b"\xff\xfe", "expected a JSON object"),
        (b"[" * 9_000, "expected a JSON object"),
        (b'{"op":"dance"}', "op: expected one of"),
        (b'{"op":"run","task":"t"}', "source: expected a text"),
        (b'{"op":"kill","task":"t","signal":"HUP"}', "signal: expected TERM or KILL"),
        (b'{"op":"prepare","sources":[1]}', "sources: expected"),
    ],
    ids=range(8),
)
def test_a_malformed_line_is_rejected_and_the_worker_goes_on(worker, line, words):
    worker.send_line(line)
    event = worker.event()
    assert event["event"] == "rejected"
    assert words in event["reason"]
    assert worker.run(NOOP)["exitCode"] == 0


def test_requests_may_arrive_in_pieces_and_in_heaps(worker):
    task = json.dumps({"op": "kill", "task": "none"}).encode() + b"\n"
    for byte in task:
        worker.process.stdin.write(bytes([byte]))
    names = {worker.start(NOOP) for _ in range(20)}
    ended = {worker.wait_for("exited")["task"] for _ in names}
    assert ended == names


def test_a_kill_from_outside_is_no_want_of_memory(worker):
    event = worker.run("import os\ndef f():\n    os.kill(os.getpid(), 9)\n")
    assert (event["signal"], event["outOfMemory"], event["error"]) == ("SIGKILL", False, None)


@pytest.fixture
def small_group():
    """A control group of 128 MiB."""
    for root, limit in (
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        ("/sys/fs/cgroup", "memory.max"),
    ):
        group = Path(root, f"sealflow-test-{os.getpid()}")
        try:
            group.mkdir()
        except OSError:
            continue
        if (group / limit).exists():
            (group / limit).write_text(str(128 << 20))
            yield group
            group.rmdir()
            return
        group.rmdir()
    pytest.skip("this machine lets nobody make control groups")


def test_a_kill_by_the_kernel_for_want_of_memory_is_told(small_group, worker):
    (small_group / "cgroup.procs").write_text(str(worker.process.pid))
    event = worker.run("def f():\n    x = bytearray(400 << 20)\n")
    assert (event["signal"], event["outOfMemory"], event["error"]) == ("SIGKILL", True, None)
    assert worker.run(NOOP)["outOfMemory"] is False


def test_a_running_tasks_name_is_refused_to_another(worker):
    task = worker.start("import time\ndef f():\n    time.sleep(600)\n")
    worker.start(NOOP, task=task)
    assert "expected a name of its own" in worker.wait_for("rejected")["reason"]


def test_a_log_that_cannot_be_opened_fails_the_task(worker):
    event = worker.run(NOOP, log="/proc/no/such/log")
    assert (event["exitCode"], event["error"]["kind"]) == (1, "inputs")


def test_preparing_imports_without_running_the_source(worker):
    file = worker.directory / "source.py"
    file.write_text("import colorsys\nfrom email import message\nimport surely_missing\nopen('ran', 'w')\n")
    worker.send({"op": "prepare", "sources": [{"path": str(file)}], "modules": ["wave"]})
    event = worker.event()
    assert event["event"] == "prepared"
    assert set(event["imported"]) == {"wave", "colorsys", "email"}
    assert [each["module"] for each in event["failed"]] == ["surely_missing"]
    assert event["threads"] == 1
    assert not Path(worker.directory, "ran").exists()
    loaded = worker.run(
        "import sys\nHAD = 'email.message' in sys.modules\ndef f() -> bool:\n    return HAD\n"
    )
    assert worker.output(loaded["task"])["parameterValues"]["Output"] is True


TRAVELLING = """
if False:  # what the modules import, for tools that look
    import wave
_sealflow_modules = {
    "parts": ("parts/__init__.py", True, ("from . import inner\\n" "from parts.other import x\\n")),
    "parts.inner": ("parts/inner.py", False, ("import colorsys\\n")),
    "parts.other": ("parts/other.py", False, ("from email import message\\nx = 1\\n")),
    "lonely": ("lonely.py", False, ("import sched\\n")),
}
def f() -> None:
    from parts import inner
def g():
    import graphlib
    f()
def h():
    import shelve
"""


def test_what_travelling_modules_import_is_imported_where_they_are(worker):
    file = worker.directory / "source.py"
    file.write_text(TRAVELLING)
    worker.send({"op": "prepare", "sources": [{"path": str(file)}], "modules": []})
    assert worker.event()["imported"] == ["colorsys", "email", "graphlib", "shelve"]


def test_a_function_needs_what_it_reaches():
    found = ComponentImports(TRAVELLING)
    assert [module for module, _ in found.of_function("g")] == ["graphlib", "colorsys", "email"]
    assert [module for module, _ in found.of_function("h")] == ["shelve"]
    assert found.of_function("nothing") == []


BLOCKED = "import os, time\nwhile not os.path.exists({!r}):\n    time.sleep(0.01)\n"


def test_a_task_waits_for_its_own_imports_only_and_its_end_is_told_during_others(tmp_path):
    go = tmp_path / "go"
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "blocked.py").write_text(BLOCKED.format(str(go)))
    client = WorkerClient(tmp_path, path=str(tmp_path / "modules"))
    source = """
import sys, wave
HAD = [name in sys.modules for name in ("wave", "blocked")]
def f() -> list:
    return HAD
"""
    try:
        with client.together():
            client.send({"op": "prepare", "modules": ["blocked"]})
            task = client.start(source)
        assert [client.event()["event"], client.wait_for("exited", task)["exitCode"]] == ["started", 0]
        assert client.output(task)["parameterValues"]["Output"] == [True, False]
        go.touch()
        assert client.event()["imported"] == ["blocked"]
    finally:
        go.touch()
        client.close()


def test_files_in_the_current_directory_do_not_shadow_modules(worker):
    (worker.directory / "wave.py").write_text("open('ran', 'w')\n")
    worker.send({"op": "prepare", "modules": ["wave"]})
    assert worker.event()["imported"] == ["wave"]
    assert not (worker.directory / "ran").exists()


def test_a_component_of_an_importable_module_runs(worker):
    package = worker.directory / "site"
    package.mkdir()
    (package / "parts.py").write_text("def f() -> str:\n    return __name__\n")
    event = worker.run("", source=None, module="parts", directory=str(package))
    assert event["exitCode"] == 0, event
    assert worker.output(event["task"])["parameterValues"]["Output"] == "parts"


def test_threads_and_exit_handlers_of_a_task_are_waited_for(worker):
    source = """
import atexit, threading, time
def f():
    atexit.register(lambda: print("at exit", flush=True))
    threading.Thread(target=lambda: (time.sleep(0.2), print("in thread"))).start()
"""
    event = worker.run(source)
    assert event["exitCode"] == 0
    assert worker.log(event["task"]) == "in thread\nat exit\n"


def test_exit_codes_survive_many_tasks_without_leaking_descriptors(worker):
    before = len(os.listdir(f"/proc/{worker.process.pid}/fd"))
    for _ in range(30):
        assert worker.run(NOOP)["exitCode"] == 0
    assert len(os.listdir(f"/proc/{worker.process.pid}/fd")) == before


def test_an_installed_kfp_is_imported_once_and_its_classes_are_used(worker):
    source = """
import sys
LOADED = "kfp.dsl" in sys.modules
import kfp
from kfp import dsl
from kfp.dsl import *
def f(m: Output[Metrics]) -> list:
    m.log_metric("auc", 0.5)
    return [LOADED, hasattr(kfp, "__sealflow_shim__"), type(m).__module__, get_uri("x")]
"""
    artifact = {"name": "m", "uri": str(worker.directory / "m"), "type": {"schemaTitle": "system.Metrics"}}
    output = worker.directory / "executor" / "output.json"
    outputs = {"artifacts": {"m": {"artifacts": [artifact]}}, "outputFile": str(output)}
    event = worker.run(source, executorInput={"inputs": {}, "outputs": outputs})
    assert event["error"] is None
    written = json.loads(output.read_text())
    assert written["artifacts"]["m"]["artifacts"][0]["metadata"] == {"auc": 0.5}
    found = written["parameterValues"]["Output"]
    assert found == [True, False, "kfp.dsl.types.artifact_types", str(output.parent / "x")]
