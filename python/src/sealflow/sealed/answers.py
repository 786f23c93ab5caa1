"""The broker's answers, held against their form before anything is done with them.

What they say of results is for whoever orders the tasks: nothing is computed from it.
"""

from __future__ import annotations

import json
from typing import Any

from sealflow.seal.check import Checker
from sealflow.seal.errors import SealError
from sealflow.sealed.errors import Refused
from sealflow.sealed.grant_content import DIGEST

Json = dict[str, Any]

_checker = Checker("SEALED_ANSWER", "the broker's answer")
_MOST = 2**31
_HINT = "somebody may have changed it on its way, or this is no broker: the attempt can be repeated"


def granted(answer: Json, path: str) -> tuple[Any, Json | None]:
    """The grant, or else what is committed for the task. Raises Refused ``SEALED_ANSWER``."""
    if answer.get("kind") == "granted":
        return answer.get("grant"), None
    return None, committed(answer, path)


def committed(answer: Json, path: str) -> Json:
    """What is committed for the task of this path. Raises Refused ``SEALED_ANSWER``."""
    try:
        members = _of_task(answer, "committed", path, ("attempt", "statement", "reused", "outputs"))
        _checker.integer(members["attempt"], "attempt", 0, 2**53 - 1)
        _checker.text(members["statement"], "statement", DIGEST)
        _truth(members["reused"], "reused")
        outputs = _checker.members(members["outputs"], "outputs", ("parameters", "artifacts"))
        for name, shown in _object(outputs["parameters"], "outputs.parameters").items():
            _check_shown(shown, f"outputs.parameters.{name}")
        for name, listed in _object(outputs["artifacts"], "outputs.artifacts").items():
            place = f"outputs.artifacts.{name}"
            for i, digest in enumerate(_checker.items(listed, place, 0, _MOST)):
                _checker.text(digest, f"{place}[{i}]", DIGEST)
        # Neither names nor values may be texts that no file can hold.
        json.dumps(outputs, ensure_ascii=False).encode()
    except (SealError, UnicodeEncodeError, RecursionError) as error:
        raise _refused(error) from None
    return answer


def failed(answer: Json, path: str) -> bool | Json:
    """Whether the task has failed for good, or what is committed for it. Raises Refused ``SEALED_ANSWER``."""
    if answer.get("kind") == "committed":
        return committed(answer, path)
    try:
        members = _of_task(answer, "failed", path, ("attempt", "final"))
        _checker.integer(members["attempt"], "attempt", 1, 2**53 - 1)
        return _truth(members["final"], "final")
    except SealError as error:
        raise _refused(error) from None


def _of_task(answer: Json, kind: str, path: str, names: tuple[str, ...]) -> Json:
    members = _checker.members(answer, "", ("kind", "path", *names))
    if members["kind"] != kind:
        _checker.fail("kind", kind)
    if members["path"] != path:
        _checker.fail("path", "this task's")
    return members


def _check_shown(value: Any, place: str) -> None:
    members = _checker.members(value, place, ("commitment", "value", "declassified"))
    _checker.text(members["commitment"], f"{place}.commitment", DIGEST)
    _truth(members["declassified"], f"{place}.declassified")


def _truth(value: Any, place: str) -> bool:
    if not isinstance(value, bool):
        _checker.fail(place, "true or false")
    return value


def _object(value: Any, place: str) -> Json:
    if not isinstance(value, dict):
        _checker.fail(place, "an object")
    return value


def _refused(error: Exception) -> Refused:
    odd = "the broker's answer: expected texts of Unicode, and few levels"
    return Refused("SEALED_ANSWER", error.message if isinstance(error, SealError) else odd, _HINT)
