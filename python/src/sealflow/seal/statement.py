"""in-toto Statement v1, in one canonical encoding: see docs/reference/signed-statements.md."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sealflow.seal.canonical import MAX_LEVELS, canonical_json, is_deeper_than, parse_canonical
from sealflow.seal.check import Checker
from sealflow.seal.dsse import sign_envelope, verify_envelope

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"

_MAX_BYTES = 16 * 1024 * 1024
_URI = r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]{1,2000}"
_checker = Checker("SEAL_STATEMENT_MALFORMED", "statement")


def encode_statement(statement: dict[str, Any]) -> bytes:
    """The one text of a statement."""
    return canonical_json(check_statement(statement))


def parse_statement(text: bytes) -> dict[str, Any]:
    """Read the canonical encoding strictly. Nothing about it is verified."""
    value = parse_canonical(text, code=_checker.code, what=_checker.what, max_bytes=_MAX_BYTES)
    return check_statement(value)


def check_statement(value: Any) -> dict[str, Any]:
    """The statement itself, when it is well-formed."""
    members = _checker.members(value, "", ("_type", "subject", "predicateType", "predicate"))
    if is_deeper_than(members, MAX_LEVELS):
        _checker.fail("", f"at most {MAX_LEVELS} levels of arrays and objects")
    if members["_type"] != STATEMENT_TYPE:
        _checker.fail("_type", STATEMENT_TYPE)
    names: set[str] = set()
    for i, item in enumerate(_checker.items(members["subject"], "subject", 1, 10_000)):
        name = _check_resource(item, f"subject[{i}]")
        if name is not None and name in names:
            _checker.fail(f"subject[{i}].name", "names that differ")
        names.update([name] if name is not None else [])
    _checker.text(members["predicateType"], "predicateType", _URI)
    if not isinstance(members["predicate"], dict):
        _checker.fail("predicate", "an object")
    return members


def _check_resource(value: Any, path: str) -> str | None:
    members = _checker.members(value, path, ("digest",), ("name", "uri", "mediaType", "annotations"))
    patterns = {"name": r"[^\x00-\x1f\x7f-\x9f]{1,1000}", "uri": _URI, "mediaType": r"[\x21-\x7e]{1,255}"}
    for name in patterns.keys() & members.keys():
        _checker.text(members[name], f"{path}.{name}", patterns[name])
    if "annotations" in members and not isinstance(members["annotations"], dict):
        _checker.fail(f"{path}.annotations", "an object")
    digests = members["digest"]
    if not isinstance(digests, dict):
        _checker.fail(f"{path}.digest", "an object")
    for algorithm, digest in digests.items():
        _checker.text(algorithm, f"{path}.digest", "[a-z0-9][A-Za-z0-9_]{0,63}")
        _checker.text(digest, f"{path}.digest", "([0-9a-f]{2}){1,128}")
    _checker.text(digests.get("sha256"), f"{path}.digest.sha256", "[0-9a-f]{64}")
    found = members.get("name")
    return found if isinstance(found, str) else None


def sign_statement(statement: dict[str, Any], keys: Iterable[Ed25519PrivateKey]) -> dict[str, Any]:
    """Sign a statement with one or more keys."""
    return sign_envelope(PAYLOAD_TYPE, encode_statement(statement), keys)


def verify_statement(envelope: Any, *, keys: Iterable[bytes], threshold: int = 1) -> dict[str, Any]:
    """Verify the signatures, then read the statement."""
    verified = verify_envelope(envelope, keys=keys, payload_type=PAYLOAD_TYPE, threshold=threshold)
    return parse_statement(verified.payload)
