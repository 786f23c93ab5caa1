"""The zygote: reads requests, forks a process per task, and reports how each one ended."""

import contextlib
import faulthandler
import gc
import importlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from sealflow import kfp_shim, sources
from sealflow.errors import SourceError
from sealflow.worker import processes, requests, sealing, task, threads
from sealflow.worker.connection import Connection, Overlong
from sealflow.worker.preparing import Preparing
from sealflow.worker.running import Task, failure_of

Json = dict[str, Any]

PROTOCOL = 1
_BLOCKED = {signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGINT}
_WATCH_SECONDS = 0.25


class Zygote:
    """Serves one connection: requests on a descriptor, events on another."""

    def __init__(self, *, input_descriptor: int, output_descriptor: int) -> None:
        self.connection = Connection(input_descriptor, output_descriptor)
        self.tasks: dict[int, Task] = {}
        self.names: dict[str, Task] = {}
        self.nothing = os.open(os.devnull, os.O_RDONLY)
        self.setters = threads.loaded_setters()
        self.preparing = Preparing()
        # Processes that imported libraries started for themselves.
        self.helpers: set[int] = set()
        self.ended: set[str] = set()
        self.swept = 0.0
        self.kfp_tried = False
        self.stopping = False
        self.importing = False
        # When the kernel was last asked, and what it said.
        self.oom_kills_at = 0.0
        self.oom_kills = 0
        # Set by imports, until the next fork.
        self.stale = False
        # Made by the first sealed task.
        self.sealing: sealing.Sealing | None = None

    def serve(self) -> int:
        """Works until the input ends, a shutdown is asked for, or the reader of events is gone."""
        wakeup = self._set_up_process()
        self.connection.emit(
            {"event": "ready", "pid": os.getpid(), "python": _version(), "protocol": PROTOCOL}
        )
        poll = select.poll()
        poll.register(self.connection.input, select.POLLIN)
        poll.register(wakeup, select.POLLIN)
        try:
            while not self._is_over():
                watching = any(each.limit for each in self.tasks.values())
                ready = poll.poll(self._patience(watching))
                self._drain(wakeup)
                self._reap()
                self._sweep()
                if watching:
                    self._watch_memory()
                if any(descriptor == self.connection.input for descriptor, _ in ready):
                    self._read()
                elif self.preparing.waits:
                    self._import(self.preparing.step)
        finally:
            self._kill_everything()
            if self.sealing is not None:
                self.sealing.close()
        return 0

    def _patience(self, watching: bool) -> float | None:
        """How long to wait for requests and ends of tasks, in milliseconds."""
        if self.preparing.waits:
            return 0
        return _WATCH_SECONDS * 1000 if watching or self.ended else None

    def _import(self, work: Callable[[], None]) -> None:
        """Imports something; tasks that end meanwhile are reported at once."""
        self.importing = True
        try:
            work()
        finally:
            self.importing = False
        self.stale = True
        for answer in self.preparing.answers():
            self.connection.emit(answer)

    def _take_stock(self) -> None:
        """Before a fork: looks at what has been imported since the last one."""
        if self.stale:
            self.stale = False
            self.setters = threads.loaded_setters()
            self._freeze()

    def _count_oom_kills(self) -> None:
        """Keeps the count young, so that kills of long ago are not taken for those of tasks."""
        now = time.monotonic()
        if now - self.oom_kills_at > 1:
            self.oom_kills_at, self.oom_kills = now, processes.oom_kills()

    def _on_child(self, *_: object) -> None:
        # What an import started and waits for is none of ours.
        if self.importing:
            for pid in list(self.tasks):
                self._reap_one(os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT))

    def _set_up_process(self) -> int:
        os.set_inheritable(self.connection.output, False)
        # The terminal's Ctrl-C reaches the whole foreground group; what it means is the engine's decision.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._on_terminate)
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        signal.signal(signal.SIGCHLD, self._on_child)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        processes.become_subreaper()
        kfp_shim.install()
        if kfp_shim.is_shim():
            importlib.import_module("kfp.dsl")
            self.kfp_tried = True
        import warnings

        # Tasks are forked while no thread runs Python code; `prepared` says how many threads there are.
        warnings.filterwarnings(
            "ignore", message=".*multi-threaded, use of fork", category=DeprecationWarning
        )
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
        # Writes to descriptor 2, which is the log in a task: a crash in native code leaves the Python stack
        # there.
        faulthandler.enable(2)
        self._freeze()
        return reader

    def _freeze(self) -> None:
        """Keeps what is loaded out of the collector's way, so that tasks share its memory."""
        self.helpers = set(processes.children_of(os.getpid())) - set(self.tasks)
        gc.freeze()
        gc.disable()

    def _on_terminate(self, *_: object) -> None:
        self.stopping = True

    def _read(self) -> None:
        try:
            lines = self.connection.read()
        except Overlong as refusal:
            self._reject(None, str(refusal))
            self.stopping = True
            return
        for line in lines:
            if not self._is_over():
                self._handle(line)

    def _is_over(self) -> bool:
        return self.stopping or self.connection.ended

    def _handle(self, line: bytes) -> None:
        name = None
        try:
            request = requests.parse(line)
            name = request.get("task")
            if request["op"] == "run":
                self._start(request)
            elif request["op"] == "kill":
                self._kill(request)
            elif request["op"] == "prepare":
                self._prepare(request)
            else:
                self.stopping = True
        except requests.Refused as refusal:
            self._reject(refusal.task or name, str(refusal))
        except OSError as error:
            self._reject(name, f"{request['op']}: {error.strerror or error}")

    def _start(self, request: Json) -> None:
        name = request["task"]
        if name in self.names:
            raise requests.Refused("task: expected a name of its own, got the one of a running task", name)
        if name in self.ended:
            # Leftovers of an earlier task of this name must not be taken for this one's.
            self._sweep(at_once=True)
        if not request.get("module") and not request.get("command"):
            # Compiled here, once for all tasks; the task itself reports what is wrong with it.
            with contextlib.suppress(SourceError):
                self._load_kfp_for(sources.compiled(request["source"]).co_names)
            if self.preparing.waits:
                source, function = request["source"], request["function"]
                self._import(lambda: self.preparing.hurry(source, function))
        if request.get("sealed"):
            self._seal(request)
        self._take_stock()
        self._count_oom_kills()
        reader, writer = os.pipe()
        # A kill request may come before the new process has reset its handlers: signals wait until then.
        signal.pthread_sigmask(signal.SIG_BLOCK, _BLOCKED)
        try:
            pid = os.fork()
            if pid == 0:
                self._become_task(request, writer)
        except OSError:
            os.close(reader)
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _BLOCKED)
            os.close(writer)
        started = Task(name, pid, reader, request.get("memoryLimitBytes"))
        self.tasks[pid] = started
        self.names[name] = started
        self.connection.emit({"event": "started", "task": name, "pid": pid})

    def _seal(self, request: Json) -> None:
        """Gives a sealed task its place in memory; the first one loads what they all need."""
        try:
            if self.sealing is None:
                self.sealing = sealing.Sealing(request["sealed"].get("packages"))
                self._freeze()
            self.sealing.admit(request)
        except Exception as error:
            raise requests.Refused(f"sealed: {error}", request["task"]) from error

    def _load_kfp_for(self, names: tuple[str, ...]) -> None:
        """Imports an installed kfp once, before the first task that wants it, instead of in every task."""
        if self.kfp_tried or not any(name == "kfp" or name.startswith("kfp.") for name in names):
            return
        self.kfp_tried = True
        # A kfp that can't be imported fails the tasks that import it.
        with contextlib.suppress(Exception):
            importlib.import_module("kfp.dsl")
        self._freeze()

    def _become_task(self, request: Json, writer: int) -> None:
        """Turns this freshly forked process into the task; never returns."""
        try:
            processes.die_with(os.getppid())
            signal.set_wakeup_fd(-1)
            report = task.Report(writer)
            task.detach(request.get("memoryLog") or request["log"], self.nothing)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _BLOCKED)
            os.close(self.connection.output)
            task.run_in_child(request, report, self.setters)
        except BaseException as error:
            kind = "inputs" if isinstance(error, OSError) else "exception"
            text = {"kind": kind, "type": type(error).__name__, "message": f"log {request['log']}: {error}"}
            blank = {"traceback": "", "file": None, "line": None, "function": None}
            os.write(writer, json.dumps(text | blank).encode())
        finally:
            os._exit(1)

    def _kill(self, request: Json) -> None:
        running = self.names.get(request["task"])
        # A task that has just ended is no mistake of the caller: its exit is on the way.
        if running is not None:
            running.unwanted = True
            processes.signal_group(running.pid, getattr(signal, f"SIG{request['signal']}"))

    def _prepare(self, request: Json) -> None:
        self.preparing.add(request["sources"], request["modules"])
        for answer in self.preparing.answers():
            self.connection.emit(answer)

    def _drain(self, wakeup: int) -> None:
        with contextlib.suppress(BlockingIOError):
            while len(os.read(wakeup, 4096)) == 4096:
                pass

    def _reap(self) -> None:
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            self._reap_one(ended)

    def _reap_one(self, ended: os.waitid_result | None) -> None:
        if ended is None:
            return
        # The zombie still holds its number, so the group can be killed without hitting a stranger.
        if ended.si_pid in self.tasks:
            processes.signal_group(ended.si_pid, signal.SIGKILL)
        _, status, usage = os.wait4(ended.si_pid, 0)
        if ended.si_pid in self.tasks:
            self._finish(self.tasks.pop(ended.si_pid), status, usage)

    def _finish(self, ended: Task, status: int, usage: Any) -> None:
        del self.names[ended.name]
        self.ended.add(ended.name)
        if self.sealing is not None:
            self.sealing.finish(ended.name)
        signalled = os.WIFSIGNALED(status)
        self.connection.emit(
            {
                "event": "exited",
                "task": ended.name,
                "exitCode": None if signalled else os.WEXITSTATUS(status),
                "signal": signal.Signals(os.WTERMSIG(status)).name if signalled else None,
                "maxRssBytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
                "cpuSeconds": round(usage.ru_utime + usage.ru_stime, 6),
                "outOfMemory": self._is_out_of_memory(ended, status),
                "error": failure_of(ended),
            }
        )

    def _is_out_of_memory(self, ended: Task, status: int) -> bool:
        """Whether the kernel has killed something for want of memory since it was last asked."""
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        if not killed or ended.unwanted or ended.exceeded:
            return False
        before, self.oom_kills = self.oom_kills, processes.oom_kills()
        return self.oom_kills > before

    def _sweep(self, at_once: bool = False) -> None:
        """Kills what ended tasks left outside their groups; now and then, since looking is not cheap."""
        now = time.monotonic()
        if self.ended and (at_once or now - self.swept >= _WATCH_SECONDS):
            processes.kill_escaped(self.ended if self.tasks else None, spared=self.helpers | set(self.tasks))
            self.ended.clear()
            self.swept = now

    def _watch_memory(self) -> None:
        """Kills tasks whose processes together hold more than their limit; a limit on one process's data is
        set in it."""
        for each in list(self.tasks.values()):
            if each.limit and not each.exceeded:
                used = processes.resident_bytes(each.pid)
                if used > each.limit:
                    each.exceeded = used
                    processes.signal_group(each.pid, signal.SIGKILL)

    def _kill_everything(self) -> None:
        for pid in list(self.tasks):
            processes.signal_group(pid, signal.SIGKILL)
        processes.kill_escaped(None, spared=set(self.tasks))
        for pid in list(self.tasks):
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)

    def _reject(self, name: str | None, reason: str) -> None:
        self.connection.emit({"event": "rejected", "task": name, "reason": reason})


def _version() -> str:
    return ".".join(str(part) for part in sys.version_info[:3])
