"""What a worker imports ahead of its tasks: piece by piece, so that the first task need not wait for what
only later ones use."""

import contextlib
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from sealflow import imports
from sealflow.worker import processes

Json = dict[str, Any]


class _Asked:
    """One request to prepare, until all of it is done."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.imported: list[str] = []
        self.failed: list[dict[str, str]] = []
        self.open = 0


class Preparing:
    """Modules that wait to be imported, in the order in which they are wanted."""

    def __init__(self) -> None:
        self._answers: list[Json] = []
        self._waiting: deque[Callable[[], None]] = deque()
        self._known: dict[str, imports.ComponentImports] = {}
        self._tried: dict[imports.Import, tuple[list[str], list[dict[str, str]]]] = {}

    @property
    def waits(self) -> bool:
        """Whether something waits to be imported."""
        return bool(self._waiting)

    def add(self, sources: list[str], modules: list[str]) -> None:
        """Puts modules, and what sources import, behind what waits already; an answer tells of its end."""
        asked = _Asked()
        self._queue(asked, [(name, ()) for name in modules])
        for path in sources:
            asked.open += 1
            self._waiting.append(lambda path=path: self._look_into(asked, path))  # type: ignore[misc]
        if not asked.open:
            self._done(asked)

    def step(self) -> None:
        """Does the next piece."""
        if self._waiting:
            self._waiting.popleft()()

    def answers(self) -> list[Json]:
        """Events about what has been done since this was called last."""
        answers, self._answers = self._answers, []
        return answers

    def hurry(self, source: str, function: str) -> None:
        """Imports at once what one function of a source needs."""
        with contextlib.suppress(OSError, SyntaxError, ValueError, RecursionError):
            for each in self._imports_of(source).of_function(function):
                self._try(each)

    def _queue(self, asked: _Asked, wanted: list[imports.Import]) -> None:
        asked.open += len(wanted)
        # In front of other sources: what is known by name is wanted for sure.
        self._waiting.extend(lambda each=each: self._import(asked, each) for each in wanted)  # type: ignore[misc]

    def _look_into(self, asked: _Asked, path: str) -> None:
        try:
            self._queue(asked, self._imports_of(path).all())
        except (OSError, SyntaxError, ValueError, RecursionError) as error:
            asked.failed.append({"module": path, "error": f"{type(error).__name__}: {error}"})
        self._close(asked)

    def _import(self, asked: _Asked, wanted: imports.Import) -> None:
        imported, failed = self._try(wanted)
        asked.imported += imported
        asked.failed += failed
        self._close(asked)

    def _try(self, wanted: imports.Import) -> tuple[list[str], list[dict[str, str]]]:
        """Imports, once in the worker's life."""
        if wanted not in self._tried:
            self._tried[wanted] = imports.preload([wanted])
        return self._tried[wanted]

    def _imports_of(self, path: str) -> imports.ComponentImports:
        if path not in self._known:
            with open(path, "rb") as file:
                self._known[path] = imports.ComponentImports(file.read().decode("utf-8-sig"))
        return self._known[path]

    def _close(self, asked: _Asked) -> None:
        asked.open -= 1
        if not asked.open:
            self._done(asked)

    def _done(self, asked: _Asked) -> None:
        self._answers.append(
            {
                "event": "prepared",
                "imported": asked.imported,
                "failed": asked.failed,
                "seconds": round(time.monotonic() - asked.started, 6),
                "threads": processes.thread_count(),
            }
        )
