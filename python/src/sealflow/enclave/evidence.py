"""Evidence of an enclave under Gramine whose collateral the shim outside fetches."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from sealflow.enclave.exchange import Exchange
from sealflow.sealed.errors import Refused, Unreachable

Json = dict[str, Any]

DEVICE = Path("/dev/attestation")
_PATIENCE_SECONDS = 120.0


class GuestEvidence:
    """Quotes from Gramine's pseudo-files. The quote is handed out, and the collateral for it comes back.

    Source: Gramine documentation, "Attestation and Secret Provisioning".
    """

    def __init__(
        self, exchange: Exchange, device: Path = DEVICE, patience_seconds: float = _PATIENCE_SECONDS
    ) -> None:
        self._exchange = exchange
        self._device = device
        self._patience = patience_seconds

    def evidence(self, report_data: bytes) -> Json:
        """Write the report data, read the quote, wait for its collateral. Raises Refused, Unreachable."""
        quote = self._quote(report_data)
        self._exchange.write(self._exchange.quote, quote)
        if not self._exchange.wait_for(self._exchange.collateral, self._patience):
            raise Unreachable(
                "SEALED_COLLATERAL", "collateral: expected some for the quote in time, got none"
            )
        try:
            answer = self._exchange.read_json(self._exchange.collateral)
        except (OSError, ValueError) as error:
            raise Refused("SEALED_COLLATERAL", f"collateral: expected JSON, got {error}") from None
        collateral = answer.get("collateral")
        if not isinstance(collateral, dict):
            reason = str(answer.get("error", "none"))[:500]
            raise Unreachable("SEALED_COLLATERAL", f"collateral: expected some for the quote, got {reason}")
        return {"type": "sgx-dcap", "quote": base64.b64encode(quote).decode(), "collateral": collateral}

    def _quote(self, report_data: bytes) -> bytes:
        try:
            kind = (self._device / "attestation_type").read_text(encoding="ascii").strip()
            if kind != "dcap":
                raise Refused(
                    "SEALED_EVIDENCE",
                    f"enclave: expected attestation by DCAP, got {kind}",
                    'the manifest must say sgx.remote_attestation = "dcap"',
                )
            (self._device / "user_report_data").write_bytes(report_data)
            return (self._device / "quote").read_bytes()
        except OSError as error:
            raise Refused(
                "SEALED_EVIDENCE",
                f"enclave: expected a quote from {self._device}, got {error.strerror}",
                "the process must run under gramine-sgx, on a node with the quoting service (aesmd)",
            ) from None
