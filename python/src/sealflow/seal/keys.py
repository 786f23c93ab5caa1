"""Recipients, identities and the wrapping of data keys with HPKE (RFC 9180)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, hpke, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sealflow.seal.errors import SealError

_SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
_PREFIX = "sealflow-recipient-1-"

Random = Callable[[int], bytes]


def derive_key(secret: bytes, info: str, salt: bytes = b"") -> bytes:
    """32 bytes derived from a secret for one purpose: HKDF-SHA256 (RFC 5869)."""
    return HKDF(hashes.SHA256(), 32, salt, info.encode()).derive(secret)


def raw_public_key(key: X25519PublicKey) -> bytes:
    """The 32 bytes of a public key."""
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


@dataclass(frozen=True)
class Identity:
    """What opens artifacts: an X25519 private key."""

    private_key: X25519PrivateKey

    @classmethod
    def from_private_key(cls, secret: bytes) -> Identity:
        """The identity with a raw private key of 32 bytes."""
        return cls(X25519PrivateKey.from_private_bytes(secret))

    @property
    def recipient(self) -> bytes:
        """The raw public key, 32 bytes."""
        return raw_public_key(self.private_key.public_key())

    def __repr__(self) -> str:
        return f"Identity({recipient_id(self.recipient)})"


@dataclass(frozen=True)
class ProjectKey:
    """What a project's secret gives: a key to open with, and one to sign with."""

    identity: Identity
    signing_key: Ed25519PrivateKey


def project_key_from(secret: bytes) -> ProjectKey:
    """Derive both keys from 32 random bytes."""
    if len(secret) != 32:
        raise ValueError(f"project secret: expected 32 bytes, got {len(secret)}")
    sealing = derive_key(secret, "sealflow identity v1 sealing")
    signing = derive_key(secret, "sealflow identity v1 signing")
    return ProjectKey(Identity.from_private_key(sealing), Ed25519PrivateKey.from_private_bytes(signing))


def recipient_id(recipient: bytes) -> str:
    """How a recipient is named in artifacts: hex of SHA-256 over the raw public key."""
    return hashlib.sha256(recipient).hexdigest()


def _checksum(recipient: bytes) -> bytes:
    return hashlib.sha256(b"sealflow recipient v1" + recipient).digest()[:4]


def format_recipient(recipient: bytes) -> str:
    """The text of a recipient, with a checksum against typing errors."""
    return _PREFIX + base64.urlsafe_b64encode(recipient + _checksum(recipient)).decode()


def parse_recipient(text: str) -> bytes:
    """The recipient behind a text, or a SealError ``SEAL_RECIPIENT_INVALID``."""
    try:
        data = base64.b64decode(text.removeprefix(_PREFIX), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = b""
    recipient = data[:32]
    if len(data) == 36 and format_recipient(recipient) == text:
        return recipient
    raise SealError(
        "SEAL_RECIPIENT_INVALID",
        f"recipient: expected {_PREFIX} and 48 characters with their checksum, got {text[:80]!r}",
        "copy the whole line that `sealflow keys show` prints",
    )


def hpke_seal(plaintext: bytes, recipient: bytes, info: bytes) -> tuple[bytes, bytes]:
    """Encapsulated key and ciphertext.

    Raises SealError ``SEAL_RECIPIENT_INVALID`` for a key of small order, with which anybody could decrypt
    (RFC 7748, section 6.1).
    """
    try:
        message = _SUITE.encrypt(plaintext, X25519PublicKey.from_public_bytes(recipient), info)
    except ValueError:
        raise SealError(
            "SEAL_RECIPIENT_INVALID",
            f"recipient: expected a public key of X25519, got {recipient.hex()}, which has no private key",
            "take the recipient from its owner's `sealflow keys show`",
        ) from None
    return message[:32], message[32:]


def hpke_open(enc: bytes, ciphertext: bytes, identity: Identity, info: bytes) -> bytes | None:
    """The plaintext; None when the message is not for this identity, or it or its context was changed."""
    try:
        return _SUITE.decrypt(enc + ciphertext, identity.private_key, info)
    except (InvalidTag, InvalidSignature, ValueError):
        return None
