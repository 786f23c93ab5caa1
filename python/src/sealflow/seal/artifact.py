"""Writing and reading sealed artifacts as streams."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, BinaryIO, Literal

from sealflow.seal.chunks import ChunkCipher, buffered_chunks
from sealflow.seal.header import (
    DEFAULT_CHUNK_BYTES,
    TAG_BYTES,
    Opening,
    SealedHeader,
    encode_key_section,
    read_opening,
    require_lineage,
)
from sealflow.seal.keys import Identity, Random

Unlock = Iterable[Identity] | bytes
"""What opens an artifact: identities that it may be wrapped to, or its data key itself."""


@dataclass(frozen=True)
class SealSettings:
    """How an artifact is sealed, besides to whom."""

    lineage: Mapping[str, str] | None = None
    content: Literal["bytes", "tar"] = "bytes"
    chunk_bytes: int = DEFAULT_CHUNK_BYTES
    data_key: bytes | None = None
    """32 bytes, never used for another artifact; fresh when None."""
    random: Random = os.urandom


class SealedWriter(io.RawIOBase):
    """A writable file whose content reaches `target` sealed.

    The artifact is whole after `close`. When a `with` block ends in an exception, the last chunk is never
    written: what reached the target then cannot be opened.
    """

    def __init__(
        self, target: BinaryIO, recipients: Iterable[bytes], settings: SealSettings | None = None
    ) -> None:
        super().__init__()
        settings = settings or SealSettings()
        data_key = settings.data_key if settings.data_key is not None else settings.random(32)
        if len(data_key) != 32:
            raise ValueError(f"data key: expected 32 bytes, got {len(data_key)}")
        self._target = target
        self._size = settings.chunk_bytes
        # What is not yet sealed, since any chunk may turn out to be the last.
        self._pending = memoryview(bytearray(settings.chunk_bytes))
        self._filled = 0
        self._buffer = bytearray(settings.chunk_bytes + TAG_BYTES)
        self._index = 0
        header = SealedHeader(
            settings.random(16).hex(), settings.chunk_bytes, settings.content, settings.lineage or {}
        )
        header_bytes = header.encode()
        target.write(header_bytes)
        target.write(encode_key_section(header_bytes, data_key, recipients))
        self._cipher = ChunkCipher(header_bytes, data_key)

    def writable(self) -> bool:
        """Always true."""
        return True

    def write(self, data: Any) -> int:
        """Seal what fills chunks; the rest waits, since any chunk may turn out to be the last."""
        if self.closed:
            raise ValueError("write to a closed artifact")
        view = memoryview(data).cast("B")
        at = 0
        while at < len(view):
            if self._filled == self._size:
                self._flush_chunk(final=False)
            if self._filled == 0 and len(view) - at > self._size:
                # More follows, so that this chunk is not the last: it needs not wait.
                self._write_chunk(view[at : at + self._size], final=False)
                at += self._size
                continue
            taken = view[at : at + self._size - self._filled]
            self._pending[self._filled : self._filled + len(taken)] = taken
            self._filled += len(taken)
            at += len(taken)
        return len(view)

    def _flush_chunk(self, *, final: bool) -> None:
        self._write_chunk(self._pending[: self._filled], final=final)
        self._filled = 0

    def _write_chunk(self, plaintext: memoryview, *, final: bool) -> None:
        self._target.write(self._cipher.seal_into(self._index, final, plaintext, self._buffer))
        self._index += 1

    def close(self) -> None:
        """Write the last chunk. The target stays open."""
        if not self.closed:
            self._flush_chunk(final=True)
            super().close()

    def abort(self) -> None:
        """Stop without the last chunk."""
        self._filled = 0
        super().close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def __del__(self) -> None:
        """A writer that is dropped without `close` leaves an artifact that cannot be opened."""


@dataclass(frozen=True)
class OpenedArtifact:
    """An artifact whose header and keys are authentic."""

    header: SealedHeader
    plaintext: Iterator[bytes]
    """Whole only when it ends without an error: what came before an error must be thrown away."""


def open_artifact(
    source: BinaryIO, unlock: Unlock, *, lineage: Mapping[str, str] | None = None
) -> OpenedArtifact:
    """Open a stream; nothing of it is kept but two chunks."""
    opening, cipher = _unlocked(source, unlock, lineage)
    return OpenedArtifact(opening.header, _plaintext(source, cipher, opening.header.chunk_bytes))


def _plaintext(source: BinaryIO, cipher: ChunkCipher, chunk_bytes: int) -> Iterator[bytes]:
    for index, (sealed, final) in enumerate(buffered_chunks(source, chunk_bytes + TAG_BYTES)):
        plaintext = cipher.open(index, final, sealed)
        if plaintext:
            yield plaintext


def _unlocked(
    source: BinaryIO, unlock: Unlock, lineage: Mapping[str, str] | None
) -> tuple[Opening, ChunkCipher]:
    opening = read_opening(source)
    data_key = opening.data_key(unlock)
    require_lineage(opening.header, lineage or {})
    return opening, ChunkCipher(opening.header_bytes, data_key)


class SealedReader(io.RawIOBase):
    """A readable, seekable file over a sealed one that can be seeked.

    The last chunk is opened first, which proves how long the artifact is; others are opened when they are
    read, and one is kept. Wrap it in `io.BufferedReader` for many small reads.
    """

    def __init__(self, source: BinaryIO, unlock: Unlock, *, lineage: Mapping[str, str] | None = None) -> None:
        super().__init__()
        source.seek(0)
        opening, self._cipher = _unlocked(source, unlock, lineage)
        self.header = opening.header
        self._source = source
        self._start = opening.size
        self._stride = self.header.chunk_bytes + TAG_BYTES
        self._end = source.seek(0, os.SEEK_END)
        self._chunks = max(1, -(-(self._end - self._start) // self._stride))
        self._kept = (self._chunks - 1, self._open(self._chunks - 1))
        self.size = (self._chunks - 1) * self.header.chunk_bytes + len(self._kept[1])
        self._position = 0

    def _open(self, index: int) -> bytes:
        self._source.seek(self._start + index * self._stride)
        final = index == self._chunks - 1
        sealed = self._source.read(self._stride)
        return self._cipher.open(index, final, sealed)

    def _chunk(self, index: int) -> bytes:
        if self._kept[0] != index:
            self._kept = (index, self._open(index))
        return self._kept[1]

    def readable(self) -> bool:
        """Always true."""
        return True

    def seekable(self) -> bool:
        """Always true."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move; past the end nothing is read."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("seek before the beginning")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """Where the next read starts."""
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Read up to the end of a chunk."""
        view = memoryview(buffer).cast("B")
        if self._position >= self.size or len(view) == 0:
            return 0
        index, offset = divmod(self._position, self.header.chunk_bytes)
        part = memoryview(self._chunk(index))[offset : offset + len(view)]
        view[: len(part)] = part
        self._position += len(part)
        return len(part)
