"""One directory in memory-backed storage for all sealed tasks of a worker."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from sealflow.seal.memory import memory_root_name, require_memory_backed, start_watcher, sweep

MEMORY = Path("/dev/shm")


class MemoryRoot:
    """Gives each task a private directory; none outlives the worker, however it ends.

    A watching process of its own session holds the other end of a pipe that the worker and its tasks hold:
    when the last of them is gone, it removes everything.
    """

    def __init__(self) -> None:
        require_memory_backed(MEMORY)
        sweep()
        self._root = MEMORY / memory_root_name()
        self._root.mkdir(mode=0o700)
        self._descriptors, self.watcher = start_watcher(self._root)
        self._places: dict[str, Path] = {}

    def make(self, task: str) -> Path:
        """A new directory for a task."""
        place = self._root / secrets.token_hex(8)
        for directory in (place, place / "work", place / "tmp"):
            directory.mkdir(mode=0o700)
        self._places[task] = place
        return place

    def place(self, task: str) -> Path | None:
        """The directory of a task that has one."""
        return self._places.get(task)

    def remove(self, task: str) -> None:
        """Forget a task's directory and all that is in it."""
        place = self._places.pop(task, None)
        if place is not None:
            remove_tree(place)

    def close(self) -> None:
        """Remove everything. The watcher ends when the tasks are gone."""
        self._places.clear()
        remove_tree(self._root)
        for descriptor in self._descriptors:
            os.close(descriptor)


def remove_tree(path: Path) -> None:
    """Remove a directory, parts included that its task made read-only."""
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        for directory, _, _ in os.walk(path):
            os.chmod(directory, 0o700)
        shutil.rmtree(path, ignore_errors=True)
