"""Sealed tasks in the worker's processes: nothing but codes, ciphertext and what is released leaves."""

from __future__ import annotations

import os
import resource
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sealflow import failure
from sealflow.sealed.client import BrokerClient, JsonService
from sealflow.sealed.errors import Refused, Unreachable
from sealflow.sealed.evidence import provider_of
from sealflow.sealed.task import SealedSetting, SealedTask, TaskFailed, component_digest, write_result

Json = dict[str, Any]

EXIT_FAILED = 1
EXIT_REFUSED = 4

_WORDS = {
    "TASK_RAISED": "the component raised an exception",
    "TASK_INPUTS": "the component's inputs do not fit its signature",
    "TASK_OUTPUTS": "the component's outputs are missing or do not fit their declaration",
    "TASK_EXITED": "the component ended its process",
    "TASK_OUT_OF_MEMORY": "the component ran out of memory",
    "TASK_STORAGE_FULL": "memory-backed storage or the store is full",
}


class SealedEnd(Exception):
    """How a sealed task ended badly, in words that may leave."""

    def __init__(self, exit_code: int, description: Json) -> None:
        super().__init__(description["message"])
        self.exit_code = exit_code
        self.description = description


def run(request: Json, runtime: str, load: Callable[[], Callable[..., Any]]) -> None:
    """Run the task of this process. Raises SealedEnd."""
    sealed = request["sealed"]
    memory = Path(sealed["memory"])
    keep_in_memory(memory)
    try:
        service = JsonService(sealed["broker"], ca_file=sealed.get("caFile"), pin=sealed.get("pin"))
        broker = BrokerClient(service, sealed["runId"])
        setting = SealedSetting(
            sealed["path"],
            component_digest(
                Path(request["source"]).read_bytes(),
                request["function"],
                sealed["environment"],
                runtime,
                request.get("env") or {},
            ),
            sealed["inputs"],
            Path(sealed["outputs"]),
            Path(sealed["store"]),
            memory,
            _deposit_of(sealed),
        )
        result = SealedTask(broker, provider_of(sealed["evidence"]), setting).run(load)
        write_result(sealed["result"], result)
    except TaskFailed as failed:
        _show(failed.__cause__, request["source"])
        words = _WORDS.get(failed.code, "the component failed")
        raise SealedEnd(EXIT_FAILED, _described(failed.code, words, final=failed.final)) from None
    except Unreachable as error:
        raise SealedEnd(EXIT_FAILED, _described(error.code, error.message)) from None
    except Refused as error:
        raise SealedEnd(EXIT_REFUSED, _described(error.code, error.message, refused=True)) from None
    except BaseException as error:
        # Its text may hold anything: it stays in the sealed log.
        _show(error, request["source"])
        words = f"the runtime met an unexpected {type(error).__name__}"
        raise SealedEnd(EXIT_FAILED, _described("SEALED_RUNTIME", words)) from None


def _deposit_of(sealed: Json) -> Callable[[Mapping[str, list[str]]], None] | None:
    place = sealed.get("deposit")
    if place is None:
        return None
    from sealflow.enclave.exchange import Exchange

    return Exchange(Path(place)).have_kept


def _described(code: str, message: str, **more: bool) -> Json:
    blank = {"traceback": None, "file": None, "line": None, "function": None}
    return {"kind": "sealed", "type": code, "message": message, **blank, **more}


def _show(error: BaseException | None, source: str) -> None:
    """The traceback, in the log that will be sealed."""
    if error is not None:
        failure.print_to_log(failure.describe(error, source))


def keep_in_memory(memory: Path) -> None:
    """Keep what this process writes by the usual ways off the disk: work, temporary files, core dumps."""
    os.chdir(memory / "work")
    for name in ("TMPDIR", "TEMP", "TMP", "JOBLIB_TEMP_FOLDER"):
        os.environ[name] = str(memory / "tmp")
    tempfile.tempdir = None
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
