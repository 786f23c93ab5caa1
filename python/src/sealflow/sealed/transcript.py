"""What a task says of itself when it asks for its grant, and the hash that evidence is bound to."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sealflow.seal.check import Checker
from sealflow.seal.errors import SealError
from sealflow.sealed.errors import Refused
from sealflow.sealed.grant_content import BYTES32, DIGEST, PATH

_PROTOCOL = b"sealflow task transcript v1"
_checker = Checker("SEALED_CHALLENGE", "challenge")
_TEXTS = {
    "domain": r"[\s\S]{1,255}",
    "brokerKey": BYTES32,
    "nonce": BYTES32,
    "registration": DIGEST,
    "policy": DIGEST,
    "path": PATH,
    "component": DIGEST,
}


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

    @classmethod
    def of_challenge(cls, challenge: Mapping[str, Any], sealing_key: bytes, signing_key: bytes) -> Transcript:
        """What answers a challenge with a task's raw public keys. Raises Refused ``SEALED_CHALLENGE``."""
        try:
            texts = {name: _checker.text(challenge.get(name), name, like) for name, like in _TEXTS.items()}
            texts["domain"].encode(), texts["path"].encode()
            return cls(
                domain=texts["domain"],
                broker_key=texts["brokerKey"],
                nonce=texts["nonce"],
                sealing_key=sealing_key.hex(),
                signing_key=signing_key.hex(),
                registration=texts["registration"],
                policy=texts["policy"],
                policy_epoch=_checker.integer(challenge.get("policyEpoch"), "policyEpoch", 1, 2**53 - 1),
                path=texts["path"],
                attempt=_checker.integer(challenge.get("attempt"), "attempt", 1, 2**53 - 1),
                component=texts["component"],
            )
        except (SealError, UnicodeEncodeError) as error:
            raise Refused("SEALED_CHALLENGE", str(error)) from None

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
