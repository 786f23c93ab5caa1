"""What runs in the enclave: evidence, grant, the component, sealed outputs, the commit.

The program takes no arguments and no variables. What the host wrote down is a locator: which task, where the
broker is, where sealed inputs lie. Code, parameters and keys come from the measured image and the grant.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sealflow import kfp_shim, sources
from sealflow.enclave.exchange import VERSION, Exchange
from sealflow.seal.digest import artifact_digest
from sealflow.seal.errors import SealError
from sealflow.sealed import in_worker, logs
from sealflow.sealed.errors import Refused

Json = dict[str, Any]

IMAGE = Path("/opt/sealflow")
# In the enclave all of it is memory of the enclave; a simulated one has nothing but the pod's.
MEMORY = Path("/run/sealflow")
SIMULATED_MEMORY = Path("/dev/shm/sealflow")


def main(image: Path = IMAGE, memory: Path | None = None) -> int:
    """Run the task; the exit code says how it ended: 0 done, 1 failed, 4 refused."""
    settings = Exchange(image).read_json(image / "enclave.json")
    exchange = Exchange(Path(settings["exchange"]))
    simulated = settings["enclave"] == "simulated"
    try:
        request = _request(exchange)
        task = _task(request, exchange, image, simulated=simulated)
    except Refused as error:
        return _end(exchange, in_worker.EXIT_REFUSED, {"type": error.code, "message": error.message})
    place = (memory or (SIMULATED_MEMORY if simulated else MEMORY)) / "task"
    for directory in (place, place / "work", place / "tmp"):
        directory.mkdir(mode=0o700, parents=True)
    task["sealed"]["memory"] = str(place)
    try:
        with _logging_to(place / logs.LOG):
            os.environ.update(task["env"])
            in_worker.run(task, task["runtime"], _loader(task))
    except in_worker.SealedEnd as end:
        return _end(exchange, end.exit_code, end.description)
    finally:
        with contextlib.suppress(Exception):
            logs.seal_log(place, str(exchange.log))
    return 0


def _loader(task: Json) -> Callable[[], Callable[..., Any]]:
    def load() -> Callable[..., Any]:
        kfp_shim.install()
        return sources.load_function(task["source"], task["function"], sources.compiled(task["source"]))

    return load


def _request(exchange: Exchange) -> Json:
    try:
        request = exchange.read_json(exchange.request)
    except (OSError, ValueError) as error:
        raise Refused("SEALED_REQUEST", f"request: expected what the shim wrote, got {error}") from None
    texts = ("broker", "runId", "path", "executor")
    if request.get("version") != VERSION or not all(isinstance(request.get(name), str) for name in texts):
        raise Refused("SEALED_REQUEST", "request: expected a broker, a run, a path and an executor")
    return request


def _task(request: Json, exchange: Exchange, image: Path, *, simulated: bool) -> Json:
    """The request of a sealed task, its code and environment from the measured image alone."""
    baked = Exchange(image).read_json(image / "components" / "components.json")
    component = baked["components"].get(request["executor"])
    if component is None:
        raise Refused(
            "SEALED_COMPONENT",
            f"executor {request['executor'][:200]}: expected one of the image, got another",
        )
    evidence: Json = {"type": "exchange", "exchange": str(exchange.root)}
    if simulated:
        quotes = request.get("quotes") or {}
        evidence = {"type": "service", **{name: quotes.get(name) for name in ("address", "token", "pin")}}
    sealed = {
        "broker": request["broker"],
        "pin": request.get("pin"),
        "runId": request["runId"],
        "path": request["path"],
        "environment": baked["environment"],
        "inputs": _digests(exchange.inputs),
        "outputs": str(exchange.outputs),
        "store": str(exchange.outputs),
        "result": str(exchange.result),
        "evidence": evidence,
    }
    if request.get("deposit") is True:
        sealed["deposit"] = str(exchange.root)
    return {
        "sealed": sealed,
        "source": str(image / "components" / component["file"]),
        "function": component["function"],
        "env": component["env"],
        "runtime": baked["runtime"],
    }


def _digests(directory: Path) -> dict[str, str]:
    """Files of the directory by the digest of the artifact in them; others are passed over."""
    found = {}
    for file in sorted(directory.iterdir()):
        with contextlib.suppress(SealError, OSError), file.open("rb") as stream:
            found[artifact_digest(stream)] = str(file)
    return found


@contextlib.contextmanager
def _logging_to(log: Path) -> Iterator[None]:
    """All that the component prints goes into memory; it leaves sealed, to those whom the grant names."""
    kept = [os.dup(1), os.dup(2)]
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, copy in enumerate(kept, start=1):
            os.dup2(copy, number)
            os.close(copy)
        os.close(descriptor)


def _end(exchange: Exchange, code: int, description: Json) -> int:
    exchange.write_json(exchange.failure, {"exitCode": code, **description})
    print(f"{description.get('type')}: {description.get('message')}", file=sys.stderr, flush=True)
    return code
