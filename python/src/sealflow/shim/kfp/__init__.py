"""The part of Kubeflow Pipelines' `kfp` that component code uses at run time, without the package itself.

Made by Sealflow for environments where `kfp` is not installed; an installed `kfp` always wins.
"""

import sys
from typing import NoReturn

__version__ = "2.17.0"
__sealflow_shim__ = True
TYPE_CHECK = True

_MEND = (
    "expected a name that components use at run time, got one of the full SDK; "
    "add kfp==2.17.0 to the component's requirements"
)


class _Missing:
    """The last finder asked: says what to install instead of just that a module is not there."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """Finds nothing; raises ImportError for modules under `kfp`."""
        if name.startswith("kfp."):
            raise ImportError(f"{name}: {_MEND}", name=name)


sys.meta_path.append(_Missing)


def __getattr__(name: str) -> NoReturn:
    raise AttributeError(f"kfp.{name}: {_MEND}")
