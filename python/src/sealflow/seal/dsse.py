"""DSSE envelopes with Ed25519 keys, in one canonical encoding: see docs/reference/signed-statements.md."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sealflow.seal.canonical import canonical_json, parse_canonical
from sealflow.seal.check import Checker
from sealflow.seal.errors import SealError

_MAX_PAYLOAD_BYTES = 16 * 1024 * 1024
_MAX_ENVELOPE_BYTES = -(-_MAX_PAYLOAD_BYTES // 3) * 4 + 64 * 1024
_checker = Checker("SEAL_ENVELOPE_MALFORMED", "envelope")


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """What is signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The raw public key, 32 bytes."""
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def key_id(public_key: bytes) -> str:
    """How a signer is named: hex of SHA-256 over the raw public key."""
    return hashlib.sha256(public_key).hexdigest()


def sign_envelope(payload_type: str, payload: bytes, keys: Iterable[Ed25519PrivateKey]) -> dict[str, Any]:
    """Sign a payload with one or more keys."""
    message = pre_authentication_encoding(payload_type, payload)
    signatures = [
        {"keyid": key_id(public_bytes(key)), "sig": base64.b64encode(key.sign(message)).decode()}
        for key in keys
    ]
    envelope = {
        "payloadType": payload_type,
        "payload": base64.b64encode(payload).decode(),
        "signatures": sorted(signatures, key=lambda signature: signature["keyid"]),
    }
    return check_envelope(envelope)


def encode_envelope(envelope: dict[str, Any]) -> bytes:
    """The one text of an envelope."""
    return canonical_json(check_envelope(envelope))


def parse_envelope(text: bytes) -> dict[str, Any]:
    """Read the canonical encoding strictly. Nothing is verified yet."""
    value = parse_canonical(text, code=_checker.code, what=_checker.what, max_bytes=_MAX_ENVELOPE_BYTES)
    return check_envelope(value)


def check_envelope(value: Any) -> dict[str, Any]:
    """The envelope itself, when it is well-formed. Nothing is verified yet."""
    members = _checker.members(value, "", ("payloadType", "payload", "signatures"))
    _checker.text(members["payloadType"], "payloadType", r"[\x21-\x7e]{1,255}")
    if len(_checker.base64(members["payload"], "payload")) > _MAX_PAYLOAD_BYTES:
        _checker.fail("payload", f"at most {_MAX_PAYLOAD_BYTES} bytes")
    previous = ""
    for i, item in enumerate(_checker.items(members["signatures"], "signatures", 1, 16)):
        path = f"signatures[{i}]"
        signature = _checker.members(item, path, ("keyid", "sig"))
        name = _checker.text(signature["keyid"], f"{path}.keyid", "[0-9a-f]{64}")
        _checker.base64(signature["sig"], f"{path}.sig", 64)
        if name <= previous:
            _checker.fail(path, "key ids in ascending order, none twice")
        previous = name
    return members


@dataclass(frozen=True)
class VerifiedEnvelope:
    """A payload whose signatures hold."""

    payload_type: str
    payload: bytes
    signers: Sequence[str]


def verify_envelope(
    value: Any, *, keys: Iterable[bytes], payload_type: str, threshold: int = 1
) -> VerifiedEnvelope:
    """Verify an envelope: each signature must hold and be by one of `keys` (raw public keys)."""
    envelope = check_envelope(value)
    if envelope["payloadType"] != payload_type:
        raise SealError(
            "SEAL_ENVELOPE_TYPE",
            f"envelope: expected a payload of {payload_type}, got {envelope['payloadType']}",
        )
    payload = base64.b64decode(envelope["payload"])
    message = pre_authentication_encoding(payload_type, payload)
    trusted = {key_id(key): key for key in keys}
    signers = [_signer(signature, trusted, message) for signature in envelope["signatures"]]
    if len(signers) < max(1, threshold):
        raise SealError(
            "SEAL_ENVELOPE_SIGNER", f"envelope: expected {threshold} signatures, got {len(signers)}"
        )
    return VerifiedEnvelope(payload_type, payload, signers)


def _signer(signature: dict[str, str], trusted: dict[str, bytes], message: bytes) -> str:
    name = signature["keyid"]
    if name not in trusted:
        raise SealError(
            "SEAL_ENVELOPE_SIGNER", f"envelope: expected signatures by trusted keys only, got one by {name}"
        )
    try:
        Ed25519PublicKey.from_public_bytes(trusted[name]).verify(base64.b64decode(signature["sig"]), message)
    except InvalidSignature:
        raise SealError(
            "SEAL_ENVELOPE_SIGNATURE",
            f"envelope: expected a signature that holds, got one by {name} that does not",
        ) from None
    return name
