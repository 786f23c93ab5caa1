"""Places for plaintext that libraries insist on reading from a path: memory, never a disk."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sealflow.seal.errors import SealError

_MEMORY = Path("/dev/shm")
_NAME = re.compile(r"sealflow-(\d+)-(\d+)-[0-9a-f]{16}")

# Waits until every holder of the pipe's other end is gone, however it went, then removes the directory.
_WATCH = 'while read -r _; do :; done; rm -rf -- "$1"'


@contextmanager
def memory_directory() -> Iterator[Path]:
    """A private directory in memory-backed storage, removed when the block ends.

    It is removed too when the process is killed: a small watching process of its own session sees that,
    and whatever even that could not remove goes when the next directory is made. Memory may be swapped
    out: use encrypted swap or none. Where there is no such storage, this raises SealError
    ``SEAL_MEMORY_UNAVAILABLE``.
    """
    require_memory_backed(_MEMORY)
    sweep()
    directory = _MEMORY / memory_root_name()
    directory.mkdir(mode=0o700)
    descriptors, watcher = start_watcher(directory)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        for descriptor in descriptors:
            os.close(descriptor)
        os.waitpid(watcher, 0)


def memory_root_name() -> str:
    """A name that says which process it belongs to."""
    return f"sealflow-{os.getpid()}-{_started(os.getpid())}-{secrets.token_hex(8)}"


def start_watcher(directory: Path) -> tuple[tuple[int, int], int]:
    """A process that removes the directory when the pipe's last holder is gone: both its ends, and its id."""
    watched, alive = os.pipe()
    watcher = os.posix_spawn(
        "/bin/sh",
        ["sh", "-c", _WATCH, "sealflow-memory", str(directory)],
        {"PATH": os.defpath},
        file_actions=[
            (os.POSIX_SPAWN_DUP2, watched, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ],
        setsid=True,
    )
    return (watched, alive), watcher


def require_memory_backed(directory: Path) -> None:
    """Check that a directory lies on tmpfs."""
    best, kind = "", ""
    with suppress(OSError):
        for line in Path("/proc/self/mounts").read_text().splitlines():
            _, place, filesystem, *_ = line.split(" ")
            inside = str(directory) == place or str(directory).startswith(place.rstrip("/") + "/")
            if inside and len(place) >= len(best):
                best, kind = place, filesystem
    if kind in ("tmpfs", "ramfs"):
        return
    raise SealError(
        "SEAL_MEMORY_UNAVAILABLE",
        f"{directory}: expected memory-backed storage (tmpfs), got {kind or 'no such directory'}",
        "mount tmpfs there, or read through open_sealed, which needs no path",
    )


def sweep() -> None:
    """Remove the directories of processes that are gone."""
    for directory in _MEMORY.glob("sealflow-*"):
        match = _NAME.fullmatch(directory.name)
        if match is None:
            continue
        with suppress(OSError):
            if directory.stat().st_uid == os.getuid() and _started(int(match[1])) != int(match[2]):
                shutil.rmtree(directory, ignore_errors=True)


def _started(process: int) -> int:
    """When a process started, in clock ticks since boot; -1 when there is none."""
    try:
        # The name, in brackets, may hold anything; the twentieth field after it is the start.
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return -1
