"""The part of Kubeflow Pipelines' `kfp` that component code uses at run time, without the package itself.

Made by Sealflow for environments where `kfp` is not installed; an installed `kfp` always wins.
"""

from typing import NoReturn

__version__ = "2.17.0"
__sealflow_shim__ = True
TYPE_CHECK = True


def __getattr__(name: str) -> NoReturn:
    raise AttributeError(
        f"kfp.{name}: expected a name that components use at run time, got one of the full SDK; "
        "add kfp to the component's requirements (kfp==2.17.0)"
    )
