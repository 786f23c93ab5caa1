"""The pod's shim and the enclave's program, as processes, with stand-ins for broker and devices."""

import datetime
import hashlib
import json
import os
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from sealflow.enclave.collateral import CollateralError, CollateralService, Platform, platform_of
from sealflow.enclave.evidence import GuestEvidence
from sealflow.enclave.exchange import Exchange
from sealflow.enclave.place import task_path
from sealflow.sealed.client import JsonService
from sealflow.sealed.errors import Refused, Unreachable

VECTORS = Path(__file__).parents[3] / "shared" / "attestation-vectors" / "bundles"


@pytest.mark.parametrize(
    ("node", "path"),
    [
        ("run-x1.root.train.executor", "train"),
        ("run-x1.root.condition-1.train.executor", "condition-1/train"),
        ("run-x1.root.train.executor(2)", "train"),
        (
            "run-x1.root.for-loop-1.iteration-iterations(2:2).iteration-item.add.executor",
            "for-loop-1[2]/add",
        ),
        (
            "r.root.for-loop-1.iteration-iterations(0:0).iteration-item.for-loop-2"
            ".iteration-iterations(11:11).iteration-item.inner.add.executor(0)",
            "for-loop-1[0]/for-loop-2[11]/inner/add",
        ),
        ("run-x1.root.exit-handler-1.onExit.clean-up.executor", "clean-up"),
        ("run-x1.root.exit-handler-1.train.executor", "exit-handler-1/train"),
        ("my.dotted.run.root.train.executor", "train"),
    ],
)
def test_place_is_read_from_the_name_of_argos_node(node: str, path: str) -> None:
    assert task_path(node) == path


@pytest.mark.parametrize("node", ["", "run", "run.train.executor", "run.root.train", "run.root.executor"])
def test_other_names_are_no_place(node: str) -> None:
    with pytest.raises(ValueError, match="workflow node"):
        task_path(node)


@pytest.mark.parametrize(
    ("name", "platform"),
    [
        ("C_automata_00606A000000_2025-09", Platform("00606a000000", "platform")),
        ("A_phala_proc_00A067110000_2025-07", Platform("00a067110000", "processor")),
    ],
)
def test_platform_is_read_from_real_quotes(name: str, platform: Platform) -> None:
    files = list(VECTORS.glob(f"{name[:20]}*.quote.bin"))
    if not files:
        pytest.skip("the vectors of real quotes are missing")
    assert platform_of(files[0].read_bytes()) == platform


@pytest.mark.parametrize("quote", [b"", b"\0" * 1000, b"\xff" * 5000])
def test_other_bytes_are_no_quote(quote: bytes) -> None:
    with pytest.raises(CollateralError, match="quote"):
        platform_of(quote)


class Service:
    """A service that speaks PCS API v4."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.broken = ""
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.paths.append(self.path)
                status = 500 if service.broken and service.broken in self.path else 200
                self.send_response(status)
                for name in ("TCB-Info-Issuer-Chain", "SGX-Enclave-Identity-Issuer-Chain"):
                    self.send_header(name, "-----BEGIN%20CERTIFICATE-----")
                self.end_headers()
                self.wfile.write(service.body(self.path))

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def body(self, path: str) -> bytes:
        signature = "ab" * 64
        if "/tcb?" in path:
            return f'{{"tcbInfo":{{"b": 1,"a":2}},"signature":"{signature}"}}'.encode()
        if "identity" in path:
            return f'{{"enclaveIdentity":{{"x":3}},"signature":"{signature}"}}'.encode()
        return b"\x30\x01"


@pytest.fixture
def service() -> Service:
    return Service()


def test_collateral_keeps_the_exact_text_that_is_signed(service: Service) -> None:
    collateral = CollateralService(service.url, f"{service.url}/root").fetch(
        Platform("00606a000000", "platform")
    )
    assert collateral["tcb_info"] == '{"b": 1,"a":2}'
    assert collateral["tcb_info_signature"] == "ab" * 64
    assert collateral["pck_crl"] == "3001"
    assert collateral["tcb_info_issuer_chain"] == "-----BEGIN CERTIFICATE-----"
    assert service.paths[0] == "/tcb?fmspc=00606A000000"
    assert "/pckcrl?ca=platform&encoding=der" in service.paths


@pytest.mark.parametrize("part", ["tcb", "identity", "pckcrl", "root"])
def test_collateral_that_is_not_there_is_named(service: Service, part: str) -> None:
    service.broken = part
    with pytest.raises(CollateralError, match="500"):
        CollateralService(service.url, f"{service.url}/root").fetch(Platform("00606a000000", "platform"))


def device(directory: Path, kind: str = "dcap") -> Path:
    """Gramine's pseudo-files as plain files."""
    place = directory / "attestation"
    place.mkdir()
    (place / "attestation_type").write_text(kind)
    (place / "quote").write_bytes(b"the quote")
    return place


def test_evidence_takes_the_collateral_that_the_shim_brings(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path / "io")
    exchange.prepare()

    def shim() -> None:
        exchange.wait_for(exchange.quote, 5)
        exchange.write_json(exchange.collateral, {"collateral": {"tcb_info": "x"}})

    threading.Thread(target=shim).start()
    place = device(tmp_path)
    evidence = GuestEvidence(exchange, place, 5).evidence(b"r" * 64)
    assert evidence == {"type": "sgx-dcap", "quote": "dGhlIHF1b3Rl", "collateral": {"tcb_info": "x"}}
    assert (place / "user_report_data").read_bytes() == b"r" * 64


@pytest.mark.parametrize("answer", [None, {"error": "no route"}, {"collateral": 3}])
def test_evidence_without_collateral_may_be_asked_again(
    tmp_path: Path, answer: dict[str, object] | None
) -> None:
    exchange = Exchange(tmp_path / "io")
    exchange.prepare()
    if answer is not None:
        exchange.write_json(exchange.collateral, answer)
    with pytest.raises(Unreachable, match="collateral"):
        GuestEvidence(exchange, device(tmp_path), 0.1).evidence(b"r" * 64)


def test_evidence_outside_an_enclave_is_refused(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path / "io")
    exchange.prepare()
    with pytest.raises(Refused, match="expected a quote from"):
        GuestEvidence(exchange, tmp_path / "none").evidence(b"r" * 64)
    with pytest.raises(Refused, match="DCAP"):
        GuestEvidence(exchange, device(tmp_path, "none")).evidence(b"r" * 64)


def test_exchange_is_emptied_for_each_attempt(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path / "io")
    exchange.prepare()
    exchange.write_json(exchange.result, {"old": True})
    os.symlink("/etc", exchange.inputs / "link")
    (exchange.root / "link").symlink_to("/etc/passwd")
    exchange.prepare()
    assert sorted(each.name for each in exchange.root.iterdir()) == ["inputs", "outputs"]
    assert Path("/etc/passwd").exists()
    exchange.write(exchange.request, b"[1]")
    with pytest.raises(ValueError, match="JSON object"):
        exchange.read_json(exchange.request)
    assert json.loads(exchange.request.read_text()) == [1]


@pytest.fixture
def pinned(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A service with TLS and a certificate that nobody vouches for: its address and its pin."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "broker")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + certificate.public_bytes(Encoding.PEM))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"kind":"here"}')

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    yield f"https://127.0.0.1:{server.server_port}", hashlib.sha256(spki).hexdigest()
    server.shutdown()


def test_broker_is_known_by_the_key_of_its_certificate(pinned: tuple[str, str]) -> None:
    address, pin = pinned
    assert JsonService(address, pin=pin).post("/x", {}) == {"kind": "here"}


def test_broker_with_another_key_or_without_an_authority_gets_nothing(pinned: tuple[str, str]) -> None:
    address, _ = pinned
    with pytest.raises(Refused, match="another key"):
        JsonService(address, pin="0" * 64).post("/x", {})
    with pytest.raises(Unreachable, match="certificate"):
        JsonService(address, attempts=1).post("/x", {})
