"""The chunks of an artifact: AES-256-GCM whose key, nonce and associated data say where each belongs."""

from __future__ import annotations

import contextlib
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

    def seal_into(self, index: int, final: bool, plaintext: memoryview, target: bytearray) -> memoryview:
        """Ciphertext and tag at the start of a buffer that is used again."""
        if index >= _MAX_CHUNKS:
            return memoryview(self.seal(index, final, plaintext))
        nonce, aad = self._place(index, final)
        sealed = memoryview(target)[: len(plaintext) + TAG_BYTES]
        self._aead.encrypt_into(nonce, plaintext, aad, sealed)
        return sealed

    def open_into(self, index: int, final: bool, sealed: memoryview, target: bytearray) -> memoryview:
        """The plaintext at the start of a buffer that is used again, or the error that `open` gives."""
        if index < _MAX_CHUNKS and len(sealed) >= TAG_BYTES:
            nonce, aad = self._place(index, final)
            plaintext = memoryview(target)[: len(sealed) - TAG_BYTES]
            with contextlib.suppress(InvalidTag):
                self._aead.decrypt_into(nonce, sealed, aad, plaintext)
                if plaintext or index == 0:
                    return plaintext
        return memoryview(self.open(index, final, bytes(sealed)))

    def _try(self, index: int, final: bool, sealed: bytes | memoryview) -> bytes | None:
        nonce, aad = self._place(index, final)
        try:
            return self._aead.decrypt(nonce, sealed, aad)
        except InvalidTag:
            return None

    def open(self, index: int, final: bool, sealed: bytes | memoryview) -> bytes:
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


def buffered_chunks(source: BinaryIO, size: int) -> Iterator[tuple[memoryview, bool]]:
    """As `chunks_of`, in two buffers that take turns: a chunk holds until the next but one is asked for."""
    buffers = [bytearray(size), bytearray(size)]
    filled = _fill(source, buffers[0])
    turn = 0
    while True:
        following = _fill(source, buffers[1 - turn]) if filled == size else 0
        yield memoryview(buffers[turn])[:filled], following == 0
        if following == 0:
            return
        turn, filled = 1 - turn, following


def _fill(source: BinaryIO, buffer: bytearray) -> int:
    """Read until the buffer is full or the stream ends."""
    view = memoryview(buffer)
    filled = 0
    while filled < len(view):
        read = _read_into(source, view[filled:])
        if not read:
            break
        filled += read
    return filled


def _read_into(source: BinaryIO, view: memoryview) -> int:
    """Read some bytes, also from what can only give them out."""
    if hasattr(source, "readinto"):
        return source.readinto(view) or 0
    data = source.read(len(view))
    view[: len(data)] = data
    return len(data)
