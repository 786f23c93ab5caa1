"""Tests of single components: `result = run_component(train, {"data": "data.parquet", "seed": 1}, tmp_path)`.

With the pytest plugin of this package, component files that import `kfp.dsl` load without `kfp` being
installed.
"""

from sealflow.errors import InputsError, OutputsError, SourceError
from sealflow.single import ComponentResult, run_component
from sealflow.sources import load_function

__all__ = ["ComponentResult", "InputsError", "OutputsError", "SourceError", "load_function", "run_component"]
