"""What the worker asks of the operating system about processes. Each function is a no-op where the system
lacks the means."""

import contextlib
import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h

_libc = ctypes.CDLL(None) if sys.platform.startswith("linux") else None


def become_subreaper() -> None:
    """Makes orphaned descendants children of this process, so that none is lost."""
    if _libc is not None:
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with(parent: int) -> None:
    """Lets this process be killed when its parent ends, however it ends."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


def signal_group(leader: int, number: int) -> None:
    """Signals a whole process group, or just its leader where the group does not exist yet."""
    try:
        os.killpg(leader, number)
    except PermissionError:
        pass
    except ProcessLookupError:
        with contextlib.suppress(ProcessLookupError):
            os.kill(leader, number)


def thread_count() -> int:
    """Threads of this process; 1 where the system can't say."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 1


def children_of(pid: int) -> list[int]:
    """Direct children of the main thread of a process."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(each) for each in file.read().split()]
    except OSError:
        return []


def kill_escaped(tasks: set[str] | None, *, spared: set[int]) -> None:
    """Kills processes that left their task's group: those of some tasks, or all when `tasks` is None.

    They are adopted by this process when their parent ends. Whose they are is read from their environment.
    """
    for pid in set(children_of(os.getpid())) - spared:
        if tasks is None or _task_of(pid) in tasks:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _task_of(pid: int) -> str | None:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            for entry in file.read().split(b"\0"):
                if entry.startswith(b"SEALFLOW_TASK="):
                    return entry.partition(b"=")[2].decode(errors="replace")
    except OSError:
        pass
    return None


def oom_kills() -> int:
    """Kills for want of memory so far, as the kernel counts them: in this process' control group where
    that can be read, else on the machine; 0 where the system can't say."""
    for path in (_own_events(), "/proc/vmstat"):
        with contextlib.suppress(OSError, ValueError), open(path, encoding="ascii") as file:
            for line in file:
                if line.startswith("oom_kill "):
                    return int(line.split()[1])
    return 0


def _own_events() -> str:
    """File of the control group's counters (version 2), or a path that is not there."""
    with contextlib.suppress(OSError), open("/proc/self/cgroup", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("0::/") and line.strip() != "0::/":
                return f"/sys/fs/cgroup{line.strip()[3:]}/memory.events"
    return "/sys/fs/cgroup/memory.events"


def resident_bytes(pid: int) -> int:
    """Memory that a process and its descendants hold, without pages that came from files or are shared."""
    total = 0
    waiting = [pid]
    while waiting:
        each = waiting.pop()
        waiting += children_of(each)
        total += _anonymous_bytes(each)
    return total


def _anonymous_bytes(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
