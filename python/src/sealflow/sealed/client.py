"""The broker over HTTP: on this machine through a Unix socket, elsewhere through TLS."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import random
import socket
import ssl
import time
from typing import Any
from urllib.parse import quote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sealflow.sealed.errors import Refused, Unreachable

Json = dict[str, Any]

_LARGEST_ANSWER = 64 * 1024 * 1024
_TIMEOUT_SECONDS = 60.0
_RETRIED = (429, 502, 503, 504)
"""Busy, or a proxy in between that got no answer."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _PinnedConnection(http.client.HTTPSConnection):
    """TLS with whoever has the key of this SHA-256 (over its SubjectPublicKeyInfo)."""

    def __init__(self, host: str, port: int | None, timeout: float, pin: str) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        super().__init__(host, port, timeout=timeout, context=context)
        self._pin = pin

    def connect(self) -> None:
        super().connect()
        certificate = self.sock.getpeercert(binary_form=True)
        if certificate is None or not hmac.compare_digest(key_pin(certificate), self._pin):
            self.close()
            raise Refused(
                "SEALED_BROKER_PIN",
                f"{self.host}: expected a certificate whose key has the SHA-256 {self._pin}, got another key",
                "somebody stands in between, or the broker has a new key: ask its owner",
            )


def key_pin(certificate: bytes) -> str:
    """SHA-256 of the public key in a certificate (DER), as SubjectPublicKeyInfo, in hex."""
    key = x509.load_der_x509_certificate(certificate).public_key()
    encoded = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(encoded).hexdigest()


class JsonService:
    """Asks a service for JSON and says plainly what went wrong.

    `address` is ``unix:/path`` or ``https://host[:port]``; plain HTTP goes to the loopback only. A lost reply
    is asked for again: every message of the protocol may be repeated. `pin` names the key of the service's
    certificate, in place of an authority that vouches for it.
    """

    def __init__(
        self, address: str, *, attempts: int = 5, ca_file: str | None = None, pin: str | None = None
    ) -> None:
        self._address = address
        self._attempts = attempts
        self._ca_file = ca_file
        self._pin = pin

    def post(self, path: str, body: Json, headers: dict[str, str] | None = None) -> Json:
        """Send one message. Raises Refused with the service's own code, or Unreachable."""
        content = json.dumps(body, separators=(",", ":")).encode()
        for attempt in range(1, self._attempts + 1):
            last = attempt == self._attempts
            try:
                status, answer, after = self._once(path, content, headers or {})
            except (OSError, http.client.HTTPException) as error:
                if last:
                    raise self._unreachable(str(error)) from None
            else:
                if status not in _RETRIED or last:
                    return self._judge(status, answer)
                time.sleep(after)
            time.sleep(min(2.0, 0.05 * 2**attempt) * random.uniform(0.5, 1.0))
        raise self._unreachable("no answer")

    def _once(self, path: str, content: bytes, headers: dict[str, str]) -> tuple[int, bytes, float]:
        connection = self._connection()
        try:
            connection.request("POST", path, content, {"content-type": "application/json", **headers})
            response = connection.getresponse()
            answer = response.read(_LARGEST_ANSWER + 1)
            if len(answer) > _LARGEST_ANSWER:
                raise http.client.HTTPException("an answer of more than 64 MiB")
            return response.status, answer, _seconds(response.getheader("retry-after"))
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self._address.startswith("unix:"):
            return _UnixConnection(self._address.removeprefix("unix:"), _TIMEOUT_SECONDS)
        parts = urlsplit(self._address)
        if parts.scheme == "https" and self._pin:
            return _PinnedConnection(parts.hostname or "", parts.port, _TIMEOUT_SECONDS, self._pin)
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=self._ca_file)
            return http.client.HTTPSConnection(
                parts.hostname or "", parts.port, timeout=_TIMEOUT_SECONDS, context=context
            )
        if parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost"):
            return http.client.HTTPConnection(parts.hostname, parts.port, timeout=_TIMEOUT_SECONDS)
        raise Refused(
            "SEALED_ADDRESS",
            f"{self._address}: expected unix:, https:, or http: to the loopback, got another",
        )

    def _judge(self, status: int, answer: bytes) -> Json:
        try:
            value = json.loads(answer)
        except (ValueError, RecursionError):
            value = None
        if status == 200 and isinstance(value, dict):
            return value
        error = value.get("error") if isinstance(value, dict) else None
        if not isinstance(error, dict):
            raise self._unreachable(f"status {status} without JSON")
        code, message = str(error.get("code", "TRUST_UNKNOWN")), str(error.get("message", f"status {status}"))
        hint = error.get("hint")
        kind = Unreachable if status in _RETRIED or status >= 500 else Refused
        raise kind(code, message, hint if isinstance(hint, str) else None)

    def _unreachable(self, reason: str) -> Unreachable:
        message = f"{self._address}: expected an answer, got {reason}"
        return Unreachable("SEALED_BROKER_UNREACHABLE", message, "the attempt can be repeated")


def _seconds(text: str | None) -> float:
    try:
        return min(10.0, max(0.0, float(text or 0)))
    except ValueError:
        return 0.0


class BrokerClient:
    """The steps of a task: docs/reference/broker-protocol.md."""

    def __init__(self, service: JsonService, run_id: str) -> None:
        self._service = service
        self._run_id = run_id

    def _post(self, what: str, **members: Any) -> Json:
        path = f"/v1/runs/{quote(self._run_id, safe='')}/{what}"
        return self._service.post(path, {"runId": self._run_id, **members})

    def challenge(self, path: str) -> Json:
        """A challenge, or the task's result when it is finished."""
        return self._post("challenges", path=path)

    def request(self, transcript: Json, evidence: Json) -> Json:
        """A grant, or the result."""
        return self._post("requests", transcript=transcript, evidence=evidence)

    def commit(self, path: str, attempt: int, statement: Json, secrets: Json) -> Json:
        """The result that counts: this one, or an earlier attempt's."""
        return self._post("commits", path=path, attempt=attempt, statement=statement, secrets=secrets)

    def fail(self, path: str, attempt: int, statement: Json) -> Json:
        """What becomes of the failed attempt, or the result."""
        return self._post("failures", path=path, attempt=attempt, statement=statement)
