"""The chunks of an artifact: AES-256-GCM whose key, nonce and associated data say where each belongs."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealflow.seal.errors import SealError
from sealflow.seal.header import TAG_BYTES, read_up_to, truncated
from sealflow.seal.keys import derive_key

_MAX_CHUNKS = 2**32


class ChunkCipher:
    """Seals and opens the numbered chunks of one artifact."""

    def __init__(self, header_bytes: bytes, data_key: bytes) -> None:
        self._digest = hashlib.sha256(header_bytes).digest()
        self._aead = AESGCM(derive_key(data_key, "sealflow sealed artifact v1 chunks", self._digest))

    def _place(self, index: int, final: bool) -> tuple[bytes, bytes]:
        number = struct.pack(">Q", index)
        return bytes(4) + number, self._digest + number + bytes([final])

    def seal(self, index: int, final: bool, plaintext: bytes | memoryview) -> bytes:
        """Ciphertext and tag."""
        if index >= _MAX_CHUNKS:
            raise SealError(
                "SEAL_ARTIFACT_TOO_LARGE",
                f"sealed artifact: expected at most {_MAX_CHUNKS} chunks, got more",
                "use larger chunks",
            )
        nonce, aad = self._place(index, final)
        return self._aead.encrypt(nonce, plaintext, aad)

    def _try(self, index: int, final: bool, sealed: bytes) -> bytes | None:
        nonce, aad = self._place(index, final)
        try:
            return self._aead.decrypt(nonce, sealed, aad)
        except InvalidTag:
            return None

    def open(self, index: int, final: bool, sealed: bytes) -> bytes:
        """The plaintext of a chunk, or an error that says what is wrong with it."""
        if len(sealed) < TAG_BYTES:
            raise truncated(f"chunk {index}")
        plaintext = self._try(index, final, sealed) if index < _MAX_CHUNKS else None
        if plaintext is not None and (plaintext or index == 0):
            return plaintext
        if plaintext is None and self._try(index, not final, sealed) is not None:
            if final:
                raise truncated(f"what follows chunk {index}")
            raise SealError(
                "SEAL_ARTIFACT_EXTENDED",
                f"sealed artifact: expected its end after chunk {index}, got more bytes",
            )
        raise SealError(
            "SEAL_ARTIFACT_CORRUPT",
            f"sealed artifact: expected chunk {index}, got changed, misplaced or incomplete bytes",
        )


def chunks_of(source: BinaryIO, size: int) -> Iterator[tuple[bytes, bool]]:
    """What is left of a stream in chunks, each with whether it is the last. There is always one at least."""
    current = read_up_to(source, size)
    while True:
        following = read_up_to(source, size) if len(current) == size else b""
        yield current, not following
        if not following:
            return
        current = following
