"""Where a task's evidence comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from sealflow.sealed.client import JsonService
from sealflow.sealed.errors import Refused

Json = dict[str, Any]


class EvidenceProvider(Protocol):
    """Makes evidence of the enclave that this process runs in."""

    def evidence(self, report_data: bytes) -> Json:
        """Evidence whose REPORTDATA are the 64 bytes: ``{"type", "quote", "collateral"}``."""


class QuotingService:
    """A simulated enclave: a service outside the task, which knows what was started under this token."""

    def __init__(self, address: str, token: str, pin: str | None = None) -> None:
        self._service = JsonService(address, pin=pin)
        self._token = token

    def evidence(self, report_data: bytes) -> Json:
        """Ask the service."""
        body = {"reportData": report_data.hex()}
        return self._service.post("/v1/quotes", body, {"authorization": f"Bearer {self._token}"})


def provider_of(settings: Json) -> EvidenceProvider:
    """The provider that a request names."""
    if settings.get("type") == "service":
        return QuotingService(settings["address"], settings["token"], settings.get("pin"))
    if settings.get("type") == "exchange":
        from sealflow.enclave.evidence import GuestEvidence
        from sealflow.enclave.exchange import Exchange

        return GuestEvidence(Exchange(Path(settings["exchange"])))
    kind = settings.get("type")
    raise Refused("SEALED_EVIDENCE", f"evidence: expected a service or an exchange, got {kind!r}")
