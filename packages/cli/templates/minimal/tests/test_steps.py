import sys
from pathlib import Path

import pytest
from sealflow.testing import run_component

sys.path.insert(0, str(Path(__file__).parents[1]))


def test_the_line_is_found(tmp_path):
    from steps import fit_line, make_data

    made = run_component(make_data, {"rows": 200, "seed": 1}, tmp_path / "made")
    fitted = run_component(fit_line, {"table": made.artifacts["table"]}, tmp_path / "fitted")
    assert made.output == 200
    assert fitted.output == pytest.approx(2, abs=0.1)
