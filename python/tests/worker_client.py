"""Speaks the worker's protocol from a test."""

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path

# Puts the pipe at descriptor 3, as Node's `stdio` option does.
AT_DESCRIPTOR_3 = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.closerange(4, 64); "
    "os.execv(sys.argv[2], [sys.argv[2], '-m', 'sealflow.worker'])"
)
PYTHON_SOURCES = str(Path(__file__).parent.parent / "src")


class WorkerClient:
    def __init__(self, directory, python=sys.executable, path=""):
        self.directory = Path(directory)
        self.count = 0
        self.buffer = b""
        self.held = None
        self.events, writer = os.pipe()
        self.process = subprocess.Popen(
            [python, "-c", AT_DESCRIPTOR_3, str(writer), python],
            stdin=subprocess.PIPE,
            pass_fds=[writer],
            env={**os.environ, "PYTHONPATH": f"{PYTHON_SOURCES}{os.pathsep}{path}".rstrip(os.pathsep)},
            cwd=self.directory,
            bufsize=0,
            start_new_session=True,
        )
        os.close(writer)
        self.ready = self.event()

    def send(self, request):
        self.send_line(json.dumps(request).encode())

    def send_line(self, line):
        if self.held is None:
            self.process.stdin.write(line + b"\n")
        else:
            self.held += line + b"\n"

    @contextlib.contextmanager
    def together(self):
        """Sends what is sent inside in one piece."""
        self.held = b""
        yield
        held, self.held = self.held, None
        self.process.stdin.write(held)

    def event(self, timeout=60.0):
        """The next event; None at the end of the stream."""
        deadline = time.monotonic() + timeout
        while b"\n" not in self.buffer:
            ready, _, _ = select.select([self.events], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, "no event in time"
            chunk = os.read(self.events, 1 << 16)
            if not chunk:
                return None
            self.buffer += chunk
        line, _, self.buffer = self.buffer.partition(b"\n")
        return json.loads(line)

    def wait_for(self, kind, task=None):
        while True:
            event = self.event()
            assert event is not None, f"the stream ended before {kind}"
            if event["event"] == kind and (task is None or event["task"] == task):
                return event

    def start(self, text, *, function="f", parameters=None, **more):
        """Starts a task and returns its name."""
        self.count += 1
        name = f"task-{self.count}"
        root = self.directory / name
        root.mkdir()
        file = root / "component.py"
        file.write_text(text)
        outputs = {"outputFile": str(root / "out" / "output.json")}
        request = {
            "op": "run",
            "task": name,
            "source": str(file),
            "function": function,
            "executorInput": {"inputs": {"parameterValues": parameters or {}}, "outputs": outputs},
            "directory": str(root / "work"),
            "log": str(root / "log.txt"),
            "env": {},
            "threads": 1,
            "memoryLimitBytes": None,
            "module": None,
        }
        self.send(request | more)
        return name

    def run(self, text, **options):
        """Runs a task to its end and returns its `exited` event."""
        return self.wait_for("exited", self.start(text, **options))

    def output(self, task):
        return json.loads((self.directory / task / "out" / "output.json").read_text())

    def log(self, task):
        return (self.directory / task / "log.txt").read_text()

    def close(self):
        if self.process.stdin and not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            self.process.wait(10)
        finally:
            self.process.kill()
            self.process.wait()
            os.close(self.events)


def is_alive(pid):
    """Whether a process runs (zombies do not count)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone_soon(pid, seconds=10.0):
    deadline = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(pid)
