"""The pod's program outside the enclave: says which task it is, starts the enclave, carries ciphertext.

It is not measured and not trusted. It sees locators, sealed artifacts, quotes, and what the broker shows.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealflow.artifacts import local_path_of
from sealflow.enclave.collateral import AZURE_THIM, CollateralError, CollateralService, platform_of
from sealflow.enclave.depot import Depot, depot_of
from sealflow.enclave.exchange import VERSION, Exchange
from sealflow.enclave.place import task_path
from sealflow.transfer import TransferError

Json = dict[str, Any]

IMAGE = Path("/opt/sealflow")
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_REFUSED = 4

LOG_BEGIN = "-----BEGIN SEALFLOW LOG-----"
LOG_END = "-----END SEALFLOW LOG-----"
_LOG_COLUMNS = 4096
_LARGEST_LOG = 8 * 1024 * 1024

_MENDS = {
    126: "gramine-sgx can't be started in this image",
    127: "the image has no gramine-sgx: take a base image with Gramine",
}


def main(arguments: Sequence[str] | None = None, image: Path = IMAGE) -> int:
    """Run the task of this pod. Exit codes: 0 done, 1 failed, 2 usage, 4 refused by evidence or policy."""
    options = _options(arguments)
    settings = Exchange(image).read_json(image / "enclave.json")
    exchange = Exchange(Path(settings["exchange"]))
    try:
        executor_input = json.loads(options.executor_input)
        request = _request(options, os.environ)
        exchange.prepare()
        _bring_inputs(executor_input, exchange)
    except (ValueError, OSError) as error:
        return _say("ENCLAVE_REQUEST", str(error), EXIT_USAGE)
    depot = depot_of(options.depot, os.environ)
    exchange.write_json(exchange.request, request | ({"deposit": True} if depot else {}))
    code = _enclave(settings, exchange, Services(CollateralService(options.collateral), depot))
    _show_log(exchange)
    if code != 0:
        return _failed(code, exchange)
    try:
        _take_outputs(executor_input, exchange, depot)
    except (AttributeError, KeyError, TypeError) as error:
        # The enclave has checked the answer's form, but not against what the executor input asks for.
        words = "expected what the executor input asks for among what the broker committed"
        message = f"SEALED_ANSWER: outputs: {words}, got another form ({error!r})"
        return _say("ENCLAVE_OUTPUTS", message, EXIT_FAILED)
    except (ValueError, OSError) as error:
        return _say("ENCLAVE_OUTPUTS", f"outputs: {error}", EXIT_FAILED)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="sealflow-enclave", description="Runs a confidential task in its enclave."
    )
    parser.add_argument("--executor-input", required=True, help="KFP's executor input")
    parser.add_argument("--executor", required=True, help="which component of the image")
    parser.add_argument("--broker", required=True, help="address of the data owner's broker")
    parser.add_argument("--broker-pin", help="SHA-256 of the broker's certificate key, hex")
    parser.add_argument("--run", help="run id that the broker issued (else SEALFLOW_RUN)")
    parser.add_argument("--path", help="path of the task (else SEALFLOW_TASK_PATH, else by Argo's node name)")
    parser.add_argument("--collateral", default=AZURE_THIM, help="service for collateral (PCS API v4)")
    parser.add_argument("--depot", help="directory that outlives this pod, for outputs before they count")
    parser.add_argument("--quotes", help="quoting service of a simulated enclave")
    parser.add_argument("--quotes-token", help="what the quoting service knows this task by")
    parser.add_argument("--quotes-pin", help="SHA-256 of the quoting service's certificate key, hex")
    return parser.parse_args(arguments)


def _request(options: argparse.Namespace, environment: Mapping[str, str]) -> Json:
    run = options.run or environment.get("SEALFLOW_RUN")
    if not run:
        raise ValueError("run: expected --run or SEALFLOW_RUN: the id that the broker issued for this run")
    path = options.path or environment.get("SEALFLOW_TASK_PATH")
    if not path:
        node = environment.get("SEALFLOW_WORKFLOW_NODE")
        if not node:
            raise ValueError("task: expected --path, SEALFLOW_TASK_PATH or SEALFLOW_WORKFLOW_NODE")
        path = task_path(node)
    request: Json = {
        "version": VERSION,
        "broker": options.broker,
        "runId": run,
        "path": path,
        "executor": options.executor,
    }
    if options.broker_pin:
        request["pin"] = options.broker_pin
    if options.quotes:
        quotes = {"address": options.quotes, "token": options.quotes_token or ""}
        request["quotes"] = quotes | ({"pin": options.quotes_pin} if options.quotes_pin else {})
    return request


def _artifacts(executor_input: Json, side: str) -> list[tuple[str, Json]]:
    listed = (executor_input.get(side) or {}).get("artifacts") or {}
    return [
        (name, artifact)
        for name, group in listed.items()
        for artifact in (group or {}).get("artifacts") or []
    ]


def _file_of(artifact: Json) -> Path:
    return Path(artifact.get("customPath") or local_path_of(artifact.get("uri", "")))


def _bring_inputs(executor_input: Json, exchange: Exchange) -> None:
    """Sealed inputs into the exchange. A missing one is for the enclave to complain of."""
    for index, (_, artifact) in enumerate(_artifacts(executor_input, "inputs")):
        file = _file_of(artifact)
        if file.is_file():
            _carry(file, exchange.inputs / str(index))


def _carry(source: Path, target: Path) -> None:
    """A second name where that is possible, else a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _command(settings: Json) -> list[str]:
    if settings["enclave"] == "simulated":
        return [sys.executable, "-I", "-B", settings["application"]]
    # No arguments: the enclave's are in its manifest, and Gramine would refuse these.
    return ["gramine-sgx", settings["application"]]


@dataclass
class Services:
    """What the shim does for the enclave while it runs, each once."""

    collateral: CollateralService
    depot: Depot | None
    answered: bool = False
    kept: bool = False

    def serve(self, exchange: Exchange) -> None:
        """Answer what is asked."""
        if not self.answered and exchange.quote.exists():
            self.answered = True
            _answer(exchange, self.collateral)
        if not self.kept and self.depot is not None and exchange.deposit.exists():
            self.kept = True
            _keep(exchange, self.depot)


def _enclave(settings: Json, exchange: Exchange, services: Services) -> int:
    try:
        process = subprocess.Popen(_command(settings), stdin=subprocess.DEVNULL)
    except OSError as error:
        return 127 if isinstance(error, FileNotFoundError) else 126
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signum, _: process.send_signal(signum))
    while process.poll() is None:
        services.serve(exchange)
        time.sleep(0.02)
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


def _answer(exchange: Exchange, service: CollateralService) -> None:
    try:
        collateral = service.fetch(platform_of(exchange.quote.read_bytes()))
        exchange.write_json(exchange.collateral, {"collateral": collateral})
    except (CollateralError, ValueError) as error:
        exchange.write_json(exchange.collateral, {"error": str(error)})


def _keep(exchange: Exchange, depot: Depot) -> None:
    try:
        for output, digests in exchange.read_json(exchange.deposit)["artifacts"].items():
            for digest in digests[:1]:
                depot.keep(output, digest, exchange.output(digest))
        exchange.write_json(exchange.deposited, {"kept": True})
    except (OSError, ValueError, KeyError, TransferError) as error:
        exchange.write_json(exchange.deposited, {"error": str(error)})


def _show_log(exchange: Exchange) -> None:
    """The sealed log as text, for whoever holds a key of the run's recipients and can read this pod's log."""
    if not exchange.log.is_file():
        return
    content = exchange.log.read_bytes()
    if len(content) > _LARGEST_LOG:
        print(f"sealed log: {len(content)} bytes, too many to be shown here", file=sys.stderr, flush=True)
        return
    text = base64.b64encode(content).decode()
    lines = [text[start : start + _LOG_COLUMNS] for start in range(0, len(text), _LOG_COLUMNS)]
    print("\n".join([LOG_BEGIN, *lines, LOG_END]), file=sys.stderr, flush=True)


def _failed(code: int, exchange: Exchange) -> int:
    try:
        described = exchange.read_json(exchange.failure)
    except (OSError, ValueError):
        mend = _MENDS.get(code, "it did not say why: is there a node with SGX, enough EPC, and aesmd?")
        return _say(
            "ENCLAVE_START", f"enclave: expected it to run, got exit code {code}; {mend}", EXIT_FAILED
        )
    refused = described.get("exitCode") == EXIT_REFUSED
    message = f"{described.get('type')}: {described.get('message')}"
    return _say(
        "ENCLAVE_REFUSED" if refused else "ENCLAVE_FAILED", message, EXIT_REFUSED if refused else EXIT_FAILED
    )


def _take_outputs(executor_input: Json, exchange: Exchange, depot: Depot | None) -> None:
    """What is committed, to where KFP looks for it: shown parameters, and artifacts as ciphertext."""
    result = exchange.read_json(exchange.result)
    committed = result["committed"]["outputs"]
    outputs = executor_input.get("outputs") or {}
    values: Json = {}
    for name, where in (outputs.get("parameters") or {}).items():
        shown = committed["parameters"][name]["value"]
        values[name] = shown
        file = Path(where["outputFile"])
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(shown if isinstance(shown, str) else json.dumps(shown), encoding="utf-8")
    for name, artifact in _artifacts(executor_input, "outputs"):
        for digest in committed["artifacts"].get(name, [])[:1]:
            _deliver(_file_of(artifact), (name, digest), exchange, depot)
    place = outputs.get("outputFile")
    if place:
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        Path(place).write_text(json.dumps({"parameterValues": values}), encoding="utf-8")


def _deliver(target: Path, artifact: tuple[str, str], exchange: Exchange, depot: Depot | None) -> None:
    """The sealed artifact: of this attempt, or of an earlier one by the depot, or else its name."""
    output, digest = artifact
    source = exchange.output(digest)
    if source.is_file():
        _carry(source, target)
        return
    if depot is not None and depot.bring(output, digest, target):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps({"version": "sealflow.reference/v1", "digest": digest}), encoding="utf-8")


def _say(code: str, message: str, exit_code: int) -> int:
    print(f"error[{code}]: {message}", file=sys.stderr, flush=True)
    return exit_code
