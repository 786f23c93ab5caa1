"""Directories at the paths where a task expects them, seen by this task alone.

A mount namespace of the task's own gets a new root: everything of the machine's, at the same paths, and the
task's directories in between. Nothing is created or changed on the machine.
"""

import contextlib
import ctypes
import errno
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from sealflow.errors import InputsError

# Source: include/uapi/linux/mount.h and sched.h.
_RDONLY, _NOSUID, _NODEV, _NOEXEC = 1, 2, 4, 8
_REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 32, 4096, 16384, 1 << 18
_NEW_MOUNTS, _NEW_USERS = 0x00020000, 0x10000000


@dataclass
class _Place:
    """A directory of the new root: what is mounted there, and what lies below it."""

    source: str | None = None
    read_only: bool = False
    below: dict[str, "_Place"] = field(default_factory=dict)


def enter(mounts: list[dict[str, object]], root: str) -> None:
    """Gives this process a root with the mounts in it; `root` is an empty directory to build it on.

    Raises InputsError where the machine does not allow it. The working directory is not kept.
    """
    try:
        _leave_namespace()
        _mount(None, "/", None, _RECURSIVE | _PRIVATE)
        _mount("sealflow", root, "tmpfs", _NOSUID | _NODEV, "mode=0755")
        _fill(Path("/"), Path(root), _tree(mounts))
        os.chroot(root)
    except OSError as error:
        paths = ", ".join(str(each["path"]) for each in mounts)
        message = f"mounts at {paths}: the machine does not allow them: {error.strerror}: {error.filename}"
        raise InputsError(message) from error


def _tree(mounts: list[dict[str, object]]) -> _Place:
    top = _Place()
    for each in mounts:
        path = Path("/") / str(each["path"]).lstrip("/")
        # Links on the way are followed, as a kernel that mounts would.
        parts = (Path(os.path.realpath(path.parent)) / path.name).parts[1:]
        place = top
        for part in parts:
            place = place.below.setdefault(part, _Place())
        place.source = str(each["source"])
        place.read_only = bool(each.get("readOnly"))
    return top


def _fill(real: Path, spot: Path, place: _Place) -> None:
    """Shows what is in `real` at `spot`, with the tree's own entries in the place of the machine's."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(real) as entries:
        for entry in entries:
            if entry.name not in place.below:
                _show(entry, spot / entry.name)
    for name, inner in place.below.items():
        (spot / name).mkdir(exist_ok=True)
        if inner.source is None:
            _copy_mode(real / name, spot / name)
            _fill(real / name, spot / name, inner)
        else:
            _put(inner, spot / name)


def _show(entry: os.DirEntry[str], spot: Path) -> None:
    if entry.is_symlink():
        spot.symlink_to(os.readlink(entry.path))
        return
    if entry.is_dir():
        spot.mkdir()
    else:
        spot.touch()
    # What vanished meanwhile, or may not be seen, is not there for the task either.
    with contextlib.suppress(FileNotFoundError, PermissionError):
        _mount(entry.path, str(spot), None, _BIND | _RECURSIVE)


def _put(place: _Place, spot: Path) -> None:
    """Mounts a directory, and in it what is to be mounted below it."""
    _mount(place.source, str(spot), None, _BIND | _RECURSIVE)
    for name, inner in place.below.items():
        (spot / name).mkdir(exist_ok=True)
        _put(inner, spot / name) if inner.source is not None else _put_below(inner, spot / name)
    if place.read_only:
        _mount(None, str(spot), None, _REMOUNT | _BIND | _RDONLY | _kept_flags(spot))


def _put_below(place: _Place, spot: Path) -> None:
    for name, inner in place.below.items():
        (spot / name).mkdir(exist_ok=True)
        _put(inner, spot / name) if inner.source is not None else _put_below(inner, spot / name)


def _kept_flags(spot: Path) -> int:
    """Flags that a namespace of a user's own may not take away."""
    flags = os.statvfs(spot).f_flag
    pairs = ((os.ST_NOSUID, _NOSUID), (os.ST_NODEV, _NODEV), (os.ST_NOEXEC, _NOEXEC))
    return sum(option for seen, option in pairs if flags & seen)


def _copy_mode(real: Path, spot: Path) -> None:
    with contextlib.suppress(FileNotFoundError, PermissionError):
        spot.chmod(stat.S_IMODE(real.stat().st_mode))


def _leave_namespace() -> None:
    """A mount namespace of this process' own; without the right to one, inside a user namespace."""
    libc = _libc()
    if libc.unshare(_NEW_MOUNTS) == 0:
        return
    user, group = os.geteuid(), os.getegid()
    if ctypes.get_errno() != errno.EPERM or libc.unshare(_NEW_USERS | _NEW_MOUNTS) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    if _libc().mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3]) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
