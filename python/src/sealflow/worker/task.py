"""What happens in the forked process of one task, from the fork to its end."""

import contextlib
import gc
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from sealflow import failure, sources
from sealflow.errors import InputsError
from sealflow.executor import Invocation
from sealflow.worker import processes, threads

Json = dict[str, Any]

# Below a pipe's buffer (64 KiB on Linux): nobody reads it before this process is gone.
_REPORT_LIMIT = 60_000
_SIGNALS_RESET = (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)


class Report:
    """The way back to the zygote: a pipe that is read after this process ended."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.identity = _identity(descriptor)

    def send(self, content: bytes) -> None:
        """Writes once, without waiting; says nothing when the component closed or replaced the descriptor."""
        if _identity(self.descriptor) == self.identity:
            os.write(self.descriptor, content)


def _identity(descriptor: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def run_in_child(request: Json, report: Report, setters: list[Callable[[int], Any]]) -> NoReturn:
    """Runs the task of this process and ends the process; never returns."""
    code = 1
    try:
        code = _run(request, report, setters)
        _finish()
    except BaseException as error:
        code = code or 1
        _tell(error, report, None)
    finally:
        os._exit(code)


def _run(request: Json, report: Report, setters: list[Callable[[int], Any]]) -> int:
    source = request["source"]
    # The code's own file name: equal sources are compiled once, under the path of the first.
    alias = source
    limit = request.get("memoryLimitBytes")
    loading = True
    try:
        _enter(request, setters)
        if request.get("sealed"):
            return _run_sealed(request, report)
        if request.get("command"):
            _execute(request["command"])
        if request.get("module"):
            function = sources.load_from_module(request["module"], request["function"])
        else:
            code = sources.compiled(source)
            alias = code.co_filename
            function = sources.load_function(source, request["function"], code)
        loading = False
        Invocation(function, request["executorInput"]).run()
    except SystemExit as error:
        return _exit_code_of(error, report, (alias, source))
    except MemoryError as error:
        _lift_memory_limit()
        _tell(error, report, (alias, source), kind="memory", note=_memory_note(limit))
        return 1
    except BaseException as error:
        kind = "source" if loading and not isinstance(error, InputsError) else None
        _tell(error, report, (alias, source), kind=kind)
        return 1
    return 0


def _run_sealed(request: Json, report: Report) -> int:
    """Runs a sealed task: what it says of a failure is what may leave."""
    import json

    from sealflow.sealed import in_worker

    def load() -> Callable[..., Any]:
        return sources.load_function(
            request["source"], request["function"], sources.compiled(request["source"])
        )

    try:
        in_worker.run(request, request["runtime"], load)
    except in_worker.SealedEnd as end:
        report.send(json.dumps(end.description).encode())
        return end.exit_code
    return 0


def _enter(request: Json, setters: list[Callable[[int], Any]]) -> None:
    """Sets up the process: directory, environment, threads, limits."""
    if request.get("mounts"):
        # Imported by the few tasks that want them.
        from sealflow.worker import mounts

        mounts.enter(request["mounts"], request["mountRoot"])
        # New credentials have cleared it.
        processes.die_with(os.getppid())
    directory = request.get("directory")
    if directory:
        _change_directory(directory)
    if request.get("processors"):
        threads.confine(request["processors"])
    own = request.get("env") or {}
    count = request.get("threads") or threads.available()
    os.environ.update(threads.environment_of(count))
    os.environ["SEALFLOW_TASK"] = request["task"]
    os.environ.update(own)
    threads.apply(count, setters, own)
    _reseed()
    sys.argv = [request.get("source") or request.get("module") or request["command"][0]]
    limit = request.get("memoryLimitBytes")
    if limit:
        # Only the soft limit, so that the report of the failure can lift it.
        resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def _execute(command: list[str]) -> NoReturn:
    """Becomes a command of this machine."""
    # Python ignores it, and a shell's pipelines rely on it.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        raise InputsError(f"command {command[0]}: {error.strerror}") from error


def _change_directory(directory: str) -> None:
    try:
        try:
            os.chdir(directory)
        except FileNotFoundError:
            os.makedirs(directory, exist_ok=True)
            os.chdir(directory)
    except OSError as error:
        raise InputsError(f"directory {directory}: {error.strerror}") from error


def _reseed() -> None:
    """Gives this process its own random numbers: NumPy's global generator is copied by a fork, Python's
    reseeds itself."""
    random = sys.modules.get("numpy.random")
    if random is not None:
        random.seed()


def detach(log: str, nothing: int) -> None:
    """Leaves the zygote's session and files: own process group, log file as output, `nothing` as input."""
    os.setsid()
    gc.enable()
    for number in _SIGNALS_RESET:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.dup2(nothing, 0)
    if descriptor > 2:
        os.close(descriptor)


def _finish() -> None:
    """What an interpreter does at its end: waits for threads, runs exit handlers, flushes."""
    threading = sys.modules.get("threading")
    if threading is not None and threading.active_count() > 1:
        threading._shutdown()
    import atexit

    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()


def _exit_code_of(error: SystemExit, report: Report, names: tuple[str, str]) -> int:
    if error.code is None or error.code == 0:
        return 0
    code = error.code & 0xFF if isinstance(error.code, int) else 1
    if code:
        _tell(error, report, names)
    return code


def _tell(
    error: BaseException,
    report: Report,
    names: tuple[str, str] | None,
    *,
    kind: str | None = None,
    note: str | None = None,
) -> None:
    import json

    alias, source = names or ("", "")
    _show_own_source(alias, source)
    description = failure.describe(error, alias or None, kind=kind)
    if alias != source:
        description["traceback"] = description["traceback"].replace(f'File "{alias}"', f'File "{source}"')
        description["file"] = source if description["file"] == alias else description["file"]
    if note:
        description["message"] = f"{note}: {description['message']}" if description["message"] else note
    # The component may have closed or replaced its output: the report still goes out.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        failure.print_to_log(description)
    content = json.dumps(description).encode()
    if len(content) > _REPORT_LIMIT:
        # Escapes made it longer than the pipe holds: six bytes a character at worst.
        description["message"] = failure.shortened(description["message"], _REPORT_LIMIT // 50)
        description["traceback"] = failure.shortened(description["traceback"], _REPORT_LIMIT // 12)
        content = json.dumps(description).encode()
    report.send(content)


def _show_own_source(alias: str, source: str) -> None:
    """Lets tracebacks quote the lines of this task's file even when the first file with this content is
    gone."""
    if alias == source:
        return
    import linecache

    lines = linecache.getlines(source)
    linecache.cache[alias] = (sum(map(len, lines)), None, lines, alias)


def _memory_note(limit: int | None) -> str:
    return f"out of memory: the task's limit is {limit} bytes" if limit else "out of memory"


def _lift_memory_limit() -> None:
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
