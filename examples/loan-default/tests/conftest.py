"""Puts the example on the path, and serves `kfp.dsl` where the package itself is not installed."""

import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[1]
SOURCES = EXAMPLE.parents[1] / "python" / "src"
sys.path[:0] = [str(EXAMPLE), str(SOURCES)]
sys.path.append(str(SOURCES / "sealflow" / "shim"))


@pytest.fixture
def real_data() -> Path:
    """The real file, where the machine has it beside the checkout."""
    path = EXAMPLE.parents[2] / "shared" / "data" / "credit_risk_dataset.csv"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path
