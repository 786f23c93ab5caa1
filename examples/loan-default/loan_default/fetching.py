"""Finds the file behind an imported artifact, and checks it against a SHA-256."""

import hashlib
import shutil
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urldefrag, urlsplit

from loan_default.schema import DataError

LOOPBACK = ("localhost", "127.0.0.1", "::1")


@contextmanager
def local_file(uri: str, path: str, sha256: str = "") -> Iterator[str]:
    """The path of the data: the artifact's file, or a download when its URI is an address that nobody
    fetched.

    An address needs a digest, as `sha256` or at its end as `#sha256=...`. Raises DataError.
    """
    address, fragment = urldefrag(uri)
    named = fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else ""
    expected = (sha256 or named).lower()
    if sha256 and named and sha256.lower() != named.lower():
        raise DataError("data: expected one SHA-256, got two that differ")
    if urlsplit(address).scheme in ("http", "https") and not Path(path).exists():
        with tempfile.TemporaryDirectory() as directory:
            target = str(Path(directory) / "data")
            _download(address, target, expected)
            _check(target, expected)
            yield target
        return
    if not Path(path).exists():
        raise DataError(f"data: expected a file, got nothing at {uri}")
    _check(path, expected)
    yield path


def _download(address: str, target: str, expected: str) -> None:
    parts = urlsplit(address)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise DataError(f"data: expected an https address, got {address}")
    if not expected:
        raise DataError(f"data: expected a SHA-256 for {address}: add #sha256=... to it")
    try:
        with urllib.request.urlopen(address, timeout=60) as answer, Path(target).open("wb") as file:
            shutil.copyfileobj(answer, file)
    except OSError as error:
        raise DataError(f"data: expected {address} to answer, got {error}") from error


def _check(path: str, expected: str) -> None:
    if not expected:
        return
    with Path(path).open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise DataError(f"data: expected SHA-256 {expected}, got {found}")
