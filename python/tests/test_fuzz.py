"""Python's parsers under inputs that nobody meant: no crash, no hang, nothing accepted that was changed."""

import base64
import io
import json
import shutil
import struct
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from fuzzing import fuzz, mutated_bytes, mutated_document, mutated_value, spelled

from sealflow.enclave.collateral import CollateralError, platform_of
from sealflow.enclave.exchange import Exchange
from sealflow.seal import SealedReader, SealedWriter, SealSettings, open_artifact, project_key_from
from sealflow.seal.canonical import canonical_json, parse_canonical
from sealflow.seal.dsse import (
    encode_envelope,
    parse_envelope,
    public_bytes,
    sign_envelope,
    verify_envelope,
)
from sealflow.seal.header import read_opening
from sealflow.seal.keys import Identity, format_recipient, hpke_open, hpke_seal, parse_recipient
from sealflow.seal.statement import (
    PAYLOAD_TYPE,
    STATEMENT_TYPE,
    encode_statement,
    parse_statement,
    sign_statement,
)
from sealflow.sealed.answers import committed
from sealflow.sealed.archive import ArchiveReader, write_archive
from sealflow.sealed.errors import Refused
from sealflow.sealed.grant import open_grant
from sealflow.sealed.grant_content import check_content
from sealflow.sealed.transcript import Transcript

VECTORS = Path(__file__).parents[3] / "shared" / "attestation-vectors"
KEY = project_key_from(bytes([3]) * 32)
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
STATEMENT = {
    "_type": STATEMENT_TYPE,
    "subject": [{"name": "model", "digest": {"sha256": "ab" * 32}}],
    "predicateType": "urn:sealflow:test:v1",
    "predicate": {"rows": 3, "list": [1, None, "häuser"]},
}
ENVELOPE = sign_statement(STATEMENT, [SIGNER])
CHALLENGE = {
    "kind": "challenge",
    "domain": "test",
    "brokerKey": public_bytes(SIGNER).hex(),
    "nonce": "01" * 32,
    "expiresAt": "2100-01-01T00:00:00.000Z",
    "registration": "sha256:" + "11" * 32,
    "policy": "sha256:" + "12" * 32,
    "policyEpoch": 1,
    "path": "copy",
    "attempt": 1,
    "component": "sha256:" + "cc" * 32,
}
GRANT = {
    "version": "sealflow.grant/v1",
    "runId": "01a21499-4ca7-87cd-8499-edda09ee9f9c",
    "path": "copy",
    "attempt": 1,
    "component": CHALLENGE["component"],
    "parameters": {"scale": {"value": 2, "salt": "02" * 32}},
    "inputs": {
        "data": [
            {
                "name": "data",
                "type": {"schemaTitle": "system.Dataset"},
                "statement": None,
                "digest": "sha256:" + "33" * 32,
                "key": "44" * 32,
                "metadata": {},
            }
        ]
    },
    "outputs": {
        "parameters": {"Output": "NUMBER_INTEGER"},
        "artifacts": {"copy": {"type": {"schemaTitle": "system.Dataset"}, "list": False, "metadata": {}}},
    },
    "recipients": [KEY.identity.recipient.hex()],
    "broker": KEY.identity.recipient.hex(),
    "release": ["Output"],
    "expiresAt": "2100-01-01T00:00:00.000Z",
}


def _sealed(chunk_bytes):
    target = io.BytesIO()
    settings = SealSettings(chunk_bytes=chunk_bytes, lineage={"run": "r"})
    with SealedWriter(target, [KEY.identity.recipient], settings) as writer:
        writer.write(b"some plaintext")
    return target.getvalue()


ARTIFACTS = [_sealed(4), _sealed(14), _sealed(1024)]


def _parts(artifact):
    (header,) = struct.unpack_from(">I", artifact, 12)
    (section,) = struct.unpack_from(">I", artifact, 16 + header)
    end = 20 + header + section
    read = [
        parse_canonical(text, code="x", what="x", max_bytes=1 << 16)
        for text in (artifact[16 : 16 + header], artifact[20 + header : end])
    ]
    return *read, artifact[end:]


PARTS = [_parts(each) for each in ARTIFACTS]


def _changed_artifact(numbers):
    """An artifact with something done to its bytes or to what its header and its keys say."""
    which = int(numbers() * len(ARTIFACTS))
    if numbers() < 0.5:
        return mutated_bytes(ARTIFACTS[which], numbers)
    header, section, rest = PARTS[which]
    if numbers() < 0.5:
        header = mutated_value(header, numbers)
    else:
        section = mutated_value(section, numbers)
    texts = [struct.pack(">I", len(text)) + text for text in (spelled(header), spelled(section))]
    return b"".join([ARTIFACTS[which][:12], *texts, rest])


def _never(accepted):
    raise AssertionError(f"accepted: {accepted!r}")


def test_no_changed_artifact_opens_as_a_stream():
    def one(numbers):
        data = _changed_artifact(numbers)
        if data not in ARTIFACTS:
            _never(b"".join(open_artifact(io.BytesIO(data), [KEY.identity]).plaintext))

    fuzz("artifact as a stream", one)


def test_no_changed_artifact_opens_from_any_place():
    def one(numbers):
        data = _changed_artifact(numbers)
        if data not in ARTIFACTS:
            _never(SealedReader(io.BytesIO(data), [KEY.identity]).read())

    fuzz("artifact from any place", one)


def test_what_is_read_of_an_opening_is_the_one_text_of_what_it_says():
    def one(numbers):
        data = _changed_artifact(numbers)
        opening = read_opening(io.BytesIO(data))
        keys = [
            {
                "recipient": each.recipient,
                "enc": base64.b64encode(each.enc).decode(),
                "key": base64.b64encode(each.key).decode(),
            }
            for each in opening.keys
        ]
        section = canonical_json({"recipients": keys})
        assert data.startswith(opening.header.encode() + struct.pack(">I", len(section)) + section)

    fuzz("opening", one)


def test_no_changed_envelope_is_verified():
    text = encode_envelope(ENVELOPE)

    def one(numbers):
        data = mutated_document(text, ENVELOPE, numbers)
        if data == text:
            return
        envelope = parse_envelope(data)
        assert encode_envelope(envelope) == data
        _never(verify_envelope(envelope, keys=[public_bytes(SIGNER)], payload_type=PAYLOAD_TYPE))

    fuzz("envelope", one)


def test_an_accepted_statement_is_the_one_text_of_what_it_says():
    text = encode_statement(STATEMENT)

    def one(numbers):
        data = mutated_document(text, STATEMENT, numbers)
        assert encode_statement(parse_statement(data)) == data

    fuzz("statement", one)


def test_accepted_canonical_json_is_the_one_text_of_its_value():
    value = {"a": [1, -0.5, 1e21, 1e-7, True, None], "é\U0001f600": {"\n": "\u2028"}, "": 2**53}
    text = canonical_json(value)

    def one(numbers):
        data = mutated_document(text, value, numbers)
        assert canonical_json(parse_canonical(data, code="x", what="x", max_bytes=1 << 20)) == data

    fuzz("canonical JSON", one)


def test_no_other_recipient_is_read():
    text = format_recipient(KEY.identity.recipient).encode()

    def one(numbers):
        data = mutated_bytes(text, numbers)
        if data != text:
            _never(parse_recipient(data.decode("latin-1")))

    fuzz("recipient", one)


def test_no_changed_hpke_message_opens():
    whole = b"".join(hpke_seal(b"a key", KEY.identity.recipient, b"fuzz"))

    def one(numbers):
        data = mutated_bytes(whole, numbers)
        assert data == whole or hpke_open(data[:32], data[32:], KEY.identity, b"fuzz") is None

    fuzz("hpke", one)


def test_an_accepted_archive_is_the_archive_of_what_it_says(tmp_path):
    memory = _in_memory(tmp_path)
    archives = [
        _archive_of(memory / f"{i}", files)
        for i, files in enumerate([{"a": b"abc", "b": b"x" * 600}, {"x" * 140: b""}, {"d/e": b"1"}, {}])
    ]

    def one(numbers):
        data = mutated_bytes(archives[int(numbers() * len(archives))], numbers)
        place = memory / "again"
        try:
            reader = ArchiveReader(place)
            reader.write(data)
            reader.close()
            again = io.BytesIO()
            write_archive(place, again)
            assert again.getvalue() == data
        finally:
            shutil.rmtree(place)

    try:
        fuzz("archive", one)
    finally:
        shutil.rmtree(memory)


def _in_memory(tmp_path):
    shared = Path("/dev/shm")
    memory = (shared if shared.is_dir() else tmp_path) / f"sealflow-fuzz-{tmp_path.name}-{time.time_ns()}"
    memory.mkdir()
    return memory


def _archive_of(place, files):
    place.mkdir()
    for name, content in files.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_bytes(content)
    target = io.BytesIO()
    write_archive(place, target)
    return target.getvalue()


def test_a_challenge_is_answered_as_it_was_asked_or_refused():
    def one(numbers):
        changed = mutated_value(CHALLENGE, numbers)
        transcript = Transcript.of_challenge(changed, bytes(32), bytes(32))
        message = transcript.message()
        assert all(changed[name] == message[name] for name in message if not name.endswith("ingKey"))
        assert len(transcript.hash()) == 32

    fuzz("challenge", one)


def test_what_is_said_to_be_committed_is_an_answer_of_the_protocol_or_refused():
    digest = "sha256:" + "11" * 32
    shown = {"commitment": digest, "value": {"rows": [1, None, "häuser"]}, "declassified": True}
    outputs = {"parameters": {"rows": shown}, "artifacts": {"model": [digest], "none": []}}
    words = {"kind": "committed", "path": "copy", "attempt": 1, "statement": digest, "reused": False}
    whole = words | {"outputs": outputs}
    assert committed(whole, "copy") == whole

    def one(numbers):
        value = json.loads(json.dumps(mutated_value(whole, numbers)))
        answer = committed(value, "copy")
        assert (answer, set(answer)) == (value, set(whole))
        for name, each in answer["outputs"]["parameters"].items():
            json.dumps([name, each["value"]], ensure_ascii=False).encode()
        for listed in answer["outputs"]["artifacts"].values():
            assert all(len(each) == len(digest) for each in listed)

    fuzz("committed", one)


def test_a_grant_that_nobody_signed_is_refused_and_a_signed_one_has_its_shape():
    identity = Identity(X25519PrivateKey.generate())
    transcript = Transcript.of_challenge(CHALLENGE, identity.recipient, bytes(32))

    def sealed(content):
        enc, ciphertext = hpke_seal(content, identity.recipient, transcript.hash())
        outer = {
            "transcript": transcript.hash().hex(),
            "enc": base64.b64encode(enc).decode(),
            "ciphertext": base64.b64encode(ciphertext).decode(),
        }
        return outer, sign_envelope("application/vnd.sealflow.grant.v1+json", canonical_json(outer), [SIGNER])

    text = canonical_json(GRANT)
    outer, envelope = sealed(text)
    assert open_grant(envelope, transcript, identity, 0).content == GRANT

    def one(numbers):
        kind = numbers()
        if kind < 0.6:
            changed = mutated_value(envelope, numbers)
            if changed != envelope:
                _never(open_grant(changed, transcript, identity, 0))
        elif kind < 0.8:
            payload = mutated_document(canonical_json(outer), outer, numbers)
            if payload != canonical_json(outer):
                signed = sign_envelope("application/vnd.sealflow.grant.v1+json", payload, [SIGNER])
                _never(open_grant(signed, transcript, identity, 0))
        else:
            _, signed = sealed(mutated_document(text, GRANT, numbers))
            content = open_grant(signed, transcript, identity, 0).content
            assert check_content(content) == content
            own = ("path", "attempt", "component")
            assert [content[name] for name in own] == [GRANT[name] for name in own]

    fuzz("grant", one)


def test_what_the_host_wrote_is_an_object_or_refused(tmp_path):
    value = {"version": "v", "broker": "unix:/s", "runId": "r", "path": "p", "executor": "e", "deep": [[]]}
    text = canonical_json(value)

    class Content:
        """A file that is in memory: a million on a disk would take long."""

        name = "request.json"

        def open(self, _):
            return io.BytesIO(self.data)

    exchange, file = Exchange(tmp_path), Content()

    def one(numbers):
        file.data = mutated_document(text, value, numbers)
        if numbers() < 0.001:
            file.data = b"[" * int(numbers() * 200_000)
        try:
            assert isinstance(exchange.read_json(file), dict)
        except ValueError as error:
            raise Refused("x", "x") from error

    fuzz("host's file", one)


def test_a_quote_names_its_platform_or_is_refused():
    quotes = sorted(VECTORS.glob("bundles/*.quote.bin"))
    if not quotes:
        pytest.skip("needs recorded quotes")
    whole = quotes[0].read_bytes()
    assert platform_of(whole)

    def one(numbers):
        try:
            platform_of(mutated_bytes(whole, numbers))
        except CollateralError as error:
            raise Refused("x", "x") from error

    fuzz("quote's platform", one)
