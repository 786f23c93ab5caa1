"""The digest of an artifact's content: the same before and after rewrapping, computed without a key."""

from __future__ import annotations

import hashlib
import struct
from typing import BinaryIO

from sealflow.seal.chunks import chunks_of
from sealflow.seal.header import TAG_BYTES, read_opening


class DigestBuilder:
    """Takes the sealed chunks of one artifact in order."""

    def __init__(self) -> None:
        self._tree: list[bytes | None] = []
        self._count = 0

    def add(self, sealed: bytes | bytearray | memoryview) -> None:
        """The next chunk, as it stands in the file."""
        leaf = hashlib.sha256(b"\0")
        leaf.update(sealed)
        node, level = leaf.digest(), 0
        while level < len(self._tree) and (left := self._tree[level]) is not None:
            node, self._tree[level] = _inner(left, node), None
            level += 1
        if level == len(self._tree):
            self._tree.append(None)
        self._tree[level] = node
        self._count += 1

    def value(self, header_bytes: bytes) -> str:
        """``sha256:`` and the digest over header and chunks, the chunks as leaves of RFC 6962's tree."""
        root: bytes | None = None
        for node in self._tree:
            if node is not None:
                root = node if root is None else _inner(node, root)
        header = hashlib.sha256(header_bytes).digest()
        count = struct.pack(">Q", self._count)
        whole = b"sealflow sealed artifact v1 digest" + header + count + (root or bytes(32))
        return f"sha256:{hashlib.sha256(whole).hexdigest()}"


def artifact_digest(source: BinaryIO) -> str:
    """The digest of a whole artifact."""
    opening = read_opening(source)
    builder = DigestBuilder()
    for sealed, _ in chunks_of(source, opening.header.chunk_bytes + TAG_BYTES):
        builder.add(sealed)
    return builder.value(opening.header_bytes)


def _inner(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()
