"""Thread budgets: how many threads the numerical libraries of one task may use.

Libraries read their environment variables when they are loaded, which for preloaded ones is long before the
task starts.
Those are therefore told through their own functions as well.
"""

import ctypes
import os
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

COUNT_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)

# Idle OpenMP threads that spin take the processor from tasks that run beside them. A few thousand spins keep
# the speed of a
# task that is alone and cost little when several run.
# OpenBLAS counts in powers of two of the processor's clock: a millisecond or less, where its own choice is
# thirty, spent as soon as its threads are made, in every task.
_WAITING = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "2000",
    "KMP_BLOCKTIME": "1",
    "OPENBLAS_THREAD_TIMEOUT": "20",
}

_LIBRARIES = re.compile(
    r"/[^/\n]*(?:openblas|libgomp|libomp|libiomp|libmkl_rt|libblis)[^/\n]*\.so[^/\n]*$", re.MULTILINE
)
_SETTERS = (
    "openblas_set_num_threads",
    "openblas_set_num_threads64_",
    "scipy_openblas_set_num_threads",
    "scipy_openblas_set_num_threads64_",
    "MKL_Set_Num_Threads",
    "bli_thread_set_num_threads",
    "omp_set_num_threads",
)


def prepare_environment() -> None:
    """Environment of the process that imports libraries and forks: waiting policy, and no thread pools at
    load time."""
    for name, value in _WAITING.items():
        os.environ.setdefault(name, value)
    # A pool that lives in the parent is not there after a fork. OpenBLAS starts its own at load time unless
    # told one.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"


def available() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def confine(count: int) -> None:
    """Keeps this process, and what it starts, on so many processors, where the system can (Linux).

    Which ones goes around with the process' id, so that tasks beside one another take different ones.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    usable = sorted(os.sched_getaffinity(0))
    if count < len(usable):
        first = os.getpid()
        os.sched_setaffinity(0, {usable[(first + place) % len(usable)] for place in range(count)})


def loaded_setters() -> list[Callable[[int], Any]]:
    """The functions that set the thread count of the numerical libraries loaded so far (Linux only)."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
            paths = {
                line.split(maxsplit=5)[5].rstrip() for line in file if ".so" in line and line.count(" ") >= 5
            }
    except OSError:
        return []
    setters = []
    for path in sorted(path for path in paths if _LIBRARIES.search(path)):
        setters += _setters_of(path)
    return setters


def _setters_of(path: str) -> list[Callable[[int], Any]]:
    try:
        library = ctypes.CDLL(path, mode=getattr(os, "RTLD_NOLOAD", 0) | os.RTLD_LAZY)
    except OSError:
        return []
    found = []
    for name in _SETTERS:
        setter = getattr(library, name, None)
        if setter is not None:
            setter.argtypes = [ctypes.c_int]
            setter.restype = None
            found.append(setter)
    return found


def environment_of(count: int) -> dict[str, str]:
    """Environment variables that give libraries loaded later this many threads."""
    return dict.fromkeys(COUNT_VARIABLES, str(count))


def apply(count: int, setters: list[Callable[[int], Any]], environment: Mapping[str, str]) -> None:
    """Gives the libraries that are loaded already their threads; a number in the task's own OMP_NUM_THREADS
    wins."""
    wanted = environment.get("OMP_NUM_THREADS", "")
    count = int(wanted) if wanted.isdecimal() and int(wanted) > 0 else count
    for setter in setters:
        setter(count)
    daal4py = sys.modules.get("daal4py")
    # Telling it starts its threads; all processors are what it takes by itself.
    if daal4py is not None and hasattr(daal4py, "daalinit") and count != available():
        daal4py.daalinit(count)
    pyarrow = sys.modules.get("pyarrow")
    if pyarrow is not None and hasattr(pyarrow, "set_cpu_count"):
        pyarrow.set_cpu_count(count)
