"""Sealed artifacts and signed statements: the same bytes as the TypeScript package @sealflow/seal.

Needs the `cryptography` package (`pip install sealflow[seal]`).
"""

from sealflow.seal.artifact import (
    OpenedArtifact,
    SealedReader,
    SealedWriter,
    SealSettings,
    Unlock,
    open_artifact,
)
from sealflow.seal.digest import artifact_digest
from sealflow.seal.errors import SealError
from sealflow.seal.files import open_sealed, sealed_file
from sealflow.seal.header import SealedHeader
from sealflow.seal.keys import (
    Identity,
    ProjectKey,
    format_recipient,
    parse_recipient,
    project_key_from,
    recipient_id,
)
from sealflow.seal.memory import memory_directory
from sealflow.seal.streams import OpenedFacts, SealedFacts, open_stream, seal_stream

__all__ = [
    "Identity",
    "OpenedArtifact",
    "OpenedFacts",
    "ProjectKey",
    "SealError",
    "SealSettings",
    "SealedFacts",
    "SealedHeader",
    "SealedReader",
    "SealedWriter",
    "Unlock",
    "artifact_digest",
    "format_recipient",
    "memory_directory",
    "open_artifact",
    "open_sealed",
    "open_stream",
    "parse_recipient",
    "project_key_from",
    "recipient_id",
    "seal_stream",
    "sealed_file",
]
