"""The shape of what a grant says, as strict as the broker's own."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NoReturn

from sealflow.seal.check import Checker

Json = dict[str, Any]

_checker = Checker("TRUST_DOCUMENT_MALFORMED", "grant")

BYTES32 = "[0-9a-f]{64}"
DIGEST = "sha256:[0-9a-f]{64}"
PATH = r"[^\x00-\x1f\x7f-\x9f]{1,2000}"
_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# Names become file names in memory-backed storage.
_OUTPUT = r"(?!\.\.?$)[^/\x00]{1,255}"
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
_MEMBERS = (
    *("version", "runId", "path", "attempt", "component", "parameters", "inputs", "outputs"),
    *("recipients", "broker", "release", "expiresAt"),
)


def check_content(value: Any) -> Json:
    """The content itself, when it is well-formed; else a SealError ``TRUST_DOCUMENT_MALFORMED``."""
    members = _checker.members(value, "", _MEMBERS)
    _checker.text(members["version"], "version", "sealflow.grant/v1")
    _checker.text(members["runId"], "runId", _UUID)
    _checker.text(members["path"], "path", PATH)
    _checker.integer(members["attempt"], "attempt", 1, 2**53 - 1)
    _checker.text(members["component"], "component", DIGEST)
    for name, each in _object(members["parameters"], "parameters").items():
        _check_parameter(each, f"parameters.{name}")
    for name, listed in _object(members["inputs"], "inputs").items():
        for i, each in enumerate(_checker.items(listed, f"inputs.{name}", 0, 2**31)):
            _check_input(each, f"inputs.{name}[{i}]")
    _check_outputs(members["outputs"])
    for i, key in enumerate(_checker.items(members["recipients"], "recipients", 0, 64)):
        _checker.text(key, f"recipients[{i}]", BYTES32)
    _checker.text(members["broker"], "broker", BYTES32)
    for i, name in enumerate(_checker.items(members["release"], "release", 0, 2**31)):
        _checker.text(name, f"release[{i}]", r"[\s\S]*")
    _check_time(members["expiresAt"])
    return members


def _check_parameter(value: Any, path: str) -> None:
    members = _checker.members(value, path, ("value", "salt"))
    _checker.text(members["salt"], f"{path}.salt", BYTES32)


def _check_input(value: Any, path: str) -> None:
    members = _checker.members(value, path, ("name", "type", "statement", "digest", "key", "metadata"))
    _checker.text(members["name"], f"{path}.name", r"[\s\S]*")
    _object(members["type"], f"{path}.type")
    if members["statement"] is not None:
        _checker.text(members["statement"], f"{path}.statement", DIGEST)
    _checker.text(members["digest"], f"{path}.digest", DIGEST)
    _checker.text(members["key"], f"{path}.key", BYTES32)
    _object(members["metadata"], f"{path}.metadata")


def _check_outputs(value: Any) -> None:
    members = _checker.members(value, "outputs", ("parameters", "artifacts"))
    for name, kind in _object(members["parameters"], "outputs.parameters").items():
        _checker.text(name, "outputs.parameters", _OUTPUT)
        _checker.text(kind, f"outputs.parameters.{name}", r"[\s\S]*")
    for name, each in _object(members["artifacts"], "outputs.artifacts").items():
        path = f"outputs.artifacts.{name}"
        _checker.text(name, "outputs.artifacts", _OUTPUT)
        artifact = _checker.members(each, path, ("type", "list", "metadata"))
        _object(artifact["type"], f"{path}.type")
        if not isinstance(artifact["list"], bool):
            _checker.fail(f"{path}.list", "true or false")
        _object(artifact["metadata"], f"{path}.metadata")


def _check_time(value: Any) -> None:
    text = _checker.text(value, "expiresAt", _TIME)
    try:
        datetime.fromisoformat(text)
    except ValueError:
        _no_time()


def _no_time() -> NoReturn:
    _checker.fail("expiresAt", "a time in UTC")


def _object(value: Any, path: str) -> Json:
    if not isinstance(value, dict):
        _checker.fail(path, "an object")
    return value
