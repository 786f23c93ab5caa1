"""The directory that enclave and host share. The host can read and change all of it at any time."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

Json = dict[str, Any]

VERSION = "sealflow.enclave-request/v1"
_LARGEST = 64 * 1024 * 1024


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
        value = json.loads(content) if len(content) <= _LARGEST else None
        if not isinstance(value, dict):
            raise ValueError(f"{file.name}: expected a JSON object")
        return value

    def wait_for(self, file: Path, seconds: float) -> bool:
        """True when the file has come in time."""
        deadline = time.monotonic() + seconds
        while not file.exists():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        return True
