"""Header and key section of a sealed artifact. Layout: docs/reference/sealed-artifact.md."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Literal, cast

from sealflow.seal.canonical import canonical_json, parse_canonical
from sealflow.seal.check import Checker
from sealflow.seal.errors import SealError
from sealflow.seal.keys import Identity, derive_key, hpke_open, hpke_seal, recipient_id

MAGIC = b"SEALFLOW\x00\x00\x00\x01"
MAX_SECTION_BYTES = 64 * 1024
MAX_CHUNK_BYTES = 16 * 1024 * 1024
DEFAULT_CHUNK_BYTES = 1024 * 1024
MAX_RECIPIENTS = 64
TAG_BYTES = 16

_WRAP = b"sealflow sealed artifact v1 data key"
_header = Checker("SEAL_ARTIFACT_MALFORMED", "sealed artifact's header")
_section = Checker("SEAL_ARTIFACT_MALFORMED", "sealed artifact's key section")


@dataclass(frozen=True)
class SealedHeader:
    """What is fixed when an artifact is sealed; readable by anyone."""

    id: str
    chunk_bytes: int = DEFAULT_CHUNK_BYTES
    content: Literal["bytes", "tar"] = "bytes"
    lineage: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Magic, length and header: the first bytes of the artifact."""
        value = {
            "chunkBytes": self.chunk_bytes,
            "content": self.content,
            "id": self.id,
            "lineage": dict(self.lineage),
        }
        _check(value)
        text = canonical_json(value)
        if len(text) > MAX_SECTION_BYTES:
            _header.fail("lineage", f"a header of at most {MAX_SECTION_BYTES} bytes")
        return MAGIC + struct.pack(">I", len(text)) + text


def _check(value: object) -> SealedHeader:
    members = _header.members(value, "", ("chunkBytes", "content", "id", "lineage"))
    size = _header.integer(members["chunkBytes"], "chunkBytes", 1, MAX_CHUNK_BYTES)
    content = _header.text(members["content"], "content", "bytes|tar")
    lineage = members["lineage"]
    if not isinstance(lineage, dict):
        _header.fail("lineage", "an object")
    for name, text in lineage.items():
        _header.text(name, f"lineage.{name}", "[A-Za-z][A-Za-z0-9._-]{0,63}")
        _header.text(text, f"lineage.{name}", r"[\s\S]*")
    identifier = _header.text(members["id"], "id", "[0-9a-f]{32}")
    return SealedHeader(identifier, size, cast("Literal['bytes', 'tar']", content), lineage)


@dataclass(frozen=True)
class WrappedKey:
    """The data key for one recipient."""

    recipient: str
    enc: bytes
    key: bytes


@dataclass(frozen=True)
class Opening:
    """The part of an artifact before its chunks: read and well-formed, not verified."""

    header: SealedHeader
    header_bytes: bytes
    section_bytes: bytes
    tag: bytes
    keys: Sequence[WrappedKey]

    @property
    def size(self) -> int:
        """Where the chunks start."""
        return len(self.header_bytes) + len(self.section_bytes) + len(self.tag)

    def data_key(self, unlock: Iterable[Identity] | bytes) -> bytes:
        """The data key, proven right by the key section's tag."""
        key = unlock if isinstance(unlock, bytes) else self._unwrap(unlock)
        if hmac.compare_digest(_tag(self.header_bytes, self.section_bytes, key), self.tag):
            return key
        if isinstance(unlock, bytes):
            raise SealError("SEAL_KEY_WRONG", "sealed artifact: expected its data key, got another one")
        raise SealError("SEAL_ARTIFACT_KEYS", "sealed artifact: expected the key section as it was written")

    def _unwrap(self, identities: Iterable[Identity]) -> bytes:
        wrapped = {each.recipient: each for each in self.keys}
        info = _WRAP + hashlib.sha256(self.header_bytes).digest()
        for identity in identities:
            mine = wrapped.get(recipient_id(identity.recipient))
            if mine is None:
                continue
            key = hpke_open(mine.enc, mine.key, identity, info)
            if key is not None and len(key) == 32:
                return key
            raise SealError(
                "SEAL_ARTIFACT_KEYS", "sealed artifact: expected a key that opens, got a changed one"
            )
        raise SealError(
            "SEAL_RECIPIENT_NONE",
            f"sealed artifact: expected a key of one of its {len(self.keys)} recipients, got none of them",
            "open it with a key that it was sealed to, or have a recipient rewrap it to yours",
        )


def encode_key_section(header_bytes: bytes, data_key: bytes, recipients: Iterable[bytes]) -> bytes:
    """Length, key section and tag, as they stand after the header."""
    info = _WRAP + hashlib.sha256(header_bytes).digest()
    wrapped = []
    for name, recipient in sorted({recipient_id(each): each for each in recipients}.items()):
        enc, key = hpke_seal(data_key, recipient, info)
        wrapped.append(
            {
                "recipient": name,
                "enc": base64.b64encode(enc).decode(),
                "key": base64.b64encode(key).decode(),
            }
        )
    if len(wrapped) > MAX_RECIPIENTS:
        _section.fail("recipients", f"at most {MAX_RECIPIENTS} recipients")
    text = canonical_json({"recipients": wrapped})
    section = struct.pack(">I", len(text)) + text
    return section + _tag(header_bytes, section, data_key)


def _tag(header_bytes: bytes, section_bytes: bytes, data_key: bytes) -> bytes:
    salt = hashlib.sha256(header_bytes).digest()
    secret = derive_key(data_key, "sealflow sealed artifact v1 key section", salt)
    return hmac.digest(secret, header_bytes + section_bytes, "sha256")


def read_opening(source: BinaryIO) -> Opening:
    """Read up to the first chunk. Nothing is verified yet."""
    _require_magic(read_up_to(source, len(MAGIC)))
    header_text = _read_section(source, "header")
    header = _check(
        parse_canonical(header_text[4:], code=_header.code, what=_header.what, max_bytes=MAX_SECTION_BYTES)
    )
    section = _read_section(source, "key section")
    keys = _parse_keys(section[4:])
    tag = _exactly(source, 32, "the key section's tag")
    return Opening(header, MAGIC + header_text, section, tag, keys)


def _require_magic(data: bytes) -> None:
    if data == MAGIC:
        return
    if len(data) == len(MAGIC) and data[:8] == MAGIC[:8]:
        version = struct.unpack(">I", data[8:])[0]
        raise SealError(
            "SEAL_ARTIFACT_VERSION",
            f"sealed artifact: expected format version 1, got {version}",
            "open it with a newer release",
        )
    if len(data) < len(MAGIC) and MAGIC.startswith(data):
        raise truncated("its first bytes")
    raise SealError(
        "SEAL_ARTIFACT_MALFORMED",
        "sealed artifact: expected a file that begins with SEALFLOW, got another one",
        "is this file sealed?",
    )


def _read_section(source: BinaryIO, what: str) -> bytes:
    field_bytes = _exactly(source, 4, what)
    length = struct.unpack(">I", field_bytes)[0]
    if length > MAX_SECTION_BYTES:
        raise SealError(
            "SEAL_ARTIFACT_MALFORMED",
            f"sealed artifact: expected a {what} of at most {MAX_SECTION_BYTES} bytes, got {length}",
        )
    return field_bytes + _exactly(source, length, what)


def _parse_keys(text: bytes) -> list[WrappedKey]:
    value = parse_canonical(text, code=_section.code, what=_section.what, max_bytes=MAX_SECTION_BYTES)
    items = _section.members(value, "", ("recipients",))["recipients"]
    keys: list[WrappedKey] = []
    for i, item in enumerate(_section.items(items, "recipients", 0, MAX_RECIPIENTS)):
        path = f"recipients[{i}]"
        members = _section.members(item, path, ("recipient", "enc", "key"))
        name = _section.text(members["recipient"], path, "[0-9a-f]{64}")
        if keys and keys[-1].recipient >= name:
            _section.fail(path, "recipients in ascending order, none twice")
        enc = _section.base64(members["enc"], f"{path}.enc", 32)
        keys.append(WrappedKey(name, enc, _section.base64(members["key"], f"{path}.key", 48)))
    return keys


def read_up_to(source: BinaryIO, length: int) -> bytes:
    """The next ``length`` bytes, or all that is left when that is fewer."""
    parts: list[bytes] = []
    missing = length
    while missing > 0:
        part = source.read(missing)
        if not part:
            break
        parts.append(part)
        missing -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _exactly(source: BinaryIO, length: int, what: str) -> bytes:
    data = read_up_to(source, length)
    if len(data) < length:
        raise truncated(what)
    return data


def truncated(where: str) -> SealError:
    """The error for an artifact that ends too early."""
    return SealError(
        "SEAL_ARTIFACT_TRUNCATED",
        f"sealed artifact: expected more bytes, got an end in {where}",
        "the file is incomplete: copy or seal it again",
    )


def require_lineage(header: SealedHeader, expected: Mapping[str, str]) -> None:
    """Check that each expected name has the expected value."""
    for name, value in expected.items():
        if header.lineage.get(name) != value:
            raise SealError(
                "SEAL_LINEAGE_MISMATCH",
                f"sealed artifact: expected {name} {value!r}, got {header.lineage.get(name)!r}",
                "this is another artifact than the one asked for",
            )
