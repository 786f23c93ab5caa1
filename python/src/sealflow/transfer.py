"""Objects of a store, read and written over addresses that are signed for one of them each."""

import contextlib
import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any, BinaryIO

Json = dict[str, Any]

BLOCK = 1 << 20
_TRIES = 5
# As much of a refusal's text is read.
_TOLD = 4096


class TransferError(Exception):
    """An object could not be read or written. The message holds no address: its signature is a secret."""


def digest_of(path: str) -> str:
    """The digest of a file's bytes."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return f"sha256:{digest.hexdigest()}"


def write_to_free(places: list[Json], path: str, what: str) -> Json:
    """Writes a file to the first of its places that is free; gives that one. Raises TransferError."""
    for place in places:
        if offer(place, path):
            return place
    raise TransferError(f"{what}: expected a free place, got all taken by other pods")


def offer(place: Json, path: str) -> bool:
    """Writes a file to an address; False when that allows only the first and another one was."""
    for number in range(1, _TRIES + 1):
        try:
            with open(path, "rb") as file:
                return send(place, file, os.path.getsize(path))
        except _Interrupted:
            if number == _TRIES:
                raise
            time.sleep(0.5 * 2**number)
    return False


class _Interrupted(TransferError):
    """A stream has to be read from its beginning to be sent again."""


def send(place: Json, content: bytes | BinaryIO, length: int) -> bool:
    """Writes one object; False when the address allows only the first and another one was."""
    headers = {**place["headers"], "Content-Length": str(length)}
    for number in range(1, _TRIES + 1):
        request = urllib.request.Request(place["url"], data=content, headers=headers, method="PUT")
        try:
            with urllib.request.urlopen(request, timeout=600):
                return True
        except urllib.error.HTTPError as error:
            told = _told(error)
            if _is_taken(error.code, told):
                return False
            reason = f"the store answered {error.code}"
            if not _may_go_better(error.code, told):
                raise TransferError(f"{place['uri']}: {reason}") from None
        except (OSError, http.client.HTTPException) as error:
            reason = str(getattr(error, "reason", error))
        if not isinstance(content, bytes):
            raise _Interrupted(f"{place['uri']}: {reason}")
        if number < _TRIES:
            time.sleep(0.5 * 2**number)
    raise TransferError(f"{place['uri']}: {reason}")


def _told(error: urllib.error.HTTPError) -> str:
    """What a store says besides the status."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        return error.read(_TOLD).decode(errors="replace")
    return ""


def _is_taken(status: int, told: str) -> bool:
    """Whether something is there already. Azure says that with the status of any conflict."""
    return status == 412 or (status == 409 and "BlobAlreadyExists" in told)


def _may_go_better(status: int, told: str) -> bool:
    """Whether to ask again: S3 wants it of two that write at the same moment, since both may have failed."""
    return status >= 500 or status == 429 or (status == 409 and "ConditionalRequestConflict" in told)


@contextlib.contextmanager
def opened(item: Json, method: str) -> Iterator[Any]:
    """An object to read, from its beginning. Raises TransferError."""
    reason = ""
    for number in range(1, _TRIES + 1):
        request = urllib.request.Request(item["url"], headers=item["headers"], method=method)
        try:
            answer = urllib.request.urlopen(request, timeout=600)
        except urllib.error.HTTPError as error:
            reason = f"the store answered {error.code}"
            if error.code < 500 and error.code != 429:
                break
        except (OSError, http.client.HTTPException) as error:
            reason = str(getattr(error, "reason", error))
        else:
            with answer:
                yield answer
            return
        if number < _TRIES:
            time.sleep(0.5 * 2**number)
    raise TransferError(f"{item['uri']}: {reason}")
