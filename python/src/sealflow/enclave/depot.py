"""Where the shim keeps sealed outputs before they are committed: a later attempt has them when this pod dies.

What it holds is ciphertext, named by the digest that the commit names; nobody believes it anything.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from sealflow import pod, transfer
from sealflow.seal.digest import artifact_digest
from sealflow.seal.errors import SealError

Json = dict[str, Any]

# A file of this kind says where a pod's outputs go: names, addresses to write, addresses to read.
DEPOT_VARIABLE = "SEALFLOW_DEPOT"


class Depot(Protocol):
    """Keeps sealed artifacts beyond the life of a pod."""

    def keep(self, output: str, digest: str, file: Path) -> None:
        """Keep an artifact. Raises OSError, TransferError."""

    def bring(self, output: str, digest: str, target: Path) -> bool:
        """Put an artifact that is kept here to a place; False when there is none."""


class DirectoryDepot:
    """A directory that outlives the pod: a mounted volume claim. Artifacts lie under their digests."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def keep(self, output: str, digest: str, file: Path) -> None:
        """Copy the artifact, durably, unless it is there already."""
        target = self._place(digest)
        if target.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
        with file.open("rb") as source, partial.open("wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
            copy.flush()
            os.fsync(copy.fileno())
        os.replace(partial, target)

    def bring(self, output: str, digest: str, target: Path) -> bool:
        """Copy the artifact of a digest to the target."""
        source = self._place(digest)
        if not source.is_file():
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        return _is(target, digest)

    def _place(self, digest: str) -> Path:
        name = digest.removeprefix("sha256:")
        return self._root / name[:2] / name


class AddressDepot:
    """Signed addresses of an object store: places to write outputs once, and those of earlier attempts."""

    def __init__(self, file: Path) -> None:
        settings = json.loads(file.read_text(encoding="utf-8"))
        self._outputs: Json = settings["outputs"]
        self._kept = Path(settings["kept"])

    def keep(self, output: str, digest: str, file: Path) -> None:
        """Write the artifact to the first free place of its output, and note which one that is.

        Another pod of the same attempt, on a node that was given up, may have committed what it wrote:
        nothing is written over.
        """
        self._note(output, transfer.write_to_free(self._outputs[output]["put"], str(file), output), file)

    def bring(self, output: str, digest: str, target: Path) -> bool:
        """Read what earlier attempts wrote for the output, until it is the artifact."""
        for address in self._outputs.get(output, {}).get("earlier", []):
            with contextlib.suppress(transfer.TransferError, OSError):
                pod.fetch({**address, "path": str(target), "packed": False})
                if _is(target, digest):
                    self._note(output, address, target)
                    return True
        target.unlink(missing_ok=True)
        return False

    def _note(self, output: str, place: Json, file: Path) -> None:
        note = {"uri": place["uri"], "digest": transfer.digest_of(str(file))}
        self._kept.write_text(json.dumps(pod.kept(str(self._kept)) | {output: note}), encoding="utf-8")


def depot_of(directory: str | None, environment: Mapping[str, str]) -> Depot | None:
    """The depot of this pod, if it has one."""
    if directory:
        return DirectoryDepot(Path(directory))
    file = environment.get(DEPOT_VARIABLE)
    return AddressDepot(Path(file)) if file else None


def _is(file: Path, digest: str) -> bool:
    try:
        with file.open("rb") as stream:
            return artifact_digest(stream) == digest
    except (OSError, SealError):
        return False
