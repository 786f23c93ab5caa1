"""Puts our own small `kfp` where components can import it, behind whatever the environment has installed."""

import os
import sys

DIRECTORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shim")


def install() -> None:
    """Makes `import kfp` work: the real package where it is installed, this one where not."""
    # Tells the real package to leave out what only compiling needs, as Kubeflow's own command line does.
    os.environ["_KFP_RUNTIME"] = "true"
    add_to_path()


def add_to_path() -> None:
    """Serves `import kfp` where nothing else does, and changes nothing where the real package is
    installed."""
    if DIRECTORY not in sys.path:
        sys.path.append(DIRECTORY)


def is_shim() -> bool:
    """Whether `import kfp` gives (or gave) the package of this distribution."""
    if "kfp" in sys.modules:
        return bool(getattr(sys.modules["kfp"], "__sealflow_shim__", False))
    import importlib.util

    spec = importlib.util.find_spec("kfp")
    return spec is not None and (spec.origin or "").startswith(DIRECTORY)
