"""A task as the zygote knows it: its process, and the pipe that its failure comes through."""

import contextlib
import json
import os
from typing import Any

Json = dict[str, Any]

# An error description never fills a pipe's buffer (64 KiB on Linux), so the writer never waits.
_REPORT_SIZE = 1 << 16


class Task:
    """A running task, or one that has just ended."""

    def __init__(self, name: str, pid: int, report: int, limit: int | None) -> None:
        self.name = name
        self.pid = pid
        self.report = report
        self.limit = limit
        self.exceeded = 0
        # The engine asked for its end.
        self.unwanted = False


def failure_of(ended: Task) -> Json | None:
    """What an ended task has said of its failure, or what is known about it; None for nothing."""
    os.set_blocking(ended.report, False)
    content = b""
    with contextlib.suppress(OSError):
        while chunk := os.read(ended.report, _REPORT_SIZE):
            content += chunk
    os.close(ended.report)
    if ended.exceeded:
        return _out_of_memory(ended)
    try:
        report = json.loads(content) if content else None
    except ValueError:
        return None
    return report if isinstance(report, dict) else None


def _out_of_memory(ended: Task) -> Json:
    message = f"out of memory: the task held {ended.exceeded} bytes, its limit is {ended.limit} bytes"
    blank = {"traceback": "", "file": None, "line": None, "function": None}
    return {"kind": "memory", "type": "MemoryError", "message": message} | blank
