"""What a task says of itself, signed by the key that its evidence binds.

Layout: docs/reference/broker-protocol.md.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sealflow.seal.canonical import canonical_json
from sealflow.seal.dsse import encode_envelope
from sealflow.seal.keys import hpke_seal
from sealflow.seal.statement import STATEMENT_TYPE, sign_statement
from sealflow.sealed.grant import Grant, commitment, digest_of
from sealflow.sealed.transcript import Transcript

Json = dict[str, Any]

_TASK_PREDICATE = "https://slsa.dev/provenance/v1"
_FAILURE_PREDICATE = "urn:sealflow:task-failure:v1"


@dataclass(frozen=True)
class SealedOutput:
    """One output artifact, sealed. The key is secret."""

    digest: str
    key: bytes
    type: str
    metadata: Json


@dataclass(frozen=True)
class TaskResult:
    """What a component made. Values are secret unless the grant releases them."""

    parameters: Mapping[str, Any]
    artifacts: Mapping[str, Sequence[SealedOutput]]


@dataclass(frozen=True)
class Attempt:
    """One attempt that holds a grant."""

    transcript: Transcript
    signing_key: Ed25519PrivateKey
    grant: Grant
    evidence: str
    """Digest of the evidence."""


def commit_of(attempt: Attempt, result: TaskResult) -> tuple[Json, Json]:
    """The signed statement of a result, and its secrets for the broker."""
    salts = {name: os.urandom(32) for name in result.parameters}
    metadata_salts = {each.digest: os.urandom(32) for list_ in result.artifacts.values() for each in list_}
    statement = sign_statement(_task_statement(attempt, result, salts, metadata_salts), [attempt.signing_key])
    secrets = {
        "version": "sealflow.commit-secrets/v2",
        "artifacts": {
            each.digest: {
                "key": each.key.hex(),
                "metadata": {"value": each.metadata, "salt": metadata_salts[each.digest].hex()},
            }
            for list_ in result.artifacts.values()
            for each in list_
        },
        "parameters": {
            name: {"value": value, "salt": salts[name].hex()} for name, value in result.parameters.items()
        },
    }
    info = attempt.transcript.hash() + digest_of(encode_envelope(statement)).encode()
    broker = bytes.fromhex(attempt.grant.content["broker"])
    enc, ciphertext = hpke_seal(canonical_json(secrets), broker, info)
    return statement, {
        "enc": base64.b64encode(enc).decode(),
        "ciphertext": base64.b64encode(ciphertext).decode(),
    }


def _task_subject(transcript: Transcript) -> Json:
    return {"name": "task", "digest": {"sha256": transcript.hash().hex()}}


def _task_statement(
    attempt: Attempt,
    result: TaskResult,
    salts: Mapping[str, bytes],
    metadata_salts: Mapping[str, bytes],
) -> Json:
    transcript, grant = attempt.transcript, attempt.grant.content
    outputs = [
        {
            "name": f"outputs/{name}/{index}",
            "digest": _sha256(each.digest),
            "annotations": {
                "type": each.type,
                "metadata": commitment(each.metadata, metadata_salts[each.digest]),
            },
        }
        for name, list_ in _sorted(result.artifacts)
        for index, each in enumerate(list_)
    ]
    dependencies = [
        {"name": f"inputs/{name}/{index}", "digest": _sha256(each["digest"])}
        for name, list_ in _sorted(grant["inputs"])
        for index, each in enumerate(list_)
    ]
    parameters = {
        name: commitment(each["value"], bytes.fromhex(each["salt"]))
        for name, each in grant["parameters"].items()
    }
    byproducts = [
        {"name": f"parameters/{name}", "digest": _sha256(commitment(value, salts[name]))}
        for name, value in _sorted(result.parameters)
    ]
    return {
        "_type": STATEMENT_TYPE,
        "subject": [_task_subject(transcript), *outputs],
        "predicateType": _TASK_PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:sealflow:task:v1",
                "externalParameters": {
                    "registration": transcript.registration,
                    "path": transcript.path,
                    "attempt": transcript.attempt,
                    "parameters": parameters,
                },
                "internalParameters": {"grant": attempt.grant.digest, "evidence": attempt.evidence},
                "resolvedDependencies": dependencies,
            },
            "runDetails": {
                "builder": {"id": f"urn:sealflow:component:{transcript.component}"},
                "byproducts": byproducts,
            },
        },
    }


def failure_of(attempt: Attempt, code: str) -> Json:
    """The signed word that an attempt has failed: a code, and nothing that the data might show through."""
    transcript = attempt.transcript
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [_task_subject(transcript)],
        "predicateType": _FAILURE_PREDICATE,
        "predicate": {
            "registration": transcript.registration,
            "path": transcript.path,
            "attempt": transcript.attempt,
            "grant": attempt.grant.digest,
            "evidence": attempt.evidence,
            "code": code,
        },
    }
    return sign_statement(statement, [attempt.signing_key])


def _sha256(digest: str) -> Json:
    return {"sha256": digest.removeprefix("sha256:")}


def _sorted(members: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """By name, in UTF-16 code units."""
    return sorted(members.items(), key=lambda item: item[0].encode("utf-16-be"))
