"""What a component left behind: read by KFP's rules, sealed, and never written anywhere else."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from sealflow.artifacts import local_path_of
from sealflow.errors import OutputsError
from sealflow.seal.artifact import SealSettings
from sealflow.seal.streams import SealedFacts, seal_stream
from sealflow.sealed.archive import write_archive
from sealflow.sealed.grant import Grant
from sealflow.sealed.statements import SealedOutput, TaskResult
from sealflow.sealed.transcript import Transcript

Json = dict[str, Any]

_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))


def seal_outputs(
    grant: Grant, transcript: Transcript, report: Json, memory: Path, target: Path
) -> tuple[TaskResult, dict[str, str]]:
    """Seal all outputs into files of `target`; gives the result, and each artifact's file by its digest."""
    outputs = grant.content["outputs"]
    parameters = {
        name: _parameter(name, kind, report, memory / "parameters" / name)
        for name, kind in outputs["parameters"].items()
    }
    artifacts: dict[str, list[SealedOutput]] = {}
    files: dict[str, str] = {}
    for name, definition in outputs["artifacts"].items():
        artifacts[name] = []
        for index, found in enumerate(_found(name, definition, report, memory)):
            lineage = {
                "run": grant.content["runId"],
                "path": transcript.path,
                "attempt": str(transcript.attempt),
                "output": name,
                "index": str(index),
                "registration": transcript.registration,
            }
            partial = target / f"{len(files)}.sealed"
            facts = _seal(Path(found["path"]), partial, grant, lineage)
            files[facts.digest] = str(partial)
            artifacts[name].append(
                SealedOutput(
                    facts.digest,
                    facts.data_key,
                    definition["type"].get("schemaTitle", ""),
                    {**definition["metadata"], **found["metadata"]},
                )
            )
    return TaskResult(parameters, artifacts), files


def _found(name: str, definition: Json, report: Json, memory: Path) -> list[Json]:
    reported = ((report.get("artifacts") or {}).get(name) or {}).get("artifacts") or []
    if not definition["list"] and len(reported) > 1:
        raise OutputsError(f"output artifact {name}: expected one artifact, got {len(reported)}")
    listed = reported or ([] if definition["list"] else [{}])
    return [{"path": _path_of(name, each, memory), "metadata": each.get("metadata") or {}} for each in listed]


def _path_of(name: str, artifact: Json, memory: Path) -> str:
    chosen = artifact.get("custom_path") or artifact.get("customPath")
    if chosen:
        return os.path.join(memory, chosen)
    uri = artifact.get("uri") or str(memory / "outputs" / name)
    path = local_path_of(uri)
    if "://" in path:
        raise OutputsError(f"output artifact {name}: expected a file of this task, got {uri}")
    return os.path.join(memory, path)


def _seal(source: Path, target: Path, grant: Grant, lineage: dict[str, str]) -> SealedFacts:
    """An artifact that was never written is metadata alone: its content is empty."""
    content = "tar" if source.is_dir() else "bytes"
    settings = SealSettings(lineage=lineage, content=content)  # type: ignore[arg-type]
    archive = source
    if content == "tar":
        # Beside the directory, so that it lies in memory too.
        archive = source.with_name(f"{source.name}.{os.urandom(4).hex()}.tar")
        with archive.open("xb") as file:
            write_archive(source, file)
    try:
        with (
            target.open("xb") as sealed,
            (archive if archive.exists() else Path(os.devnull)).open("rb") as plain,
        ):
            facts = seal_stream(plain, sealed, grant.recipients(), settings)
            sealed.flush()
            # The broker is told of it only when it is on the disk.
            os.fsync(sealed.fileno())
    finally:
        if archive is not source:
            archive.unlink(missing_ok=True)
    return facts


def publish(files: dict[str, str], store: Path) -> None:
    """Move sealed artifacts to where their digests say, ``ab/abcdef…``, before anybody is told of them."""
    for digest, file in files.items():
        name = digest.removeprefix("sha256:")
        shard = store / name[:2]
        shard.mkdir(parents=True, exist_ok=True)
        os.chmod(file, 0o444)
        os.replace(file, shard / name)


def _parameter(name: str, kind: str, report: Json, file: Path) -> Any:
    values = report.get("parameterValues") or {}
    if name in values:
        value = values[name]
        if kind == "STRING":
            return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        return _fitting(name, kind, value)
    try:
        text = file.read_text(encoding="utf-8")
    except OSError:
        raise OutputsError(f"output parameter {name}: expected a value of type {kind}, got none") from None
    return text if kind == "STRING" else _fitting(name, kind, _parsed(kind, text.strip()))


def _parsed(kind: str, text: str) -> Any:
    try:
        if kind == "BOOLEAN":
            return True if text in _TRUE else False if text in _FALSE else None
        if kind == "NUMBER_INTEGER":
            return int(text)
        return float(text) if kind == "NUMBER_DOUBLE" else json.loads(text)
    except ValueError:
        return None


def _fitting(name: str, kind: str, value: Any) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    whole = number and math.isfinite(value) and float(value).is_integer()
    fits = {
        "NUMBER_INTEGER": whole,
        "NUMBER_DOUBLE": number and math.isfinite(value),
        "BOOLEAN": isinstance(value, bool),
        "LIST": isinstance(value, list),
        "STRUCT": isinstance(value, dict),
    }
    if not fits.get(kind, True):
        raise OutputsError(f"output parameter {name}: expected a value of type {kind}, got another")
    return int(value) if kind == "NUMBER_INTEGER" else value


def released(grant: Grant, result: TaskResult) -> Json:
    """What of a result may leave in the clear."""
    allowed = set(grant.content["release"])
    return {
        "parameters": {name: value for name, value in result.parameters.items() if name in allowed},
        "artifacts": {
            name: [each.metadata for each in listed]
            for name, listed in result.artifacts.items()
            if name in allowed
        },
    }
