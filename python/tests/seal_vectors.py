"""Artifacts that each language made, and malformed ones; `python seal_vectors.py` makes Python's again."""

import base64
import io
import json
from pathlib import Path

from sealflow.seal import SealedWriter, SealSettings, artifact_digest, project_key_from

DIRECTORY = Path(__file__).parents[2] / "packages/seal/test/testdata/artifacts"


def plaintext_of(length):
    return bytes((7 * i + length) % 251 for i in range(length))


def read(name):
    return json.loads((DIRECTORY / name).read_text())


def vectors():
    return [*read("made-by-typescript.json"), *read("made-by-python.json")]


def make(plan):
    """A vector by the plan of another one, with keys and id of its own."""
    secrets = [bytes.fromhex(secret) for secret in plan["secrets"]]
    number = len(plan["name"])
    data_key, identifier = bytes([number ^ 0x50] * 32), bytes([number ^ 0xA0] * 16)
    settings = SealSettings(
        lineage=plan["lineage"],
        content=plan["content"],
        chunk_bytes=plan["chunkBytes"],
        data_key=data_key,
        random=lambda length: identifier,
    )
    target = io.BytesIO()
    recipients = [project_key_from(secret).identity.recipient for secret in secrets]
    with SealedWriter(target, recipients, settings) as writer:
        writer.write(plaintext_of(plan["plaintextLength"]))
    return {
        **plan,
        "producer": "python",
        "dataKey": data_key.hex(),
        "id": identifier.hex(),
        "digest": artifact_digest(io.BytesIO(target.getvalue())),
        "artifact": base64.b64encode(target.getvalue()).decode(),
    }


if __name__ == "__main__":
    made = [make(plan) for plan in read("made-by-typescript.json")]
    text = json.dumps(made, indent=1, ensure_ascii=False)
    (DIRECTORY / "made-by-python.json").write_text(f"{text}\n")
