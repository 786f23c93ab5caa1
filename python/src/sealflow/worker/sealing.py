"""What the worker does around sealed tasks: places in memory, and logs that leave as ciphertext."""

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sealflow.sealed.memory_root import MemoryRoot

Json = dict[str, Any]


class Sealing:
    """Serves the sealed tasks of one worker; loads what they need once, before the first is forked.

    `packages` is a directory of packages for environments that lack `cryptography`.
    """

    def __init__(self, packages: str | None) -> None:
        if packages and packages not in sys.path:
            # At the end: what the environment itself has comes first.
            sys.path.append(packages)
        from sealflow.sealed import in_worker, memory_root, runtime

        self._in_worker = in_worker
        self._root: MemoryRoot = memory_root.MemoryRoot()
        self._runtime = runtime.runtime_digest()
        self._logs: dict[str, str] = {}

    def admit(self, request: Json) -> None:
        """Completes a request with the task's place and the runtime's digest."""
        place = self._root.make(request["task"])
        request["sealed"]["memory"] = str(place)
        request["memoryLog"] = str(place / "log")
        request["directory"] = str(place / "work")
        request["runtime"] = self._runtime
        self._logs[request["task"]] = request["log"]

    def finish(self, task: str) -> None:
        """Seals the log of a task that has ended, however it ended, and forgets its memory."""
        place = self._root.place(task)
        log = self._logs.pop(task, None)
        if place is None or log is None:
            return
        from sealflow.sealed import logs

        # A log that can't be sealed is lost: it never leaves otherwise.
        with contextlib.suppress(Exception):
            logs.seal_log(Path(place), log)
        self._root.remove(task)

    def close(self) -> None:
        """Forgets everything."""
        for task in list(self._logs):
            self.finish(task)
        self._root.close()
