"""Whole artifacts from stream to stream: two buffers, no copies but those of the cipher."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO

from sealflow.seal.artifact import SealSettings, Unlock
from sealflow.seal.chunks import ChunkCipher, buffered_chunks
from sealflow.seal.digest import DigestBuilder
from sealflow.seal.errors import SealError
from sealflow.seal.header import TAG_BYTES, SealedHeader, encode_key_section, read_opening, require_lineage

_WORTH_A_THREAD = 256 * 1024


@dataclass(frozen=True)
class SealedFacts:
    """What is known of an artifact once it is sealed. The key is secret."""

    header: SealedHeader
    digest: str
    """Of the sealed artifact."""
    plaintext: str
    """``sha256:`` and SHA-256 of the content."""
    size: int
    """Bytes of content."""
    data_key: bytes


@dataclass(frozen=True)
class OpenedFacts:
    """What is known of an artifact once it is opened."""

    header: SealedHeader
    digest: str
    """Of the sealed artifact."""
    size: int
    """Bytes of content."""


class _Hash:
    """SHA-256 in a thread of its own: hashing and encrypting take about as long, and hold no lock."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._pool: ThreadPoolExecutor | None = None
        self._work: Future[None] | None = None

    def __enter__(self) -> _Hash:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def update(self, data: memoryview) -> None:
        """Take the next bytes, which must not change before `join`."""
        if len(data) < _WORTH_A_THREAD:
            self._hash.update(data)
            return
        self._pool = self._pool or ThreadPoolExecutor(1)
        self._work = self._pool.submit(self._hash.update, data)

    def join(self) -> None:
        """Wait until what was given is taken."""
        if self._work is not None:
            self._work.result()
            self._work = None

    def digest(self) -> str:
        """``sha256:`` and the hash of all bytes."""
        return f"sha256:{self._hash.hexdigest()}"


def seal_stream(
    source: BinaryIO, target: BinaryIO, recipients: Iterable[bytes], settings: SealSettings | None = None
) -> SealedFacts:
    """Seal all that a stream holds."""
    settings = settings or SealSettings()
    data_key = settings.data_key if settings.data_key is not None else settings.random(32)
    header = SealedHeader(
        settings.random(16).hex(), settings.chunk_bytes, settings.content, settings.lineage or {}
    )
    header_bytes = header.encode()
    target.write(header_bytes)
    target.write(encode_key_section(header_bytes, data_key, recipients))
    cipher, digest, size = ChunkCipher(header_bytes, data_key), DigestBuilder(), 0
    buffer = bytearray(settings.chunk_bytes + TAG_BYTES)
    with _Hash() as content:
        for index, (plaintext, final) in enumerate(buffered_chunks(source, settings.chunk_bytes)):
            content.update(plaintext)
            sealed = cipher.seal_into(index, final, plaintext, buffer)
            digest.add(sealed)
            target.write(sealed)
            size += len(plaintext)
            content.join()
        plaintext_digest = content.digest()
    return SealedFacts(header, digest.value(header_bytes), plaintext_digest, size, data_key)


def open_stream(
    source: BinaryIO,
    target: BinaryIO,
    unlock: Unlock,
    *,
    lineage: Mapping[str, str] | None = None,
    digest: str | None = None,
) -> OpenedFacts:
    """Open a whole artifact. What reached the target before an error must be thrown away.

    With `digest`, an artifact that has another one is refused with ``SEAL_ARTIFACT_OTHER``.
    """
    opening = read_opening(source)
    data_key = opening.data_key(unlock)
    require_lineage(opening.header, lineage or {})
    cipher, builder, size = ChunkCipher(opening.header_bytes, data_key), DigestBuilder(), 0
    buffer = bytearray(opening.header.chunk_bytes)
    stride = opening.header.chunk_bytes + TAG_BYTES
    for index, (sealed, final) in enumerate(buffered_chunks(source, stride)):
        plaintext = cipher.open_into(index, final, sealed, buffer)
        builder.add(sealed)
        target.write(plaintext)
        size += len(plaintext)
    found = builder.value(opening.header_bytes)
    if digest is not None and found != digest:
        raise SealError(
            "SEAL_ARTIFACT_OTHER",
            f"sealed artifact: expected the one with {digest}, got {found}",
            "the store was changed, or another artifact was put in this one's place",
        )
    return OpenedFacts(opening.header, found, size)
