"""Packs the files that travel inside a component's source: data that it reads, a notebook that it runs."""

import base64
import gzip
import io
import tarfile
from pathlib import Path

LARGEST = 1_048_576
"""Most bytes of a packed archive: the whole pipeline must fit into one request to etcd (1.5 MiB)."""


class EmbedError(Exception):
    """A file or directory that can't travel; the message says why."""


def pack(path: Path) -> str:
    """Base64 of a gzipped tar archive: of the file, or of what is in the directory.

    The same content gives the same text: names are sorted, times and owners left out. Raises EmbedError.
    """
    if not path.exists():
        raise EmbedError(f"{path}: expected a file or directory, got nothing")
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for file in _files(path):
            name = path.name if path.is_file() else file.relative_to(path).as_posix()
            entry = tarfile.TarInfo(name)
            content = file.read_bytes()
            entry.size = len(content)
            entry.mode = 0o755 if file.stat().st_mode & 0o100 else 0o644
            archive.addfile(entry, io.BytesIO(content))
    packed = gzip.compress(plain.getvalue(), mtime=0)
    if len(packed) > LARGEST:
        raise EmbedError(f"{path}: expected at most {LARGEST} bytes when packed, got {len(packed)}")
    return base64.b64encode(packed).decode("ascii")


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = sorted(file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    if not found:
        raise EmbedError(f"{path}: expected files in the directory, got none")
    return found
