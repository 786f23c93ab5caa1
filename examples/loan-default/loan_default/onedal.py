"""The model in oneDAL's form: converted with daal4py, kept in oneDAL's own archive, checked against XGBoost.

The file between the tasks is no pickle. It starts with one line of JSON that names the format, the oneDAL
version, the sizes and the archive's SHA-256; the archive follows. It is read only when all of that fits.
oneDAL reads archives of its own version only, and trusts their content: load a file only where you trust
its maker.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb

from loan_default.schema import DataError

try:
    import daal4py
    from daal4py import _daal4py
except ImportError as error:  # no build of oneDAL for this machine
    raise DataError(
        f"oneDAL: expected the package scikit-learn-intelex (Linux, x86-64), got {error}"
    ) from error

FORMAT = "sealflow.onedal-gbt/1"
TOLERANCE = 1e-5
"""Largest difference between oneDAL's and XGBoost's probability of a row that counts as the same."""


class OneDalModel:
    """A binary classifier in oneDAL."""

    def __init__(self, model: Any, features: int) -> None:
        self._model = model
        self.features = features

    def probabilities(self, matrix: np.ndarray) -> np.ndarray:
        """Probability of default per row, float32."""
        if matrix.shape[1] != self.features:
            raise DataError(f"features: expected {self.features} columns, got {matrix.shape[1]}")
        algorithm = daal4py.gbt_classification_prediction(
            nClasses=2, fptype="float", resultsToEvaluate="computeClassProbabilities"
        )
        return algorithm.compute(matrix, self._model).probabilities[:, 1]

    def save(self, path: str | Path) -> None:
        """Writes the header and oneDAL's archive."""
        archive = self._model.__getstate__()
        header = {
            "format": FORMAT,
            "onedal": onedal_version(),
            "features": self.features,
            "bytes": len(archive),
            "sha256": hashlib.sha256(archive).hexdigest(),
        }
        with Path(path).open("wb") as file:
            file.write(json.dumps(header).encode() + b"\n")
            file.write(archive)


def convert(booster: xgb.Booster) -> OneDalModel:
    """Converts a trained model; the booster stays as it is."""
    converted = daal4py.mb.convert_model(booster)
    return OneDalModel(converted.daal_model_, converted.n_features_in_)


def load(path: str | Path) -> OneDalModel:
    """Reads what `save` wrote. Raises DataError."""
    with Path(path).open("rb") as file:
        try:
            header = json.loads(file.readline(4096))
        except ValueError as error:
            raise DataError(f"oneDAL model: expected the format {FORMAT}, got no header") from error
        archive = file.read()
    found = header if isinstance(header, dict) else {}
    expected = {
        "format": FORMAT,
        "onedal": onedal_version(),
        "bytes": len(archive),
        "sha256": hashlib.sha256(archive).hexdigest(),
    }
    for name, value in expected.items():
        if found.get(name) != value:
            raise DataError(f"oneDAL model, {name}: expected {value}, got {found.get(name)}")
    model = daal4py.gbt_classification_model()
    model.__setstate__(archive)
    return OneDalModel(model, int(found["features"]))


def onedal_version() -> str:
    """The version of oneDAL in use; archives are not exchanged between versions."""
    return str(_daal4py._get__daal_link_version__())


def difference(onedal: np.ndarray, xgboost: np.ndarray) -> float:
    """The largest absolute difference between two models' probabilities of the same rows."""
    return float(np.abs(onedal.astype(np.float64) - xgboost).max())
