"""Directories as archives in their one form: docs/reference/sealed-artifact.md, "Directories"."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from sealflow.seal.errors import SealError

_BLOCK = 512
_NAME = 100
_LARGEST_OCTAL = 8**11 - 1
_LONGEST_PATH = 4096
_PIECE = 1 << 20


class Entry(NamedTuple):
    """A file or directory of an archive."""

    path: str
    directory: bool
    executable: bool
    size: int

    @property
    def archived(self) -> bytes:
        """How the path stands in the archive, and what entries are ordered by."""
        return (self.path + ("/" if self.directory else "")).encode()


def _malformed(expected: str, got: str) -> SealError:
    return SealError("SEAL_ARCHIVE_MALFORMED", f"sealed directory: expected {expected}, got {got}")


def encode_entry(entry: Entry) -> bytes:
    """The header blocks of an entry."""
    path = entry.archived
    records = _record(b"path", path) if len(path) > _NAME else b""
    large = entry.size > _LARGEST_OCTAL
    records += _record(b"size", b"%d" % entry.size) if large else b""
    mode = 0o755 if entry.directory or entry.executable else 0o644
    own = _block(path[:_NAME], mode, 0 if large else entry.size, b"5" if entry.directory else b"0")
    if not records:
        return own
    return _block(b"PaxHeader", 0o644, len(records), b"x") + records + _padding(len(records)) + own


def _record(key: bytes, value: bytes) -> bytes:
    rest = b" %b=%b\n" % (key, value)
    length = len(rest) + 1
    while len(b"%d" % length) + len(rest) != length:
        length = len(b"%d" % length) + len(rest)
    return b"%d" % length + rest


def _octal(value: int, digits: int) -> bytes:
    return b"%0*o" % (digits, value)


def _block(name: bytes, mode: int, size: int, kind: bytes) -> bytes:
    block = bytearray(_BLOCK)
    for offset, field in (
        (0, name),
        (100, _octal(mode, 7)),
        (108, _octal(0, 7)),
        (116, _octal(0, 7)),
        (124, _octal(size, 11)),
        (136, _octal(0, 11)),
        (148, b" " * 8),
        (156, kind),
        (257, b"ustar\x0000"),
        (329, _octal(0, 7)),
        (337, _octal(0, 7)),
    ):
        block[offset : offset + len(field)] = field
    block[148:156] = _octal(sum(block), 6) + b"\0 "
    return bytes(block)


def _padding(length: int) -> bytes:
    return bytes(-length % _BLOCK)


def write_archive(directory: Path, target: BinaryIO) -> None:
    """Write the archive of a directory. Links, devices and sockets are refused with ``SEAL_SOURCE_KIND``."""
    for entry in sorted(_entries(directory, ""), key=lambda each: each.archived):
        target.write(encode_entry(entry))
        if not entry.directory:
            _copy_file(directory / entry.path, entry.size, target)
            target.write(_padding(entry.size))
    target.write(bytes(2 * _BLOCK))


def _entries(root: Path, below: str) -> Iterator[Entry]:
    for name in os.listdir(root / below):
        path = f"{below}/{name}" if below else name
        status = os.lstat(root / path)
        if stat.S_ISDIR(status.st_mode):
            yield Entry(path, True, False, 0)
            yield from _entries(root, path)
        elif stat.S_ISREG(status.st_mode):
            yield Entry(path, False, bool(status.st_mode & 0o100), status.st_size)
        else:
            raise SealError("SEAL_SOURCE_KIND", f"{path}: expected a file or directory, got a link or device")


def _copy_file(path: Path, size: int, target: BinaryIO) -> None:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            size -= len(piece)
            target.write(piece)
    if size:
        raise SealError("SEAL_SOURCE_CHANGED", f"{path}: expected a file that keeps its size")


class ArchiveReader:
    """A writable stream that unpacks the archive written to it. Call `close` at its end."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._pending = bytearray()
        self._seen = {""}
        self._previous: Entry | None = None
        self._file: BinaryIO | None = None
        self._left = 0
        self._filling = 0
        self._zeros = 0
        root.mkdir(mode=0o700, parents=True)

    def write(self, data: bytes) -> int:
        """Take the next bytes."""
        self._pending += data
        while self._step():
            pass
        return len(data)

    def _step(self) -> bool:
        if self._left:
            return self._take_content()
        if self._filling:
            return self._take_filling()
        if self._zeros:
            return self._take_end()
        return self._take_header()

    def _take_content(self) -> bool:
        piece = self._pending[: self._left]
        if not piece:
            return False
        if self._file is not None:
            self._file.write(piece)
        del self._pending[: len(piece)]
        self._left -= len(piece)
        if not self._left:
            self._end_file()
        return True

    def _end_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _take_filling(self) -> bool:
        if len(self._pending) < self._filling:
            return False
        if any(self._pending[: self._filling]):
            raise _malformed("zeros after a file", "other bytes")
        del self._pending[: self._filling]
        self._filling = 0
        return True

    def _take_end(self) -> bool:
        if self._zeros > 2 * _BLOCK or any(self._pending):
            raise _malformed("two blocks of zeros at the end", "something else")
        self._zeros += len(self._pending)
        self._pending.clear()
        return False

    def _take_header(self) -> bool:
        if len(self._pending) < _BLOCK:
            return False
        if not any(self._pending[:_BLOCK]):
            self._zeros = _BLOCK
            del self._pending[:_BLOCK]
            return True
        taken = decode_entry(bytes(self._pending))
        if taken is None:
            return False
        entry, length = taken
        del self._pending[:length]
        self._start(entry)
        return True

    def _start(self, entry: Entry) -> None:
        if self._previous is not None and self._previous.archived >= entry.archived:
            raise _malformed("paths in ascending order, none twice", repr(entry.path))
        if entry.path.rpartition("/")[0] not in self._seen:
            raise _malformed("a directory before what is in it", repr(entry.path))
        self._previous = entry
        place = self._root / entry.path
        if entry.directory:
            self._seen.add(entry.path)
            place.mkdir(mode=0o755)
            return
        descriptor = os.open(
            place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755 if entry.executable else 0o644
        )
        self._file = os.fdopen(descriptor, "wb")
        self._left = entry.size
        self._filling = -entry.size % _BLOCK
        if not self._left:
            self._end_file()

    def close(self) -> None:
        """Check that the archive was whole."""
        self._end_file()
        if self._left or self._filling or self._pending or self._zeros != 2 * _BLOCK:
            raise _malformed("a whole archive", "its beginning")


def decode_entry(data: bytes) -> tuple[Entry, int] | None:
    """The entry that a header at the start of `data` describes, and its length; None when more is needed."""
    first = data[:_BLOCK]
    if first[156:157] != b"x":
        return _same(_entry(first, {}), first)
    length = _number(first[124:135])
    if length > _LONGEST_PATH + 64:
        raise _malformed("an extended header of a path and a size", f"{length} bytes")
    end = 2 * _BLOCK + length + (-length % _BLOCK)
    if len(data) < end:
        return None
    entry = _entry(data[end - _BLOCK : end], _records(data[_BLOCK : _BLOCK + length]))
    return _same(entry, data[:end])


def _same(entry: Entry, got: bytes) -> tuple[Entry, int]:
    if encode_entry(entry) != got:
        raise _malformed("headers in their one spelling", f"another one at {entry.path!r}")
    return entry, len(got)


def _entry(block: bytes, records: dict[bytes, bytes]) -> Entry:
    kind = block[156:157]
    if kind not in (b"0", b"5"):
        raise _malformed("files and directories", f"an entry of type {kind!r}")
    name = _decoded(records.get(b"path", block[:_NAME].partition(b"\0")[0]))
    path = name.removesuffix("/") if kind == b"5" else name
    _require_safe(path)
    size = _number(records.get(b"size", block[124:135]), 10 if b"size" in records else 8)
    executable = kind == b"0" and block[100:107] == b"0000755"
    return Entry(path, kind == b"5", executable, size)


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise _malformed("paths in UTF-8", "other bytes") from None


def _number(text: bytes, base: int = 8) -> int:
    try:
        value = int(text.decode("ascii"), base)
    except ValueError:
        raise _malformed("a number", repr(text)) from None
    if not 0 <= value < 2**53:
        raise _malformed("a size", str(value))
    return value


def _require_safe(path: str) -> None:
    if any(part in ("", ".", "..") for part in path.split("/")) or "\0" in path:
        raise _malformed("a path inside the directory", repr(path[:200]))
    if len(path.encode()) > _LONGEST_PATH:
        raise _malformed("a path inside the directory", "a longer one")


def _records(data: bytes) -> dict[bytes, bytes]:
    records: dict[bytes, bytes] = {}
    while data:
        length = _number(data.partition(b" ")[0], 10)
        record, data = data[:length], data[length:]
        key, equals, value = record.partition(b" ")[2].partition(b"=")
        if key not in (b"path", b"size") or not equals or not value.endswith(b"\n"):
            raise _malformed("records of a path or a size", repr(record[:80]))
        records[key] = value[:-1]
    return records
