"""The digest of an artifact's content: the same before and after rewrapping, computed without a key."""

from __future__ import annotations

import hashlib
import struct
from typing import BinaryIO

from sealflow.seal.chunks import chunks_of
from sealflow.seal.header import TAG_BYTES, read_opening


def artifact_digest(source: BinaryIO) -> str:
    """``sha256:`` and the digest over header and chunks, the chunks as leaves of RFC 6962's tree."""
    opening = read_opening(source)
    tree: list[bytes | None] = []
    count = 0
    for sealed, _ in chunks_of(source, opening.header.chunk_bytes + TAG_BYTES):
        _append(tree, hashlib.sha256(b"\0" + sealed).digest())
        count += 1
    root: bytes | None = None
    for node in tree:
        if node is not None:
            root = node if root is None else _inner(node, root)
    header = hashlib.sha256(opening.header_bytes).digest()
    whole = b"sealflow sealed artifact v1 digest" + header + struct.pack(">Q", count) + (root or bytes(32))
    return f"sha256:{hashlib.sha256(whole).hexdigest()}"


def _append(tree: list[bytes | None], leaf: bytes) -> None:
    node, level = leaf, 0
    while level < len(tree) and (left := tree[level]) is not None:
        node, tree[level] = _inner(left, node), None
        level += 1
    if level == len(tree):
        tree.append(None)
    tree[level] = node


def _inner(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()
