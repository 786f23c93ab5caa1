"""The model in oneDAL's form: converted with daal4py, kept in oneDAL's own archive, checked against XGBoost.

The file between the tasks is no pickle. It starts with one line of JSON that names the format, the oneDAL
version, the sizes and the SHA-256 of what follows: the archive, compressed with LZ4. It is read only when all
of that fits. oneDAL reads archives of its own version only, and trusts their content: load a file only where
you trust its maker.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xgboost as xgb

from loan_default import ubjson
from loan_default.schema import DataError

try:
    import daal4py
    from daal4py import _daal4py
except ImportError as error:  # no build of oneDAL for this machine
    raise DataError(
        f"oneDAL: expected the package scikit-learn-intelex (Linux, x86-64), got {error}"
    ) from error

FORMAT = "sealflow.onedal-gbt/2"
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
        # Mostly empty places of small nodes: a seventh of it is left.
        packed = pa.compress(archive, codec="lz4", asbytes=True)
        header = _sizes(packed) | {"features": self.features, "archiveBytes": len(archive)}
        with Path(path).open("wb") as file:
            file.write(json.dumps(header).encode() + b"\n")
            file.write(packed)


def convert(booster: xgb.Booster) -> OneDalModel:
    """Converts a trained binary classifier; the booster stays as it is. Raises DataError for other models.

    The archive is to the byte that of `daal4py.mb.convert_model`, which takes nine times as long: it reads
    the trees from XGBoost's JSON text, and makes a Python object of every node.
    """
    learner = ubjson.read(booster.save_raw("ubj"))["learner"]
    objective, kind = learner["objective"]["name"], learner["gradient_booster"]["name"]
    if (objective, kind) != ("binary:logistic", "gbtree"):
        raise DataError(f"model: expected binary:logistic of gbtree, got {objective} of {kind}")
    trees = learner["gradient_booster"]["model"]["trees"]
    parameters = learner["learner_model_param"]
    features = int(parameters["num_feature"])
    builder = daal4py.gbt_clf_model_builder(n_features=features, n_iterations=len(trees), n_classes=2)
    for tree in trees:
        _add_tree(builder, tree)
    (base_score,) = np.atleast_1d(json.loads(parameters["base_score"])).tolist()
    return OneDalModel(builder.model(base_score=base_score), features)


def _add_tree(builder: Any, tree: dict[str, Any]) -> None:
    """Adds a tree level by level, which is the order that oneDAL's layout follows from."""
    if tree["split_type"].any():
        raise DataError("model: expected splits of numbers, got one of categories")
    left, right, feature = (
        tree[name].tolist() for name in ("left_children", "right_children", "split_indices")
    )
    value, cover, default_left = (
        tree[name].tolist() for name in ("split_conditions", "sum_hessian", "default_left")
    )
    # XGBoost goes left below the threshold, oneDAL up to it.
    threshold = np.nextafter(tree["split_conditions"].astype(np.float32), np.float32(-np.inf)).tolist()
    number = builder.create_tree(n_nodes=len(left), class_label=0)
    places: list[tuple[int, dict[str, int]]] = [(0, {})]
    for node, place in places:
        if left[node] < 0:
            builder.add_leaf(tree_id=number, response=value[node], cover=cover[node], **place)
            continue
        parent = builder.add_split(
            tree_id=number,
            feature_index=feature[node],
            feature_value=threshold[node],
            cover=cover[node],
            default_left=default_left[node],
            **place,
        )
        places.append((left[node], {"parent_id": parent, "position": 0}))
        places.append((right[node], {"parent_id": parent, "position": 1}))


def load(path: str | Path) -> OneDalModel:
    """Reads what `save` wrote. Raises DataError."""
    with Path(path).open("rb") as file:
        try:
            header = json.loads(file.readline(4096))
        except ValueError as error:
            raise DataError(f"oneDAL model: expected the format {FORMAT}, got no header") from error
        packed = file.read()
    found = header if isinstance(header, dict) else {}
    for name, value in _sizes(packed).items():
        if found.get(name) != value:
            raise DataError(f"oneDAL model, {name}: expected {value}, got {found.get(name)}")
    archive = pa.decompress(packed, decompressed_size=int(found["archiveBytes"]), codec="lz4", asbytes=True)
    model = daal4py.gbt_classification_model()
    model.__setstate__(archive)
    return OneDalModel(model, int(found["features"]))


def _sizes(packed: bytes) -> dict[str, object]:
    """What a header says of what follows it."""
    return {
        "format": FORMAT,
        "onedal": onedal_version(),
        "bytes": len(packed),
        "sha256": hashlib.sha256(packed).hexdigest(),
    }


def onedal_version() -> str:
    """The version of oneDAL in use; archives are not exchanged between versions."""
    return str(_daal4py._get__daal_link_version__())


def difference(onedal: np.ndarray, xgboost: np.ndarray) -> float:
    """The largest absolute difference between two models' probabilities of the same rows."""
    return float(np.abs(onedal.astype(np.float64) - xgboost).max())
