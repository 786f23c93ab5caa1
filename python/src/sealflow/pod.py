"""What runs in a pod for an attempt of a task: brings the inputs, runs the component, takes the outputs away.

Reads one JSON file (see docs/reference/kubernetes-jobs.md). Inputs and outputs travel over addresses that are
signed for one object each; no credentials of the store are here. Nothing is written over: several pods may be
at work for one task where Kubernetes gave a node up. The record of the outputs is written last: of all
attempts and pods, the first that finishes is the one that counts.
"""

import contextlib
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import urllib.parse
from typing import Any

from sealflow.transfer import BLOCK, TransferError, digest_of, opened, send, write_to_free

Json = dict[str, Any]

# Kubernetes keeps this much of a container's last words.
_LAST_WORDS = 4096
# Exit codes besides the component's own.
INPUTS_FAILED = 81
OUTPUTS_FAILED = 82


def main(path: str) -> int:
    """Runs the attempt that the file describes; returns the container's exit code."""
    # The first process of a container ignores what it does not handle: it would be waited for in vain.
    signal.signal(signal.SIGTERM, _terminate)
    with open(path, encoding="utf-8") as file:
        job = json.load(file)
    if _is_recorded(job["recorded"]):
        print("sealflow: another pod of this task has finished; its outputs count", file=sys.stderr)
        return 0
    try:
        for each in job["inputs"]:
            fetch(each)
    except (TransferError, OSError, tarfile.TarError) as error:
        return _end(INPUTS_FAILED, "inputs", str(error))
    code = run(job)
    if code:
        return code
    try:
        _store(job)
    except (TransferError, OSError) as error:
        return _end(OUTPUTS_FAILED, "outputs", str(error))
    return 0


def _is_recorded(place: Json) -> bool:
    """Whether the task's outputs stand already. A store that does not say is no reason not to run."""
    with contextlib.suppress(TransferError), opened(place, "GET"):
        return True
    return False


def _terminate(*_: Any) -> None:
    raise SystemExit(128 + signal.SIGTERM)


def run(job: Json) -> int:
    """Runs the component, or the command of a container component."""
    for place in job["directories"]:
        os.makedirs(place, exist_ok=True)
    os.chdir(job["directory"])
    if job.get("command"):
        return _run_command(job["command"])
    return _run_python(job)


def _run_command(command: list[str]) -> int:
    try:
        code = subprocess.run(command, check=False).returncode
    except OSError as error:
        return _end(127, "command", f"command {command[0]}: {error.strerror}")
    # A signal's number, as a shell gives it.
    return code if code >= 0 else 128 - code


def _run_python(job: Json) -> int:
    from sealflow import failure, kfp_shim, sources
    from sealflow.executor import Invocation

    source = job["source"]
    loading = True
    try:
        _install(job)
        kfp_shim.install()
        function = sources.load_function(source, job["function"])
        loading = False
        Invocation(function, job["executorInput"]).run()
    except SystemExit as error:
        if error.code is None or error.code == 0:
            return 0
        return error.code & 0xFF if isinstance(error.code, int) else 1
    except _InstallFailed as error:
        return _end(1, "environment", str(error))
    except BaseException as error:
        description = failure.describe(error, source, kind="source" if loading else None)
        failure.print_to_log(description)
        _last_words(description)
        return 1
    return 0


class _InstallFailed(Exception):
    pass


def _install(job: Json) -> None:
    """Installs what the image does not have already, as Kubeflow's own wrapper does."""
    for index, line in enumerate(job["installations"]):
        missing = [each for each in line["requirements"] if not _is_installed(each)]
        if not missing:
            continue
        target = os.path.join(job["directory"], f".site-{index}")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", target]
        command += ["--disable-pip-version-check", "--no-warn-script-location", "--root-user-action=ignore"]
        command += ["--no-deps"] if line["noDependencies"] else []
        for number, url in enumerate(job["indexUrls"]):
            command += ["--extra-index-url" if number else "--index-url", url]
        for host in job["trustedHosts"]:
            command += ["--trusted-host", host]
        if subprocess.run([*command, *missing], check=False).returncode:
            raise _InstallFailed(f"pip could not install {' '.join(missing)}")
        sys.path.insert(0, target)


def _is_installed(requirement: str) -> bool:
    """Only exact versions are known to be there; anything else is for pip to judge."""
    from importlib import metadata

    name, equals, version = requirement.partition("==")
    if not equals or not version or any(mark in version for mark in "*;,[ "):
        return False
    try:
        return metadata.version(name.split("[")[0].strip()) == version.strip()
    except metadata.PackageNotFoundError:
        return False


def fetch(item: Json) -> None:
    """Brings one input to its path, and checks that it is what was meant."""
    path = item["path"]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    packed = f"{path}.download"
    digest = hashlib.sha256()
    with opened(item, "GET") as answer, open(packed, "wb") as file:
        while block := answer.read(BLOCK):
            digest.update(block)
            file.write(block)
    expected = item.get("digest")
    if expected and expected != f"sha256:{digest.hexdigest()}":
        raise TransferError(f"{item['uri']}: expected {expected}, got sha256:{digest.hexdigest()}")
    if item["packed"]:
        os.makedirs(path, exist_ok=True)
        _unpack(packed, path)
        os.unlink(packed)
    else:
        os.replace(packed, path)


def _unpack(archive: str, directory: str) -> None:
    """Unpacks files and directories, and nothing that would lead out of the directory."""
    inside = os.path.realpath(directory)
    with tarfile.open(archive) as file:
        for entry in file:
            target = os.path.realpath(os.path.join(inside, entry.name))
            if target != inside and not target.startswith(inside + os.sep):
                raise TransferError(f"archive: the member {entry.name} leads out of its directory")
            if entry.issym() or entry.islnk():
                base = os.path.dirname(target) if entry.issym() else inside
                linked = os.path.realpath(os.path.join(base, entry.linkname))
                if not linked.startswith(inside + os.sep):
                    raise TransferError(f"archive: the link {entry.name} leads out of its directory")
            elif not entry.isfile() and not entry.isdir():
                raise TransferError(f"archive: the member {entry.name} is neither file nor directory")
            file.extract(entry, inside, set_attrs=False)
            if entry.isfile() and entry.mode & 0o100:
                os.chmod(target, 0o755)


def _store(job: Json) -> None:
    report = _report(job["executorInput"]["outputs"]["outputFile"])
    artifacts = report.setdefault("artifacts", {})
    already = kept(job.get("kept"))
    for item in job["outputs"]:
        listed = artifacts.setdefault(item["name"], {"artifacts": []})["artifacts"]
        described = listed[0] if listed else {}
        if not listed:
            listed.append(described)
        path = _path_of(described, item["path"])
        if path is None:
            continue
        uri, digest = _keep(item, path, already.get(item["name"]))
        described.pop("custom_path", None)
        described.pop("customPath", None)
        described["uri"] = uri
        if digest:
            described["digest"] = digest
    parameters = {}
    for name, place in job["executorInput"]["outputs"]["parameters"].items():
        with contextlib.suppress(FileNotFoundError), open(place["outputFile"], encoding="utf-8") as file:
            parameters[name] = file.read()
    pod = socket.gethostname()
    result = {"version": 1, "attempt": job["attempt"], "pod": pod, "report": report, "parameters": parameters}
    _record(job, json.dumps(result).encode())


def _record(job: Json, content: bytes) -> None:
    """Writes the record to the first free place; one behind it shows that the task ran more than once."""
    first, *others = job["records"]
    if send(first, content, len(content)) or _stands(job["recorded"], content):
        return
    print("sealflow: another pod of this task finished first; its outputs count", file=sys.stderr)
    for place in others:
        if send(place, content, len(content)):
            break


def _stands(place: Json, content: bytes) -> bool:
    """Whether the record that is there is this one: its answer may have been lost on the way."""
    unread = contextlib.suppress(TransferError, OSError, http.client.HTTPException)
    with unread, opened(place, "GET") as answer:
        return bool(answer.read() == content)
    return False


def _report(path: str) -> Json:
    try:
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise TransferError(f"executor output: expected JSON: {error}") from error
    if not isinstance(report, dict):
        raise TransferError("executor output: expected a JSON object")
    return report


def _path_of(described: Json, standard: str) -> str | None:
    """Where the task put the artifact; None for a place of its own elsewhere."""
    custom = described.get("customPath") or described.get("custom_path")
    uri = custom or described.get("uri") or standard
    if uri.startswith("file://"):
        return urllib.parse.unquote(urllib.parse.urlparse(uri).path)
    return None if "://" in uri else os.path.abspath(uri)


def kept(file: str | None) -> dict[str, Json]:
    """Outputs that are in the store already: where, and the digests of their bytes."""
    if not file:
        return {}
    try:
        with open(file, encoding="utf-8") as notes:
            return dict(json.load(notes))
    except (OSError, ValueError):
        return {}


def _keep(item: Json, path: str, known: Json | None) -> tuple[str, str | None]:
    """Takes an artifact into the store; one that was not written has an address and no content."""
    if os.path.isdir(path):
        packed = f"{path}.tar"
        _pack(path, packed)
        return _upload(item["packed"], packed)
    if not os.path.exists(path):
        return item["absent"], None
    if known is not None and known["digest"] == digest_of(path):
        return known["uri"], known["digest"]
    return _upload(item["plain"], path)


def _upload(places: list[Json], path: str) -> tuple[str, str]:
    """Writes a file to the first free place; gives that one's URI, and the digest of the bytes."""
    digest = digest_of(path)
    return write_to_free(places, path, places[0]["uri"])["uri"], digest


def _pack(directory: str, archive: str) -> None:
    """A tar that is the same for the same content: sorted, without times and owners."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.mtime = 0
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
        return entry

    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as file:
        for name in sorted(os.listdir(directory)):
            _add(file, os.path.join(directory, name), name, plain)


def _add(file: tarfile.TarFile, path: str, name: str, plain: Any) -> None:
    file.add(path, name, recursive=False, filter=plain)
    if os.path.isdir(path) and not os.path.islink(path):
        for each in sorted(os.listdir(path)):
            _add(file, os.path.join(path, each), f"{name}/{each}", plain)


def _end(code: int, kind: str, message: str) -> int:
    print(f"sealflow: {message}", file=sys.stderr)
    _last_words({"kind": kind, "message": message})
    return code


def _last_words(description: Json) -> None:
    """Leaves the error where Kubernetes shows it."""
    for limit in (3000, 1500, 300):
        short = {key: _cut(value, limit) for key, value in description.items() if key != "traceback"}
        short["traceback"] = _cut(description.get("traceback"), limit // 2)
        content = json.dumps(short).encode()
        if len(content) <= _LAST_WORDS:
            break
    with contextlib.suppress(OSError), open("/dev/termination-log", "wb") as file:
        file.write(content)


def _cut(value: Any, limit: int) -> Any:
    return value if not isinstance(value, str) or len(value) <= limit else value[-limit:]
