"""Where a task's evidence comes from."""

from __future__ import annotations

import base64
import json
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

    def __init__(self, address: str, token: str) -> None:
        self._service = JsonService(address)
        self._token = token

    def evidence(self, report_data: bytes) -> Json:
        """Ask the service."""
        body = {"reportData": report_data.hex()}
        return self._service.post("/v1/quotes", body, {"authorization": f"Bearer {self._token}"})


class GramineDevice:
    """An SGX enclave under Gramine: quotes come from its pseudo-files.

    Source: Gramine documentation, "Attestation and Secret Provisioning", /dev/attestation. The collateral is
    fetched outside the enclave and handed in as a file: whoever judges it trusts its signatures only.
    """

    def __init__(self, collateral: Path, device: Path = Path("/dev/attestation")) -> None:
        self._collateral = collateral
        self._device = device

    def evidence(self, report_data: bytes) -> Json:
        """Write the report data, read the quote."""
        try:
            (self._device / "user_report_data").write_bytes(report_data)
            quote = (self._device / "quote").read_bytes()
            collateral = json.loads(self._collateral.read_bytes())
        except (OSError, ValueError) as error:
            raise Refused(
                "SEALED_EVIDENCE", f"evidence: expected a quote and its collateral, got {error}"
            ) from None
        return {"type": "sgx-dcap", "quote": base64.b64encode(quote).decode(), "collateral": collateral}


def provider_of(settings: Json) -> EvidenceProvider:
    """The provider that a request names."""
    if settings.get("type") == "service":
        return QuotingService(settings["address"], settings["token"])
    if settings.get("type") == "gramine":
        return GramineDevice(Path(settings["collateral"]))
    raise Refused("SEALED_EVIDENCE", f"evidence: expected a service or gramine, got {settings.get('type')!r}")
