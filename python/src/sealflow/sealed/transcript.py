"""What a task says of itself when it asks for its grant, and the hash that evidence is bound to."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import asdict, dataclass
from typing import Any

_PROTOCOL = b"sealflow task transcript v1"


@dataclass(frozen=True)
class Transcript:
    """Keys and nonce are 32 bytes in lower-case hex; digests begin with ``sha256:``."""

    domain: str
    broker_key: str
    nonce: str
    sealing_key: str
    signing_key: str
    registration: str
    policy: str
    policy_epoch: int
    path: str
    attempt: int
    component: str

    def encode(self) -> bytes:
        """Each field's length in four bytes, big-endian, and the field."""
        fields = (
            _PROTOCOL,
            self.domain.encode(),
            bytes.fromhex(self.broker_key),
            bytes.fromhex(self.nonce),
            bytes.fromhex(self.sealing_key),
            bytes.fromhex(self.signing_key),
            _digest(self.registration),
            _digest(self.policy),
            struct.pack(">Q", self.policy_epoch),
            self.path.encode(),
            struct.pack(">Q", self.attempt),
            _digest(self.component),
        )
        return b"".join(struct.pack(">I", len(field)) + field for field in fields)

    def hash(self) -> bytes:
        """``H(T)``."""
        return hashlib.sha256(self.encode()).digest()

    def report_data(self) -> bytes:
        """The 64 bytes that evidence must hold."""
        return self.hash() + bytes(32)

    def message(self) -> dict[str, Any]:
        """The transcript as it travels."""
        return {_camel(name): value for name, value in asdict(self).items()}


def _digest(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("sha256:"))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
