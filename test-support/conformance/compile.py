"""Compiles the conformance pipelines. Prints a JSON list: name, compiled YAML, runs and what they give."""

import json
import sys
import tempfile
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

from kfp import compiler

import artifacts  # noqa: F401
import collected  # noqa: F401
import combined  # noqa: F401
import conditions  # noqa: F401
import containers  # noqa: F401
import deep  # noqa: F401
import exits  # noqa: F401
import loops  # noqa: F401
import nested  # noqa: F401
import order  # noqa: F401
import values  # noqa: F401
from case import CASES


def compiled() -> list:
    found = []
    with tempfile.TemporaryDirectory() as directory:
        for case in CASES:
            path = Path(directory) / f"{case['name']}.yaml"
            compiler.Compiler().compile(case["pipeline"], str(path))
            entry = {key: value for key, value in case.items() if key != "pipeline"}
            found.append({**entry, "yaml": path.read_text()})
    return found


if __name__ == "__main__":
    json.dump(compiled(), sys.stdout)
