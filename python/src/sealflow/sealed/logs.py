"""Logs of sealed tasks: kept in memory while the task runs, sealed when it has ended."""

from __future__ import annotations

import json
import os
from pathlib import Path

from sealflow.seal.artifact import SealSettings
from sealflow.seal.streams import seal_stream

_RECIPIENTS = "recipients.json"
LOG = "log"


def allow_log(memory: Path, recipients: list[bytes], lineage: dict[str, str]) -> None:
    """Say, once the grant is open, to whom this attempt's log may be sealed. Without it no log leaves."""
    content = {"recipients": [each.hex() for each in recipients], "lineage": lineage}
    (memory / _RECIPIENTS).write_text(json.dumps(content), encoding="utf-8")


def seal_log(memory: Path, target: str) -> None:
    """Seal the attempt's log, when there is one and a grant has said to whom."""
    allowed, log = memory / _RECIPIENTS, memory / LOG
    if not allowed.exists() or not log.exists() or log.stat().st_size == 0:
        return
    content = json.loads(allowed.read_text(encoding="utf-8"))
    recipients = [bytes.fromhex(each) for each in content["recipients"]]
    partial = f"{target}.partial"
    with log.open("rb") as plain, open(partial, "wb") as sealed:
        seal_stream(plain, sealed, recipients, SealSettings(lineage=content["lineage"]))
    os.replace(partial, target)
