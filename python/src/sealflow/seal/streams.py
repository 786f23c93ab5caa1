"""Whole artifacts from stream to stream: two buffers, no copies but those of the cipher."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from sealflow.seal.artifact import SealSettings, Unlock
from sealflow.seal.chunks import ChunkCipher, chunks_of
from sealflow.seal.digest import DigestBuilder
from sealflow.seal.errors import SealError
from sealflow.seal.header import TAG_BYTES, SealedHeader, encode_key_section, read_opening, require_lineage


@dataclass(frozen=True)
class SealedFacts:
    """What is known of an artifact once it is sealed or opened. The key is secret."""

    header: SealedHeader
    digest: str
    """Of the sealed artifact."""
    plaintext: str
    """``sha256:`` and SHA-256 of the content."""
    size: int
    """Bytes of content."""
    data_key: bytes


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
    cipher, digest, content = ChunkCipher(header_bytes, data_key), DigestBuilder(), hashlib.sha256()
    size = 0
    for index, (plaintext, final) in enumerate(chunks_of(source, settings.chunk_bytes)):
        sealed = cipher.seal(index, final, plaintext)
        content.update(plaintext)
        digest.add(sealed)
        target.write(sealed)
        size += len(plaintext)
    return SealedFacts(header, digest.value(header_bytes), f"sha256:{content.hexdigest()}", size, data_key)


def open_stream(
    source: BinaryIO,
    target: BinaryIO,
    unlock: Unlock,
    *,
    lineage: Mapping[str, str] | None = None,
    digest: str | None = None,
) -> SealedFacts:
    """Open a whole artifact. What reached the target before an error must be thrown away.

    With `digest`, an artifact that has another one is refused with ``SEAL_ARTIFACT_OTHER``.
    """
    opening = read_opening(source)
    data_key = opening.data_key(unlock)
    require_lineage(opening.header, lineage or {})
    cipher, builder, content = ChunkCipher(opening.header_bytes, data_key), DigestBuilder(), hashlib.sha256()
    size = 0
    for index, (sealed, final) in enumerate(chunks_of(source, opening.header.chunk_bytes + TAG_BYTES)):
        builder.add(sealed)
        plaintext = cipher.open(index, final, sealed)
        content.update(plaintext)
        target.write(plaintext)
        size += len(plaintext)
    found = builder.value(opening.header_bytes)
    if digest is not None and found != digest:
        raise SealError(
            "SEAL_ARTIFACT_OTHER",
            f"sealed artifact: expected the one with {digest}, got {found}",
            "the store was changed, or another artifact was put in this one's place",
        )
    return SealedFacts(opening.header, found, f"sha256:{content.hexdigest()}", size, data_key)
