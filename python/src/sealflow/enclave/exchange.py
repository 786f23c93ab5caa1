"""The directory that enclave and host share. The host can read and change all of it at any time."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sealflow.sealed.errors import Unreachable

Json = dict[str, Any]

VERSION = "sealflow.enclave-request/v1"
_LARGEST = 64 * 1024 * 1024
# Large artifacts over a slow network; a pod's own deadline is usually shorter.
_DEPOSIT_SECONDS = 3600.0


class Exchange:
    """Names of the files in the directory, and how they are written: whole or not at all."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.request = root / "request.json"
        self.result = root / "result.json"
        self.failure = root / "failure.json"
        self.quote = root / "quote"
        self.collateral = root / "collateral.json"
        self.inputs = root / "inputs"
        self.outputs = root / "outputs"
        self.log = root / "log.sealed"
        self.deposit = root / "deposit.json"
        self.deposited = root / "deposited.json"

    def output(self, digest: str) -> Path:
        """Where a sealed output of this attempt lies."""
        name = digest.removeprefix("sha256:")
        return self.outputs / name[:2] / name

    def prepare(self) -> None:
        """Empty the directory, as a new attempt needs it. It may be a mount, and stays itself."""
        self.root.mkdir(parents=True, exist_ok=True)
        for entry in self.root.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        self.inputs.mkdir()
        self.outputs.mkdir()

    def write(self, file: Path, content: bytes) -> None:
        """Write a file so that nobody sees half of it."""
        partial = file.with_name(f"{file.name}.partial")
        partial.write_bytes(content)
        os.replace(partial, file)

    def write_json(self, file: Path, value: Json) -> None:
        """Write an object."""
        self.write(file, json.dumps(value, separators=(",", ":")).encode())

    def read_json(self, file: Path) -> Json:
        """Read an object. Raises ValueError for anything else, OSError when there is no file."""
        with file.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
        try:
            value = json.loads(content) if len(content) <= _LARGEST else None
        except RecursionError:
            value = None
        if not isinstance(value, dict):
            raise ValueError(f"{file.name}: expected a JSON object")
        return value

    def have_kept(self, artifacts: Mapping[str, list[str]]) -> None:
        """Have the shim keep sealed outputs where the next attempt finds them. Raises Unreachable."""
        self.write_json(self.deposit, {"artifacts": dict(artifacts)})
        if not self.wait_for(self.deposited, _DEPOSIT_SECONDS):
            raise _unkept("no answer in time")
        try:
            answer = self.read_json(self.deposited)
        except (OSError, ValueError) as error:
            raise _unkept(str(error)) from None
        if answer.get("kept") is not True:
            raise _unkept(str(answer.get("error", "none"))[:500])

    def wait_for(self, file: Path, seconds: float) -> bool:
        """True when the file has come in time."""
        deadline = time.monotonic() + seconds
        while not file.exists():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        return True


def _unkept(got: str) -> Unreachable:
    return Unreachable(
        "SEALED_DEPOSIT",
        f"depot: expected the sealed outputs to be kept before they are committed, got {got}",
        "the attempt can be repeated",
    )
