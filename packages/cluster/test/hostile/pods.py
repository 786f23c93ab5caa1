"""Starts pods: the pod's own program, each in processes forked from one that has imported what they need.

Reads one JSON object a line: ``{"id", "argv", "env", "image", "memory"}`` starts a pod, ``{"kill": ID}`` ends one as a
node does that dies. Writes ``{"id", "code", "stdout", "stderr"}`` when a pod has ended. Usage: python pods.py MODULES
"""

import json
import os
import select
import signal
import sys
import tempfile
import traceback
from pathlib import Path

sys.path[:0] = [sys.argv[1]]

from sealflow import kfp_shim, pod  # noqa: E402, F401
from sealflow.enclave import inside, shim  # noqa: E402


class Enclave:
    """In place of a new interpreter for the simulated enclave: a fork of this one, which runs the same program."""

    def __init__(self, command: object, **_: object) -> None:
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            leave(lambda: inside.main(IMAGE, MEMORY))

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)


IMAGE, MEMORY = Path(), Path()
shim.subprocess.Popen = Enclave  # type: ignore[misc, assignment]


def leave(work) -> None:
    code = 70
    try:
        code = work()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def start(request: dict) -> tuple[int, dict]:
    global IMAGE, MEMORY
    files = {name: tempfile.TemporaryFile() for name in ("stdout", "stderr")}
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.dup2(files["stdout"].fileno(), 1)
        os.dup2(files["stderr"].fileno(), 2)
        os.environ.clear()
        os.environ.update(request["env"])
        IMAGE, MEMORY = Path(request["image"]), Path(request["memory"])
        leave(lambda: shim.main(request["argv"], IMAGE))
    return pid, {"id": request["id"], **files}


def main() -> None:
    running: dict[int, dict] = {}
    rest = b""
    ended = False
    while running or not ended:
        ready, _, _ = select.select([] if ended else [0], [], [], 0.02 if running else None)
        if ready:
            text = os.read(0, 1 << 20)
            ended = not text
            *lines, rest = (rest + text).split(b"\n")
            for line in lines:
                request = json.loads(line)
                if "kill" in request:
                    for pid, pod_ in running.items():
                        if pod_["id"] == request["kill"]:
                            os.killpg(pid, signal.SIGKILL)
                    continue
                pid, started = start(request)
                running[pid] = started
        for pid in list(running):
            done, status = os.waitpid(pid, os.WNOHANG)
            if not done:
                continue
            pod_ = running.pop(pid)
            said = {}
            for name in ("stdout", "stderr"):
                pod_[name].seek(0)
                said[name] = pod_[name].read().decode("utf-8", "replace")
            print(json.dumps({"id": pod_["id"], "code": os.waitstatus_to_exitcode(status), **said}), flush=True)


main()
