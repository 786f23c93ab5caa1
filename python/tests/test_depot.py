"""Where sealed outputs are kept before they are committed, and the far end of a tunnel."""

import json
import queue
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from sealflow import pod, relay, transfer
from sealflow.enclave.depot import AddressDepot, DirectoryDepot, depot_of
from sealflow.seal.artifact import SealSettings
from sealflow.seal.keys import Identity
from sealflow.seal.streams import seal_stream


@pytest.fixture
def sealed(tmp_path: Path) -> tuple[Path, str]:
    """A sealed artifact and its digest."""
    plain, file = tmp_path / "plain", tmp_path / "sealed"
    plain.write_bytes(b"rows" * 1000)
    recipient = Identity(X25519PrivateKey.generate()).recipient
    with plain.open("rb") as source, file.open("xb") as target:
        facts = seal_stream(source, target, [recipient], SealSettings(lineage={}))
    return file, facts.digest

    return Identity(X25519PrivateKey.generate()).recipient


def test_directory_brings_back_what_it_kept_and_nothing_else(
    tmp_path: Path, sealed: tuple[Path, str]
) -> None:
    file, digest = sealed
    depot = DirectoryDepot(tmp_path / "depot")
    depot.keep("data", digest, file)
    depot.keep("data", digest, file)
    assert depot.bring("data", digest, tmp_path / "out" / "data")
    assert (tmp_path / "out" / "data").read_bytes() == file.read_bytes()
    assert not depot.bring("data", "sha256:" + "0" * 64, tmp_path / "none")
    place = next((tmp_path / "depot").glob("*/*"))
    place.write_bytes(b"something else")
    assert not depot.bring("data", digest, tmp_path / "out" / "data")


class Store:
    """Objects by path, over HTTP."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        store = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = store.objects.get(self.path)
                self.send_response(404 if content is None else 200)
                self.end_headers()
                self.wfile.write(content or b"")

            def do_PUT(self) -> None:
                content = self.rfile.read(int(self.headers["content-length"]))
                taken = self.headers["if-none-match"] == "*" and self.path in store.objects
                if not taken:
                    store.objects[self.path] = content
                self.send_response(412 if taken else 200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def address(self, path: str, **headers: str) -> dict[str, object]:
        """An address as the engine hands it out."""
        url = f"http://127.0.0.1:{self.server.server_port}{path}"
        return {"url": url, "headers": headers, "uri": f"s3://b{path}"}

    def depot(self, place: Path, attempt: int) -> AddressDepot:
        """The depot of one pod of an attempt."""
        numbers = [(each, slot) for each in range(attempt, 0, -1) for slot in (1, 2)]
        earlier = [self.address(f"/{each}/data.{slot}") for each, slot in numbers]
        put = [self.address(f"/{attempt}/data.{slot}", **{"if-none-match": "*"}) for slot in (1, 2)]
        place.mkdir()
        settings = {"outputs": {"data": {"put": put, "earlier": earlier}}, "kept": str(place / "kept.json")}
        (place / "depot.json").write_text(json.dumps(settings))
        depot = depot_of(None, {"SEALFLOW_DEPOT": str(place / "depot.json")})
        assert isinstance(depot, AddressDepot)
        return depot


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store()
    yield made
    made.server.shutdown()


def test_addresses_keep_an_output_and_a_later_attempt_finds_it(
    tmp_path: Path, sealed: tuple[Path, str], store: Store
) -> None:
    file, digest = sealed
    store.depot(tmp_path / "first", 1).keep("data", digest, file)
    assert store.objects["/1/data.1"] == file.read_bytes()
    noted = {"uri": "s3://b/1/data.1", "digest": transfer.digest_of(str(file))}
    assert pod.kept(str(tmp_path / "first" / "kept.json")) == {"data": noted}
    assert store.depot(tmp_path / "third", 3).bring("data", digest, tmp_path / "data")
    assert (tmp_path / "data").read_bytes() == file.read_bytes()
    assert pod.kept(str(tmp_path / "third" / "kept.json")) == {"data": noted}
    store.objects["/1/data.1"] = b"something else"
    assert not store.depot(tmp_path / "fourth", 3).bring("data", digest, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_pods_of_one_attempt_do_not_write_over_each_other(
    tmp_path: Path, sealed: tuple[Path, str], store: Store
) -> None:
    file, digest = sealed
    store.depot(tmp_path / "first", 1).keep("data", digest, file)
    other = tmp_path / "other"
    other.write_bytes(b"another ciphertext")
    slower = store.depot(tmp_path / "second", 1)
    slower.keep("data", "sha256:" + "1" * 64, other)
    assert [store.objects[f"/1/data.{slot}"] for slot in (1, 2)] == [file.read_bytes(), other.read_bytes()]
    assert slower.bring("data", digest, tmp_path / "data")
    with pytest.raises(transfer.TransferError, match="all taken by other pods"):
        slower.keep("data", digest, file)


def test_no_depot_where_none_is_named() -> None:
    assert depot_of(None, {}) is None


def test_relay_joins_a_pod_with_an_end_that_waits() -> None:
    pods, holder = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
    end = socket.create_connection(holder.getsockname())
    gone = socket.create_connection(holder.getsockname())
    waiting: queue.Queue[socket.socket] = queue.Queue()
    first, second = holder.accept()[0], holder.accept()[0]
    gone.close()
    second.close()
    waiting.put(second)
    waiting.put(first)
    client = socket.create_connection(pods.getsockname())
    threading.Thread(target=relay._joined, args=(pods.accept()[0], waiting), daemon=True).start()
    client.sendall(b"hello")
    assert end.recv(1) == relay.STARTED
    assert end.recv(5) == b"hello"
    end.sendall(b"answer")
    end.shutdown(socket.SHUT_WR)
    assert client.recv(6) == b"answer"
    client.close()
