"""What this runtime is, by content: part of what a sealed component's digest covers."""

from __future__ import annotations

import hashlib
from pathlib import Path

import sealflow
from sealflow.seal.canonical import canonical_json


def runtime_digest(package: Path | None = None) -> str:
    """The digest of every Python file of this package, by its path in it."""
    root = package or Path(sealflow.__file__).parent
    files = {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*.py")
    }
    content = canonical_json({"version": "sealflow.runtime/v1", "files": files})
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
