import base64
import io
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import seal_vectors
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sealflow.seal import (
    SealedReader,
    SealedWriter,
    SealError,
    SealSettings,
    artifact_digest,
    format_recipient,
    memory_directory,
    open_artifact,
    open_sealed,
    parse_recipient,
    project_key_from,
    sealed_file,
)
from sealflow.seal.canonical import canonical_json, parse_canonical
from sealflow.seal.keys import hpke_seal
from sealflow.seal.memory import require_memory_backed, sweep

ALICE = project_key_from(bytes([1] * 32))
BOB = project_key_from(bytes([2] * 32))
VECTORS = seal_vectors.vectors()


def named(vector):
    return f"{vector['name']}, made by {vector['producer']}"


def seal(plaintext, *, recipients=(ALICE.identity.recipient,), **settings):
    target = io.BytesIO()
    with SealedWriter(target, recipients, SealSettings(**settings)) as writer:
        writer.write(plaintext)
    return target.getvalue()


def opened(sealed, unlock=(ALICE.identity,), **options):
    return b"".join(open_artifact(io.BytesIO(sealed), unlock, **options).plaintext)


def code_of(work):
    try:
        work()
    except SealError as error:
        return error.code
    return "accepted"


class TestVectors:
    @pytest.mark.parametrize("vector", VECTORS, ids=named)
    def test_open_for_each_recipient_and_with_the_data_key(self, vector):
        artifact = base64.b64decode(vector["artifact"])
        expected = seal_vectors.plaintext_of(vector["plaintextLength"])
        for secret in vector["secrets"]:
            identity = project_key_from(bytes.fromhex(secret)).identity
            assert opened(artifact, [identity]) == expected
        data_key = bytes.fromhex(vector["dataKey"])
        assert opened(artifact, data_key) == expected
        assert SealedReader(io.BytesIO(artifact), data_key).read() == expected
        assert artifact_digest(io.BytesIO(artifact)) == vector["digest"]
        header = open_artifact(io.BytesIO(artifact), data_key).header
        assert (header.id, header.content, header.lineage) == (
            vector["id"],
            vector["content"],
            vector["lineage"],
        )

    @pytest.mark.parametrize("vector", VECTORS, ids=named)
    def test_are_made_again_but_for_the_wrapped_keys(self, vector):
        again = seal(
            seal_vectors.plaintext_of(vector["plaintextLength"]),
            recipients=[],
            lineage=vector["lineage"],
            content=vector["content"],
            chunk_bytes=vector["chunkBytes"],
            data_key=bytes.fromhex(vector["dataKey"]),
            random=lambda _: bytes.fromhex(vector["id"]),
        )
        length = vector["plaintextLength"]
        body = length + 16 * max(1, -(-length // vector["chunkBytes"]))
        artifact = base64.b64decode(vector["artifact"])
        header = 16 + int.from_bytes(artifact[12:16])
        assert again[:header] == artifact[:header]
        assert again[-body:] == artifact[-body:]

    @pytest.mark.parametrize("case", seal_vectors.read("malformed.json"), ids=lambda case: case["reason"])
    def test_malformed_artifacts_are_refused_with_the_same_code(self, case):
        assert code_of(lambda: opened(base64.b64decode(case["artifact"]))) == case["code"]


class TestArtifacts:
    def test_open_to_what_was_sealed_whatever_the_sizes(self):
        source = random.Random(7)
        for _ in range(60):
            plaintext = source.randbytes(source.randrange(300))
            target = io.BytesIO()
            settings = SealSettings(chunk_bytes=source.randrange(1, 64))
            with SealedWriter(target, [ALICE.identity.recipient], settings) as writer:
                at = 0
                while at < len(plaintext):
                    size = source.randrange(1, 50)
                    writer.write(plaintext[at : at + size])
                    at += size
            assert opened(target.getvalue()) == plaintext
            reader = SealedReader(target, [ALICE.identity])
            assert reader.size == len(plaintext)
            for _ in range(5):
                offset, length = source.randrange(310), source.randrange(310)
                reader.seek(offset)
                buffered = io.BufferedReader(reader)
                assert buffered.read(length) == plaintext[offset : offset + length]
                buffered.detach()

    def test_cut_off_or_changed_anywhere_are_refused(self):
        sealed = seal(b"a plaintext in several chunks", chunk_bytes=7)
        for at in range(len(sealed)):
            changed = bytearray(sealed)
            changed[at] ^= 1 << (at % 8)
            for bad in (sealed[:at], bytes(changed)):
                assert code_of(lambda bad=bad: opened(bad)).startswith("SEAL_")
                assert code_of(
                    lambda bad=bad: SealedReader(io.BytesIO(bad), [ALICE.identity]).readall()
                ).startswith("SEAL_")

    def test_open_for_their_recipients_only(self):
        sealed = seal(b"x")
        assert code_of(lambda: opened(sealed, [BOB.identity])) == "SEAL_RECIPIENT_NONE"
        assert code_of(lambda: opened(sealed, bytes(32))) == "SEAL_KEY_WRONG"
        assert opened(seal(b"x", recipients=[BOB.identity.recipient]), [ALICE.identity, BOB.identity]) == b"x"

    def test_are_bound_to_their_lineage(self):
        sealed = seal(b"x", lineage={"run": "r1"})
        assert opened(sealed, lineage={"run": "r1"}) == b"x"
        assert code_of(lambda: opened(sealed, lineage={"run": "r2"})) == "SEAL_LINEAGE_MISMATCH"

    def test_of_a_failed_writer_cannot_be_opened(self):
        target = io.BytesIO()
        with suppress(RuntimeError), SealedWriter(target, [ALICE.identity.recipient]) as writer:
            writer.write(b"half")
            raise RuntimeError
        assert code_of(lambda: opened(target.getvalue())) == "SEAL_ARTIFACT_TRUNCATED"

    def test_written_to_a_file_appear_whole_or_not_at_all(self, tmp_path):
        path = tmp_path / "model.sealed"
        with sealed_file(path, [ALICE.identity.recipient]) as writer:
            writer.write(b"model")
            assert not path.exists()
        with suppress(RuntimeError), sealed_file(path, [ALICE.identity.recipient]) as writer:
            writer.write(b"other")
            raise RuntimeError
        assert os.listdir(tmp_path) == ["model.sealed"]
        with open_sealed(path, [ALICE.identity]) as file:
            assert file.read() == b"model"
        assert b"model" not in path.read_bytes()

    def test_that_are_missing_are_named(self, tmp_path):
        with pytest.raises(SealError, match="SEAL_FILE_UNREADABLE"), open_sealed(tmp_path / "no", []):
            pass


class TestRecipients:
    def test_survive_their_text_and_no_typing_error(self):
        text = format_recipient(ALICE.identity.recipient)
        assert parse_recipient(text) == ALICE.identity.recipient
        for at in range(len(text)):
            wrong = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
            assert code_of(lambda wrong=wrong: parse_recipient(wrong)) == "SEAL_RECIPIENT_INVALID"

    @pytest.mark.parametrize("key", [bytes(32), b"\x01" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f"])
    def test_of_small_order_are_refused(self, key):
        recipient = parse_recipient(format_recipient(key))
        assert code_of(lambda: hpke_seal(b"key", recipient, b"info")) == "SEAL_RECIPIENT_INVALID"


class TestMemoryDirectory:
    def test_is_private_and_gone_afterwards(self):
        with memory_directory() as directory:
            assert directory.stat().st_mode & 0o777 == 0o700
            (directory / "plain").write_bytes(b"secret")
        assert not directory.exists()

    @pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM])
    def test_is_gone_after_a_kill(self, kill):
        program = (
            "from sealflow.seal import memory_directory\n"
            "with memory_directory() as directory:\n"
            "    (directory / 'plain').write_bytes(b'secret')\n"
            "    print(directory, flush=True)\n"
            "    input()\n"
        )
        pipe = subprocess.PIPE
        with subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe, text=True) as process:
            directory = Path(process.stdout.readline().strip())
            assert (directory / "plain").exists()
            os.kill(process.pid, kill)
            process.wait()
        deadline = time.monotonic() + 20
        while directory.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not directory.exists()

    def test_that_nobody_watched_over_goes_with_the_next(self):
        left = Path("/dev/shm/sealflow-999999999-1-0123456789abcdef")
        left.mkdir(mode=0o700)
        sweep()
        assert not left.exists()

    def test_is_refused_on_a_disk(self):
        with pytest.raises(SealError, match="SEAL_MEMORY_UNAVAILABLE"):
            require_memory_backed(Path("/proc"))


class TestCanonicalJson:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (0.000001, "0.000001"),
            (1e-7, "1e-7"),
            (1.25e-9, "1.25e-9"),
            (123456789012345680000.0, "123456789012345680000"),
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (5e-324, "5e-324"),
            (333333333.33333329, "333333333.3333333"),
            ({"é": 1, "a": [True, None], "😀": 2, "\ufb33": 3}, '{"a":[true,null],"é":1,"😀":2,"\ufb33":3}'),
        ],
    )
    def test_is_that_of_ecmascript(self, value, text):
        assert canonical_json(value).decode() == text
        parsed = parse_canonical(text.encode(), code="X", what="x", max_bytes=1000)
        assert parsed == value

    @pytest.mark.parametrize(
        "text",
        [
            *(b"01", b"1.0", b"-0", b"1E5", b"9007199254740993", b"NaN", b"", b"\xff"),
            *(b'{"b":1,"a":2}', b'{"a":1,"a":1}', b'"\\u0061"', b'"\\ud800"'),
            *(b"[" * 100000, b"1" * 5000),
        ],
    )
    def test_refuses_other_spellings(self, text):
        with pytest.raises(SealError):
            parse_canonical(text, code="X", what="x", max_bytes=1_000_000)

    def test_goes_as_deep_as_the_specification_says(self):
        def nested(levels):
            return b"[" * levels + b"]" * levels

        limits = {"code": "X", "what": "x", "max_bytes": 1000}
        assert canonical_json(parse_canonical(nested(128), **limits)) == nested(128)
        with pytest.raises(SealError, match="at most 128 levels"):
            parse_canonical(nested(129), **limits)

    def test_refuses_what_json_cannot_say(self):
        for value in (float("nan"), float("inf"), {1: 2}, 2**60, b"x", "\ud800"):
            with pytest.raises(ValueError):
                canonical_json(value)


class TestEnvelopes:
    def test_verify_only_as_they_were_signed(self):
        from sealflow.seal import dsse

        key, other = (Ed25519PrivateKey.from_private_bytes(bytes([byte] * 32)) for byte in (1, 2))
        trust = {"keys": [dsse.public_bytes(key)], "payload_type": "text/plain"}
        text = dsse.encode_envelope(dsse.sign_envelope("text/plain", b"hello", [key]))
        assert dsse.verify_envelope(dsse.parse_envelope(text), **trust).payload == b"hello"
        for at in range(len(text)):
            changed = bytearray(text)
            changed[at] ^= 1
            code = code_of(
                lambda changed=changed: dsse.verify_envelope(dsse.parse_envelope(bytes(changed)), **trust)
            )
            assert code.startswith("SEAL_ENVELOPE_")
        both = dsse.sign_envelope("text/plain", b"hello", [key, other])
        assert code_of(lambda: dsse.verify_envelope(both, **trust)) == "SEAL_ENVELOPE_SIGNER"

    def test_hold_statements(self):
        from sealflow.seal import dsse, statement

        value = {
            "_type": statement.STATEMENT_TYPE,
            "subject": [{"name": "model", "digest": {"sha256": "ab" * 32}}],
            "predicateType": "https://sealflow.dev/test/v1",
            "predicate": {"value": 0.1},
        }
        envelope = statement.sign_statement(value, [ALICE.signing_key])
        keys = [dsse.public_bytes(ALICE.signing_key)]
        assert statement.verify_statement(envelope, keys=keys) == value
        deep = []
        for _ in range(126):
            deep = [deep]
        for bad in (
            {**value, "extra": 1},
            {**value, "predicate": {"value": deep}},
            {**value, "subject": []},
            {**value, "subject": value["subject"] * 2},
        ):
            assert code_of(lambda bad=bad: statement.check_statement(bad)) == "SEAL_STATEMENT_MALFORMED"
