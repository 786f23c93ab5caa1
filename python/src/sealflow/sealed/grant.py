"""Opening what the broker grants: signature first, then decryption, then what it says."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sealflow.seal.canonical import canonical_json, parse_canonical
from sealflow.seal.dsse import encode_envelope, verify_envelope
from sealflow.seal.errors import SealError
from sealflow.seal.keys import Identity, hpke_open
from sealflow.sealed.errors import Refused
from sealflow.sealed.transcript import Transcript

Json = dict[str, Any]

_PAYLOAD_TYPE = "application/vnd.sealflow.grant.v1+json"
_LARGEST = 48 * 1024 * 1024


def digest_of(data: bytes) -> str:
    """``sha256:`` and the hash."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def commitment(value: Any, salt: bytes) -> str:
    """A salted commitment to a value."""
    return digest_of(b"sealflow commitment v1\0" + salt + canonical_json(value))


@dataclass(frozen=True)
class Grant:
    """What a task is given. Holds keys: never to be logged."""

    digest: str
    """Of the envelope: what the statement names."""
    content: Json

    def __repr__(self) -> str:
        return f"Grant({self.digest})"

    def recipients(self) -> list[bytes]:
        """Raw X25519 keys that outputs and logs are sealed to."""
        return [bytes.fromhex(key) for key in self.content["recipients"]]


def open_grant(envelope: Json, transcript: Transcript, identity: Identity, at: float) -> Grant:
    """Check and decrypt a grant.

    `at` is in seconds since the Unix epoch.
    """
    try:
        verified = verify_envelope(
            envelope, keys=[bytes.fromhex(transcript.broker_key)], payload_type=_PAYLOAD_TYPE
        )
        outer = _parse(verified.payload)
    except SealError as error:
        raise Refused(error.code, error.message, "somebody may have changed the grant") from None
    if outer.get("transcript") != transcript.hash().hex():
        raise Refused("TRUST_GRANT_TRANSCRIPT", "grant: expected one for this task's transcript, got another")
    try:
        enc, ciphertext = (base64.b64decode(outer[name], validate=True) for name in ("enc", "ciphertext"))
    except (KeyError, ValueError, TypeError):
        raise Refused("TRUST_DOCUMENT_MALFORMED", "grant: expected base64, got something else") from None
    plaintext = hpke_open(enc, ciphertext, identity, transcript.hash())
    if plaintext is None:
        raise Refused("TRUST_GRANT_KEY", "grant: expected a ciphertext for this task's key, got another")
    content = _parse(plaintext)
    _require_own(content, transcript, at)
    return Grant(digest_of(encode_envelope(envelope)), content)


def _parse(text: bytes) -> Json:
    try:
        value = parse_canonical(text, code="TRUST_DOCUMENT_MALFORMED", what="grant", max_bytes=_LARGEST)
    except SealError as error:
        raise Refused(error.code, error.message) from None
    if not isinstance(value, dict):
        raise Refused("TRUST_DOCUMENT_MALFORMED", "grant: expected an object, got something else")
    return value


def _require_own(content: Json, transcript: Transcript, at: float) -> None:
    own = {
        "version": "sealflow.grant/v1",
        "path": transcript.path,
        "attempt": transcript.attempt,
        "component": transcript.component,
    }
    if any(content.get(name) != value for name, value in own.items()):
        raise Refused("TRUST_GRANT_TRANSCRIPT", "grant: expected one for this task, got another's")
    if at >= datetime.fromisoformat(str(content["expiresAt"]).replace("Z", "+00:00")).timestamp():
        raise Refused(
            "TRUST_GRANT_EXPIRED", f"grant: expected a time before {content['expiresAt']}, got a later one"
        )
