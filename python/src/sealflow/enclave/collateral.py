"""Collateral for a quote, fetched outside the enclave. Nobody believes it for its place: all of it is signed.

Sources: Intel SGX PCK Certificate and CRL Profile, section 1.3.5; PCS API v4, which Azure's cache speaks too;
quote layout of Intel's DCAP "Quote Generation", version 3. The JSON form is in docs/reference/attestation.md.
"""

from __future__ import annotations

import json
import re
import ssl
import struct
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

Json = dict[str, Any]

AZURE_THIM = "https://global.acccache.azure.net/sgx/certification/v4"
INTEL_PCS = "https://api.trustedservices.intel.com/sgx/certification/v4"
ROOT_LIST = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"

_HEADER, _REPORT = 48, 384
_SIGNATURE = 64 + 64
_QE_REPORT = 384 + 64
_PEM_CHAIN = 5
_FMSPC = bytes.fromhex("060a2a864886f84d010d0104") + b"\x04\x06"
_LARGEST_ANSWER = 32 * 1024 * 1024
_TIMEOUT_SECONDS = 20.0


class CollateralError(Exception):
    """Collateral could not be had; the message says from where and why."""


@dataclass(frozen=True)
class Platform:
    """Which collateral a quote needs."""

    fmspc: str
    """12 hex digits."""
    authority: str
    """``platform`` or ``processor``: the authority that issued the PCK certificate."""


def platform_of(quote: bytes) -> Platform:
    """Read the platform from the chain in a quote. Nothing is verified. Raises CollateralError."""
    chain = _chain(quote)
    leaf = _first_certificate(chain)
    at = leaf.find(_FMSPC)
    if at < 0:
        raise CollateralError("quote: expected a PCK certificate with an FMSPC, got none")
    fmspc = leaf[at + len(_FMSPC) : at + len(_FMSPC) + 6]
    authority = "platform" if b"Intel SGX PCK Platform CA" in leaf else "processor"
    return Platform(fmspc.hex(), authority)


def _chain(quote: bytes) -> bytes:
    try:
        at = _HEADER + _REPORT + 4 + _SIGNATURE + _QE_REPORT
        (authentication,) = struct.unpack_from("<H", quote, at)
        at += 2 + authentication
        kind, size = struct.unpack_from("<HI", quote, at)
    except struct.error:
        raise CollateralError("quote: expected a whole one, got its beginning") from None
    if kind != _PEM_CHAIN:
        raise CollateralError(f"quote: expected certificates in it, got certification data of type {kind}")
    return quote[at + 6 : at + 6 + size]


def _first_certificate(chain: bytes) -> bytes:
    text = chain.rstrip(b"\0").decode("ascii", "replace")
    blocks = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.S)
    for block in blocks:
        try:
            der = ssl.PEM_cert_to_DER_cert(block)
        except ValueError:
            continue
        if _FMSPC in der:
            return der
    raise CollateralError("quote: expected a PCK certificate in PEM, got none")


class CollateralService:
    """Fetches collateral from one service."""

    def __init__(self, api: str = AZURE_THIM, root_list: str = ROOT_LIST) -> None:
        self._api = api.rstrip("/")
        self._root_list = root_list

    def fetch(self, platform: Platform) -> Json:
        """The collateral in its JSON form. Raises CollateralError."""
        tcb, tcb_headers = _get(f"{self._api}/tcb?fmspc={platform.fmspc.upper()}")
        identity, identity_headers = _get(f"{self._api}/qe/identity")
        pck_list, _ = _get(f"{self._api}/pckcrl?ca={platform.authority}&encoding=der")
        root_list, _ = _get(self._root_list)
        tcb_text, tcb_signature = _signed_part(tcb, "tcbInfo")
        identity_text, identity_signature = _signed_part(identity, "enclaveIdentity")
        return {
            "root_ca_crl": root_list.hex(),
            "pck_crl": pck_list.hex(),
            "tcb_info_issuer_chain": _chain_header(
                tcb_headers, "TCB-Info-Issuer-Chain", "SGX-TCB-Info-Issuer-Chain"
            ),
            "tcb_info": tcb_text,
            "tcb_info_signature": tcb_signature,
            "qe_identity_issuer_chain": _chain_header(identity_headers, "SGX-Enclave-Identity-Issuer-Chain"),
            "qe_identity": identity_text,
            "qe_identity_signature": identity_signature,
        }


def _get(url: str) -> tuple[bytes, Any]:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:
            content = answer.read(_LARGEST_ANSWER + 1)
            if len(content) > _LARGEST_ANSWER:
                raise CollateralError(f"{url}: expected at most 32 MiB, got more")
            return content, answer.headers
    except (OSError, urllib.error.URLError) as error:
        raise CollateralError(f"{url}: expected an answer, got {error}") from None


def _signed_part(body: bytes, name: str) -> tuple[str, str]:
    """The signature covers the exact text of the inner object: it is cut out, not written again."""
    text = body.decode("utf-8", "replace")
    start = f'{{"{name}":'
    end = re.search(r',"signature":"([0-9a-fA-F]{128})"\}\s*$', text)
    if not text.startswith(start) or end is None:
        raise CollateralError(f"collateral: expected {name} and its signature, got something else")
    inner = text[len(start) : end.start()]
    json.loads(inner)
    return inner, end.group(1)


def _chain_header(headers: Any, *names: str) -> str:
    for name in names:
        value = headers.get(name)
        if value:
            return unquote(value)
    raise CollateralError(f"collateral: expected the header {names[0]}, got none")
