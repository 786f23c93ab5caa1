"""Python's parsers under inputs that nobody meant: no crash, no hang, nothing accepted that was changed."""

import io
import os
import random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sealflow.seal import SealedReader, SealedWriter, SealError, SealSettings, open_artifact, project_key_from
from sealflow.seal.canonical import canonical_json
from sealflow.seal.dsse import parse_envelope, public_bytes, verify_envelope
from sealflow.seal.statement import (
    PAYLOAD_TYPE,
    STATEMENT_TYPE,
    encode_statement,
    parse_statement,
    sign_statement,
)

INPUTS = 1_000_000 if os.environ.get("SEALFLOW_SLOW") else 1500
KEY = project_key_from(bytes([3]) * 32)
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
STATEMENT = {
    "_type": STATEMENT_TYPE,
    "subject": [{"name": "model", "digest": {"sha256": "ab" * 32}}],
    "predicateType": "urn:sealflow:test:v1",
    "predicate": {"rows": 3, "list": [1, None, "häuser"]},
}


def _sealed(chunk_bytes):
    target = io.BytesIO()
    settings = SealSettings(chunk_bytes=chunk_bytes, lineage={"run": "r"})
    with SealedWriter(target, [KEY.identity.recipient], settings) as writer:
        writer.write(b"some plaintext")
    return target.getvalue()


def _mutated(data, numbers):
    """The bytes with something done to them: bits turned, pieces cut, repeated or left out."""
    result = bytearray(data)
    for _ in range(1 + numbers.randrange(3)):
        if not result:
            break
        at, kind = numbers.randrange(len(result)), numbers.randrange(6)
        if kind < 2:
            result[at] ^= 1 << numbers.randrange(8)
        elif kind == 2:
            del result[at:]
        elif kind == 3:
            result[at:] = result[numbers.randrange(len(result)) :]
        elif kind == 4:
            result[at : at + 4] = b"\xff" * len(result[at : at + 4])
        else:
            result[at] = numbers.randrange(256)
    return bytes(result)


def _accepted(seeds, parse):
    """How many changed inputs are accepted. Anything but a SealError is a crash."""
    numbers, accepted = random.Random(7919), 0
    for _ in range(INPUTS):
        data = _mutated(numbers.choice(seeds), numbers)
        if data in seeds:
            continue
        try:
            parse(data)
            accepted += 1
        except SealError:
            pass
        except Exception as error:
            pytest.fail(f"{data!r}: {error!r}")
    return accepted


def test_no_changed_artifact_opens_as_a_stream():
    seeds = [_sealed(4), _sealed(14), _sealed(1024)]

    def parse(data):
        b"".join(open_artifact(io.BytesIO(data), [KEY.identity]).plaintext)

    assert _accepted(seeds, parse) == 0


def test_no_changed_artifact_opens_from_any_place():
    def parse(data):
        SealedReader(io.BytesIO(data), [KEY.identity]).read()

    assert _accepted([_sealed(4), _sealed(1024)], parse) == 0


def test_no_changed_envelope_is_verified():
    def parse(data):
        verify_envelope(parse_envelope(data), keys=[public_bytes(SIGNER)], payload_type=PAYLOAD_TYPE)

    assert _accepted([canonical_json(sign_statement(STATEMENT, [SIGNER]))], parse) == 0


def test_an_accepted_statement_is_the_one_text_of_what_it_says():
    def parse(data):
        assert encode_statement(parse_statement(data)) == data

    _accepted([encode_statement(STATEMENT)], parse)
