"""Sealing to files and reading from them; plaintext stays in memory."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sealflow.seal.artifact import SealedReader, SealedWriter, SealSettings, Unlock
from sealflow.seal.errors import SealError


@contextmanager
def sealed_file(
    path: str | os.PathLike[str], recipients: Iterable[bytes], settings: SealSettings | None = None
) -> Iterator[SealedWriter]:
    """A writer whose artifact appears at `path` when the block ends, whole or not at all.

    It replaces a file that is there. Until then the bytes, sealed, are in a file beside it whose name ends in
    ``.partial``.
    """
    target = Path(path)
    partial = target.with_name(f".{target.name}.{secrets.token_hex(6)}.partial")
    try:
        with partial.open("xb") as file:
            with SealedWriter(file, recipients, settings) as writer:
                yield writer
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    _sync_directory(target.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def open_sealed(
    path: str | os.PathLike[str], unlock: Unlock, *, lineage: Mapping[str, str] | None = None
) -> Iterator[SealedReader]:
    """A seekable file over the plaintext, for libraries that read file objects (pandas, pyarrow, joblib)."""
    try:
        file = Path(path).open("rb")  # noqa: SIM115 closed by the with below; opening is what may fail
    except OSError as error:
        message = f"{path}: expected a readable file, got {error.strerror}"
        raise SealError("SEAL_FILE_UNREADABLE", message) from error
    with file, SealedReader(file, unlock, lineage=lineage) as reader:
        yield reader
