"""Decodes and checks the lines that the worker is sent."""

import json
from typing import Any

OPERATIONS = ("prepare", "run", "kill", "shutdown")
SIGNALS = ("TERM", "KILL")


class Refused(Exception):
    """A request that can't be served; `task` names the task where the request did."""

    def __init__(self, reason: str, task: str | None = None) -> None:
        super().__init__(reason)
        self.task = task


def parse(line: bytes) -> dict[str, Any]:
    """A checked request; raises Refused with what is wrong."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Refused(f"line: expected a JSON object, got {error}") from error
    if not isinstance(request, dict):
        raise Refused(f"line: expected a JSON object, got {type(request).__name__}")
    task = request.get("task") if isinstance(request.get("task"), str) else None
    operation = request.get("op")
    if operation not in OPERATIONS:
        raise Refused(f"op: expected one of {', '.join(OPERATIONS)}, got {operation!r}", task)
    try:
        _CHECKS[operation](request)
    except Refused as refusal:
        raise Refused(str(refusal), task) from refusal
    return request


def _check_prepare(request: dict[str, Any]) -> None:
    sources = request.setdefault("sources", [])
    modules = request.setdefault("modules", [])
    if not isinstance(sources, list) or not all(isinstance(each, dict) for each in sources):
        raise Refused("sources: expected a list of objects with a path")
    if not all(isinstance(each.get("path"), str) for each in sources):
        raise Refused("sources: expected each to have a path")
    if not isinstance(modules, list) or not all(isinstance(each, str) for each in modules):
        raise Refused("modules: expected a list of names")
    request["sources"] = [each["path"] for each in sources]


def _check_run(request: dict[str, Any]) -> None:
    if request.get("command") is not None:
        _check_command(request["command"])
        request.setdefault("source", None)
    else:
        _check_component(request)
    for key in ("task", "log"):
        _text(request, key)
    if request.get("directory") is not None:
        _text(request, "directory")
    for key in ("threads", "memoryLimitBytes", "processors"):
        _count(request, key)
    _environment(request.get("env"))
    _mounts(request)
    _sealed(request)


def _check_component(request: dict[str, Any]) -> None:
    if request.get("module") is None:
        _text(request, "source")
    else:
        _text(request, "module")
        request.setdefault("source", None)
    _text(request, "function")
    if not isinstance(request.get("executorInput"), dict):
        raise Refused(f"executorInput: expected an object, got {request.get('executorInput')!r}")


def _check_command(command: Any) -> None:
    words = command if isinstance(command, list) else []
    if not words or not all(isinstance(word, str) and "\0" not in word for word in words):
        raise Refused(f"command: expected a list of words, got {command!r}")


def _mounts(request: dict[str, Any]) -> None:
    mounts = request.get("mounts")
    if not mounts:
        return
    if not isinstance(mounts, list) or not all(isinstance(each, dict) for each in mounts):
        raise Refused(f"mounts: expected a list of objects, got {mounts!r}")
    for each in mounts:
        _text(each, "path")
        _text(each, "source")
    _text(request, "mountRoot")


def _sealed(request: dict[str, Any]) -> None:
    sealed = request.get("sealed")
    if sealed is None:
        return
    if not isinstance(sealed, dict) or request.get("command") or request.get("module"):
        raise Refused("sealed: expected an object, and a component's source")
    for key in ("broker", "runId", "path", "environment", "outputs", "store", "result"):
        if not isinstance(sealed.get(key), str):
            raise Refused(f"sealed.{key}: expected a text, got {sealed.get(key)!r}")
    if not isinstance(sealed.get("inputs"), dict) or not isinstance(sealed.get("evidence"), dict):
        raise Refused("sealed: expected inputs and evidence to be objects")


def _check_kill(request: dict[str, Any]) -> None:
    _text(request, "task")
    if request.setdefault("signal", "TERM") not in SIGNALS:
        raise Refused(f"signal: expected TERM or KILL, got {request['signal']!r}")


def _check_nothing(request: dict[str, Any]) -> None:
    """A request without fields."""


def _text(request: dict[str, Any], key: str) -> None:
    value = request.get(key)
    if not isinstance(value, str) or not value or "\0" in value:
        raise Refused(f"{key}: expected a text, got {value!r}")


def _count(request: dict[str, Any], key: str) -> None:
    value = request.get(key)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise Refused(f"{key}: expected a whole number above 0 or null, got {value!r}")


def _environment(env: Any) -> None:
    if env is None:
        return
    if not isinstance(env, dict):
        raise Refused(f"env: expected an object, got {env!r}")
    for name, value in env.items():
        if not isinstance(value, str) or not name or "=" in name or "\0" in name + value:
            raise Refused(f"env: expected names and texts that a process can have, got {name!r}: {value!r}")


_CHECKS = {"prepare": _check_prepare, "run": _check_run, "kill": _check_kill, "shutdown": _check_nothing}
