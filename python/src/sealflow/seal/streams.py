"""Whole artifacts from stream to stream: two buffers, no copies but those of the cipher."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from sealflow.seal.artifact import SealSettings, Unlock
from sealflow.seal.chunks import ChunkCipher, buffered_chunks
from sealflow.seal.digest import DigestBuilder
from sealflow.seal.errors import SealError
from sealflow.seal.header import TAG_BYTES, SealedHeader, encode_key_section, read_opening, require_lineage


@dataclass(frozen=True)
class SealedFacts:
    """What is known of an artifact once it is sealed. The key is secret."""

    header: SealedHeader
    digest: str
    """Of the sealed artifact."""
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
    for index, (plaintext, final) in enumerate(buffered_chunks(source, settings.chunk_bytes)):
        sealed = cipher.seal_into(index, final, plaintext, buffer)
        digest.add(sealed)
        target.write(sealed)
        size += len(plaintext)
    return SealedFacts(header, digest.value(header_bytes), size, data_key)


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
