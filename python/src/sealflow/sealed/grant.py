"""Opening what the broker grants: signature first, then decryption, then what it says."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sealflow.seal.canonical import canonical_json, parse_canonical
from sealflow.seal.check import Checker
from sealflow.seal.dsse import encode_envelope, verify_envelope
from sealflow.seal.errors import SealError
from sealflow.seal.keys import Identity, hpke_open
from sealflow.sealed.errors import Refused
from sealflow.sealed.grant_content import check_content
from sealflow.sealed.transcript import Transcript

Json = dict[str, Any]

_PAYLOAD_TYPE = "application/vnd.sealflow.grant.v1+json"
_LARGEST = 48 * 1024 * 1024
_checker = Checker("TRUST_DOCUMENT_MALFORMED", "grant")


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


def open_grant(envelope: Any, transcript: Transcript, identity: Identity, at: float) -> Grant:
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
    enc, ciphertext = _ciphertext_of(outer)
    plaintext = hpke_open(enc, ciphertext, identity, transcript.hash())
    if plaintext is None:
        raise Refused("TRUST_GRANT_KEY", "grant: expected a ciphertext for this task's key, got another")
    content = _checked(_parse(plaintext))
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


def _ciphertext_of(outer: Json) -> tuple[bytes, bytes]:
    try:
        _checker.members(outer, "", ("transcript", "enc", "ciphertext"))
        enc, ciphertext = (_checker.base64(outer[name], name) for name in ("enc", "ciphertext"))
    except SealError as error:
        raise Refused(error.code, error.message) from None
    return enc, ciphertext


def _checked(content: Json) -> Json:
    try:
        return check_content(content)
    except SealError as error:
        raise Refused(error.code, error.message) from None


def _require_own(content: Json, transcript: Transcript, at: float) -> None:
    own = (transcript.path, transcript.attempt, transcript.component)
    if (content["path"], content["attempt"], content["component"]) != own:
        raise Refused("TRUST_GRANT_TRANSCRIPT", "grant: expected one for this task, got another's")
    if at >= datetime.fromisoformat(content["expiresAt"]).timestamp():
        raise Refused(
            "TRUST_GRANT_EXPIRED", f"grant: expected a time before {content['expiresAt']}, got a later one"
        )
