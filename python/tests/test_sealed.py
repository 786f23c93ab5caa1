"""Sealed tasks against brokers, stores and control planes that mean no good."""

import base64
import http.server
import io
import json
import os
import socketserver
import threading
import time

import pytest

pytest.importorskip("cryptography")

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sealflow.seal import SealError, artifact_digest, project_key_from, seal_stream
from sealflow.seal.canonical import canonical_json
from sealflow.seal.dsse import public_bytes, sign_envelope
from sealflow.seal.keys import hpke_seal
from sealflow.seal.statement import verify_statement
from sealflow.sealed.archive import ArchiveReader, write_archive
from sealflow.sealed.client import BrokerClient, JsonService
from sealflow.sealed.errors import Refused, Unreachable
from sealflow.sealed.grant import commitment
from sealflow.sealed.task import SealedSetting, SealedTask, TaskFailed
from sealflow.sealed.transcript import Transcript

RUN = "01a21499-4ca7-87cd-8499-edda09ee9f9c"
COMPONENT = "sha256:" + "cc" * 32
DIGEST = "sha256:" + "11" * 32
PROJECT = project_key_from(bytes([1]) * 32)


def committed(path="copy", attempt=1):
    shown = {"commitment": DIGEST, "value": 11, "declassified": True}
    outputs = {"parameters": {"Output": shown}, "artifacts": {"copy": [DIGEST]}}
    words = {"kind": "committed", "path": path, "attempt": attempt, "statement": DIGEST, "reused": False}
    return words | {"outputs": outputs}


class Broker:
    """Answers as the protocol says, but for what a test changes."""

    def __init__(self, sealed_input):
        self.key = Ed25519PrivateKey.generate()
        self.recipient = project_key_from(os.urandom(32)).identity
        self.sealed_input = sealed_input
        self.received = []
        self.change_challenge = lambda challenge: challenge
        self.change_content = lambda content: content
        self.sign = lambda kind, payload: sign_envelope(kind, payload, [self.key])
        self.change_outer = lambda outer: outer
        self.change = lambda what, answer: answer
        self.failures = 0
        self.statuses = []

    def answer(self, what, body):
        self.received.append((what, body))
        return self.change(what, self.answer_to(what, body))

    def answer_to(self, what, body):
        if what == "challenges":
            return self.change_challenge(
                {
                    "kind": "challenge",
                    "domain": "test",
                    "brokerKey": public_bytes(self.key).hex(),
                    "nonce": "01" * 32,
                    "expiresAt": "2100-01-01T00:00:00.000Z",
                    "registration": DIGEST,
                    "policy": DIGEST,
                    "policyEpoch": 1,
                    "path": body["path"],
                    "attempt": 1,
                    "component": COMPONENT,
                }
            )
        if what == "requests":
            return {"kind": "granted", "grant": self.grant(body["transcript"])}
        if what == "failures":
            return {"kind": "failed", "path": body["path"], "attempt": 1, "final": True}
        return committed(body["path"], body["attempt"])

    def grant(self, transcript):
        snake = {
            "".join("_" + c.lower() if c.isupper() else c for c in name): value
            for name, value in transcript.items()
        }
        hashed = Transcript(**snake).hash()
        content = self.change_content(
            {
                "version": "sealflow.grant/v1",
                "runId": RUN,
                "path": transcript["path"],
                "attempt": 1,
                "component": COMPONENT,
                "parameters": {"scale": {"value": 2, "salt": "02" * 32}},
                "inputs": {
                    "data": [
                        {
                            "name": "data",
                            "type": {"schemaTitle": "system.Dataset"},
                            "statement": None,
                            "digest": self.sealed_input.digest,
                            "key": self.sealed_input.data_key.hex(),
                            "metadata": {},
                        }
                    ]
                },
                "outputs": {
                    "parameters": {"Output": "NUMBER_INTEGER"},
                    "artifacts": {
                        "copy": {"type": {"schemaTitle": "system.Dataset"}, "list": False, "metadata": {}}
                    },
                },
                "recipients": [PROJECT.identity.recipient.hex()],
                "broker": self.recipient.recipient.hex(),
                "release": [],
                "expiresAt": "2100-01-01T00:00:00.000Z",
            }
        )
        enc, ciphertext = hpke_seal(canonical_json(content), bytes.fromhex(transcript["sealingKey"]), hashed)
        outer = self.change_outer(
            {
                "transcript": hashed.hex(),
                "enc": base64.b64encode(enc).decode(),
                "ciphertext": base64.b64encode(ciphertext).decode(),
            }
        )
        return self.sign("application/vnd.sealflow.grant.v1+json", canonical_json(outer))


@pytest.fixture
def world(tmp_path):
    """A broker behind a Unix socket, a sealed input, and the places of one task."""
    sealed = tmp_path / "input.sealed"
    with sealed.open("wb") as target:
        facts = seal_stream(io.BytesIO(b"secret rows"), target, [])
    broker = Broker(facts)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            what = self.path.rpartition("/")[2]
            if broker.failures > 0:
                broker.failures -= 1
                self.close_connection = True
                return
            if broker.statuses:
                self.send_response(broker.statuses.pop(0))
                self.send_header("content-length", "0")
                self.end_headers()
                return
            answer = broker.answer(what, body)
            content = json.dumps(answer).encode()
            self.send_response(403 if "error" in answer else 200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

        def get_request(self):
            request, _ = super().get_request()
            return request, ("local", 0)

    server = Server(str(tmp_path / "s"), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in ("memory", "outputs", "store"):
        (tmp_path / name).mkdir()
    yield broker, tmp_path, sealed
    server.shutdown()
    server.server_close()


class Evidence:
    def evidence(self, report_data):
        assert len(report_data) == 64
        return {"type": "sgx-dcap", "quote": "AA==", "collateral": {}}


def task(tmp_path, sealed, component=COMPONENT, inputs=None):
    setting = SealedSetting(
        path="copy",
        component=component,
        inputs=inputs if inputs is not None else {artifact_digest(sealed.open("rb")): str(sealed)},
        outputs=tmp_path / "outputs",
        store=tmp_path / "store",
        memory=tmp_path / "memory",
    )
    client = BrokerClient(JsonService(f"unix:{tmp_path / 's'}"), RUN)
    return SealedTask(client, Evidence(), setting)


def component():
    """The function that tests run."""
    from kfp.dsl import Dataset, Input, Output

    def copy(data: Input[Dataset], copy: Output[Dataset], scale: int) -> int:
        with open(data.path, "rb") as file:
            content = file.read()
        with open(copy.path, "wb") as file:
            file.write(content * scale)
        return len(content)

    return copy


def test_a_task_signs_what_its_grant_and_its_outputs_say(world):
    broker, tmp_path, sealed = world
    result = task(tmp_path, sealed).run(component)
    assert result["released"] == {"parameters": {}, "artifacts": {}}
    what, commit = broker.received[-1]
    assert what == "commits"
    transcript = broker.received[1][1]["transcript"]
    statement = verify_statement(commit["statement"], keys=[bytes.fromhex(transcript["signingKey"])])
    definition = statement["predicate"]["buildDefinition"]
    assert definition["externalParameters"]["parameters"] == {"scale": commitment(2, bytes([2]) * 32)}
    assert definition["resolvedDependencies"][0]["digest"] == {"sha256": broker.sealed_input.digest[7:]}
    name = statement["subject"][1]["digest"]["sha256"]
    assert (tmp_path / "store" / name[:2] / name).exists()


def signed_by_another(broker):
    other = Ed25519PrivateKey.generate()
    broker.sign = lambda kind, payload: sign_envelope(kind, payload, [other])


def signed_twice(broker):
    other = Ed25519PrivateKey.generate()
    broker.sign = lambda kind, payload: sign_envelope(kind, payload, [broker.key, other])


def another_kind(broker):
    broker.sign = lambda kind, payload: sign_envelope("application/json", payload, [broker.key])


def changed_after_signing(broker):
    def sign(kind, payload):
        envelope = sign_envelope(kind, payload, [broker.key])
        return envelope | {"payload": base64.b64encode(payload.replace(b"enc", b"Enc")).decode()}

    broker.sign = sign


def for_another_transcript(broker):
    broker.change_outer = lambda outer: outer | {"transcript": "00" * 32}


def for_another_key(broker):
    other = project_key_from(os.urandom(32)).identity.recipient

    def change(outer):
        enc, ciphertext = hpke_seal(b"{}", other, bytes.fromhex(outer["transcript"]))
        return outer | {
            "enc": base64.b64encode(enc).decode(),
            "ciphertext": base64.b64encode(ciphertext).decode(),
        }

    broker.change_outer = change


def expired(broker):
    broker.change_content = lambda content: content | {"expiresAt": "2020-01-01T00:00:00.000Z"}


def of_another_task(broker):
    broker.change_content = lambda content: content | {"path": "other"}


def of_another_component(broker):
    broker.change_content = lambda content: content | {"component": DIGEST}


def challenge_for_another_component(broker):
    broker.change_challenge = lambda challenge: challenge | {"component": DIGEST}


def challenge_for_another_task(broker):
    broker.change_challenge = lambda challenge: challenge | {"path": "other"}


def refusal(broker):
    broker.change_challenge = lambda _: {"error": {"code": "TRUST_TASK_NOT_DUE", "message": "task copy: no"}}


@pytest.mark.parametrize(
    ("forge", "code"),
    [
        (signed_by_another, "SEAL_ENVELOPE_SIGNER"),
        (signed_twice, "SEAL_ENVELOPE_SIGNER"),
        (another_kind, "SEAL_ENVELOPE_TYPE"),
        (changed_after_signing, "SEAL_ENVELOPE_SIGNATURE"),
        (for_another_transcript, "TRUST_GRANT_TRANSCRIPT"),
        (for_another_key, "TRUST_GRANT_KEY"),
        (expired, "TRUST_GRANT_EXPIRED"),
        (of_another_task, "TRUST_GRANT_TRANSCRIPT"),
        (of_another_component, "TRUST_GRANT_TRANSCRIPT"),
        (challenge_for_another_component, "SEALED_COMPONENT"),
        (challenge_for_another_task, "SEALED_CHALLENGE"),
        (refusal, "TRUST_TASK_NOT_DUE"),
    ],
)
def test_what_is_no_grant_for_this_task_is_refused_before_anything_runs(world, forge, code):
    broker, tmp_path, sealed = world
    forge(broker)

    def never():
        raise AssertionError("the component ran")

    with pytest.raises(Refused) as refused:
        task(tmp_path, sealed).run(never)
    assert refused.value.code == code
    assert not (tmp_path / "memory" / "inputs").exists()
    assert [what for what, _ in broker.received if what in ("commits", "failures")] == []


def test_inputs_that_the_store_changed_exchanged_or_lost_are_refused(world):
    broker, tmp_path, sealed = world
    digest = broker.sealed_input.digest
    other = tmp_path / "other.sealed"
    with other.open("wb") as target:
        seal_stream(io.BytesIO(b"other rows"), target, [])
    changed = tmp_path / "changed.sealed"
    content = bytearray(sealed.read_bytes())
    content[-1] ^= 1
    changed.write_bytes(content)
    for inputs, code in (
        ({digest: str(other)}, "SEAL_KEY_WRONG"),
        ({digest: str(changed)}, "SEAL_ARTIFACT_CORRUPT"),
        ({digest: str(tmp_path / "none")}, "SEALED_INPUT_MISSING"),
        ({}, "SEALED_INPUT_MISSING"),
    ):
        (tmp_path / "memory").rename(tmp_path / f"memory-{code}-{len(inputs)}{time.monotonic_ns()}")
        (tmp_path / "memory").mkdir()
        with pytest.raises(Refused) as refused:
            task(tmp_path, sealed, inputs=inputs).run(component)
        assert refused.value.code == code


def test_another_plaintext_under_the_granted_key_is_refused(world):
    """A recipient of an input knows its key and can seal something else under it."""
    broker, tmp_path, sealed = world
    from sealflow.seal import SealSettings

    forged = tmp_path / "forged.sealed"
    with forged.open("wb") as target:
        seal_stream(io.BytesIO(b"forged"), target, [], SealSettings(data_key=broker.sealed_input.data_key))
    with pytest.raises(Refused) as refused:
        task(tmp_path, sealed, inputs={broker.sealed_input.digest: str(forged)}).run(component)
    assert refused.value.code == "SEAL_ARTIFACT_OTHER"


def test_a_failure_is_signed_and_says_a_code_only(world):
    broker, tmp_path, sealed = world

    def failing():
        def copy(data: str = "") -> int:
            raise ValueError("secret rows")

        return copy

    with pytest.raises(TaskFailed) as failed:
        task(tmp_path, sealed).run(failing)
    assert (failed.value.code, failed.value.final) == ("TASK_RAISED", True)
    what, message = broker.received[-1]
    assert what == "failures"
    transcript = broker.received[1][1]["transcript"]
    statement = verify_statement(message["statement"], keys=[bytes.fromhex(transcript["signingKey"])])
    assert statement["predicate"]["code"] == "TASK_RAISED"
    assert "secret" not in json.dumps(statement)


def only(changed, answer):
    """Answers one kind of message otherwise."""
    return lambda what, given: answer if what == changed else given


@pytest.mark.parametrize("what", ["challenges", "requests", "commits", "failures"])
def test_a_task_that_is_committed_already_gives_what_is_committed(world, what):
    broker, tmp_path, sealed = world
    broker.change = only(what, committed(attempt=2))

    def failing():
        raise ValueError("secret rows")

    run = failing if what == "failures" else component
    # Of another attempt, so that nothing of this one's is released.
    assert task(tmp_path, sealed).run(run) == {"committed": committed(attempt=2), "released": {}}


@pytest.mark.parametrize("what", ["challenges", "requests", "commits", "failures"])
@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"path": "other"}, "path"),
        ({"attempt": -1}, "attempt"),
        ({"statement": "none"}, "statement"),
        ({"reused": "yes"}, "reused"),
        ({"more": 1}, "its root"),
        ({"outputs": []}, "outputs"),
        ({"outputs": {"parameters": {"Output": 11}, "artifacts": {}}}, "outputs.parameters.Output"),
        ({"outputs": {"parameters": {}, "artifacts": {"copy": ["../x"]}}}, "outputs.artifacts.copy[0]"),
        ({"outputs": {"parameters": {}, "artifacts": {"\ud800": []}}}, "Unicode"),
    ],
)
def test_what_is_committed_is_held_against_its_form(world, what, change, place):
    broker, tmp_path, sealed = world
    broker.change = only(what, committed() | change)

    def failing():
        raise ValueError("secret rows")

    with pytest.raises(Refused) as refused:
        task(tmp_path, sealed).run(failing if what == "failures" else component)
    assert refused.value.code == "SEALED_ANSWER"
    assert place in refused.value.message


@pytest.mark.parametrize(
    ("what", "kind", "code"),
    [
        ("challenges", "granted", "SEALED_CHALLENGE"),
        ("requests", "challenge", "SEALED_ANSWER"),
        ("commits", "granted", "SEALED_ANSWER"),
        ("failures", "granted", "SEALED_ANSWER"),
    ],
)
def test_an_answer_of_another_kind_is_refused(world, what, kind, code):
    broker, tmp_path, sealed = world
    broker.change = lambda asked, answer: answer | {"kind": kind} if asked == what else answer

    def failing():
        raise ValueError("secret rows")

    with pytest.raises(Refused) as refused:
        task(tmp_path, sealed).run(failing if what == "failures" else component)
    assert refused.value.code == code


def test_an_end_that_is_neither_for_good_nor_not_is_refused(world):
    broker, tmp_path, sealed = world
    broker.change = lambda what, answer: answer | {"final": "no"} if what == "failures" else answer

    def failing():
        raise ValueError("secret rows")

    with pytest.raises(Refused, match="SEALED_ANSWER"):
        task(tmp_path, sealed).run(failing)


def refuse_attempts(broker, times):
    """As a broker does that has granted the attempt to another process meanwhile."""
    answer = broker.answer

    def refusing(what, body):
        nonlocal times
        if what == "requests" and times > 0:
            times -= 1
            return {"error": {"code": "TRUST_ATTEMPT_TAKEN", "message": "task copy, attempt 1"}}
        return answer(what, body)

    broker.answer = refusing


def test_whoever_loses_an_attempt_to_another_process_asks_for_the_next_one_and_not_for_ever(world):
    broker, tmp_path, sealed = world
    refuse_attempts(broker, 2)
    assert task(tmp_path, sealed).run(component)["committed"]["attempt"] == 1
    assert [what for what, _ in broker.received].count("challenges") == 3
    refuse_attempts(broker, 3)
    with pytest.raises(Refused, match="TRUST_ATTEMPT_TAKEN"):
        task(tmp_path, sealed).run(component)


def test_lost_replies_are_asked_for_again_and_a_silent_broker_is_said_to_be_silent(world):
    broker, tmp_path, sealed = world
    broker.failures = 2
    assert task(tmp_path, sealed).run(component)["committed"]["attempt"] == 1
    with pytest.raises(Unreachable):
        JsonService(f"unix:{tmp_path / 'nobody'}", attempts=2).post("/", {})
    with pytest.raises(Refused, match="SEALED_ADDRESS"):
        JsonService("http://broker.example").post("/", {})


def test_a_busy_broker_and_a_proxy_that_got_no_answer_are_asked_again_and_nobody_else(world):
    broker, tmp_path, _ = world
    broker.statuses = [429, 502, 503, 504]
    client = BrokerClient(JsonService(f"unix:{tmp_path / 's'}"), RUN)
    assert client.challenge("copy")["kind"] == "challenge"
    for status in (400, 403, 500):
        broker.statuses = [status]
        with pytest.raises(Unreachable, match=f"status {status}"):
            client.challenge("copy")
    assert len(broker.received) == 1


def test_archives_come_back_and_hostile_ones_are_refused(tmp_path):
    source = tmp_path / "source"
    (source / "a" / "deep").mkdir(parents=True)
    (source / "a" / "deep" / ("x" * 120)).write_bytes(b"long")
    (source / "b").write_bytes(b"z" * 1000)
    (source / "b").chmod(0o755)
    archive = io.BytesIO()
    write_archive(source, archive)
    whole = archive.getvalue()
    for size in (1, 7, 511, 512, 100_000):
        reader = ArchiveReader(tmp_path / f"again-{size}")
        for at in range(0, len(whole), size):
            reader.write(whole[at : at + size])
        reader.close()
        again = io.BytesIO()
        write_archive(tmp_path / f"again-{size}", again)
        assert again.getvalue() == whole
    for number, hostile in enumerate(
        (
            whole[:700],
            whole + b"\0",
            whole.replace(b"a/deep/", b"a/../x/"),
            b"x" * 1024,
            whole[:-512],
        )
    ):
        reader = ArchiveReader(tmp_path / f"hostile-{number}")
        with pytest.raises(SealError, match="SEAL_ARCHIVE_MALFORMED"):  # noqa: PT012
            reader.write(hostile)
            reader.close()
