"""Granted inputs in memory, and the executor input that the component gets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sealflow.seal.errors import SealError
from sealflow.seal.header import read_opening
from sealflow.seal.streams import open_stream
from sealflow.sealed.archive import ArchiveReader
from sealflow.sealed.errors import Refused
from sealflow.sealed.grant import Grant

Json = dict[str, Any]


def open_inputs(grant: Grant, places: Mapping[str, str], memory: Path) -> Json:
    """Open every granted artifact below `memory`; gives the `artifacts` of an executor input.

    `places` says where the untrusted outside put each sealed artifact, by digest: what is found there is held
    against digest and key of the grant.
    """
    opened: dict[str, Path] = {}
    artifacts: Json = {}
    for name, listed in grant.content["inputs"].items():
        described = []
        for each in listed:
            if each["digest"] not in opened:
                opened[each["digest"]] = _open(each, places, memory / str(len(opened)))
            described.append(
                {
                    "name": each["name"],
                    "type": each["type"],
                    "uri": str(opened[each["digest"]]),
                    "metadata": each["metadata"],
                }
            )
        artifacts[name] = {"artifacts": described}
    return artifacts


def _open(granted: Json, places: Mapping[str, str], target: Path) -> Path:
    digest = granted["digest"]
    place = places.get(digest)
    if place is None:
        raise Refused(
            "SEALED_INPUT_MISSING",
            f"input {granted['name']}: expected the sealed artifact {digest} to be at hand, got none",
            "its file was removed from the store, or the control plane names another one",
        )
    try:
        _unpack(Path(place), target, bytes.fromhex(granted["key"]), digest)
    except SealError as error:
        raise Refused(error.code, f"input {granted['name']}: {error.message}", error.hint) from None
    except OSError as error:
        raise Refused(
            "SEALED_INPUT_MISSING", f"input {granted['name']}: expected a readable file, got {error.strerror}"
        ) from None
    return target


def _unpack(source: Path, target: Path, key: bytes, digest: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as file:
        header = read_opening(file).header
        file.seek(0)
        if header.content == "tar":
            reader = ArchiveReader(target)
            open_stream(file, reader, key, digest=digest)  # type: ignore[arg-type]
            reader.close()
            return
        with target.open("xb") as plain:
            open_stream(file, plain, key, digest=digest)
        target.chmod(0o400)


def executor_input(grant: Grant, artifacts: Json, memory: Path) -> Json:
    """KFP's executor input, made of the grant alone."""
    outputs = grant.content["outputs"]
    return {
        "inputs": {
            "parameterValues": {name: each["value"] for name, each in grant.content["parameters"].items()},
            "artifacts": artifacts,
        },
        "outputs": {
            "parameters": {
                name: {"outputFile": str(memory / "parameters" / name)} for name in outputs["parameters"]
            },
            "artifacts": {
                name: {
                    "artifacts": [
                        {
                            "name": name,
                            "type": each["type"],
                            "uri": str(memory / "outputs" / name),
                            "metadata": each["metadata"],
                        }
                    ]
                }
                for name, each in outputs["artifacts"].items()
            },
            "outputFile": str(memory / "executor_output.json"),
        },
    }
