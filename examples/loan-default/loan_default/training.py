"""Trains the XGBoost model."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xgboost as xgb
from sklearn.model_selection import train_test_split

from loan_default.schema import DataError


@dataclass(frozen=True)
class Settings:
    """XGBoost's parameters; the defaults are those of the reference pipeline.

    With `early_stopping_rounds` above 0, a share `validation_size` of the training rows judges each round,
    and training ends after that many rounds without a better log loss.
    """

    n_estimators: int = 500
    learning_rate: float = 0.02
    max_depth: int = 10
    min_child_weight: float = 6.0
    early_stopping_rounds: int = 0
    validation_size: float = 0.1
    seed: int = 0


def train(
    features: np.ndarray, labels: np.ndarray, names: list[str], settings: Settings, *, source_rows: int = 0
) -> xgb.Booster:
    """Trains on all rows, or with early stopping on those that don't judge.

    `source_rows` says that rows from there on are copies of earlier ones (see `augment`), so that no copy
    of a judging row takes part in the training.
    """
    parameters = {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "tree_method": "hist",
        "learning_rate": settings.learning_rate,
        "max_depth": settings.max_depth,
        "min_child_weight": settings.min_child_weight,
        "seed": settings.seed,
        "verbosity": 1,
    }
    if settings.early_stopping_rounds <= 0:
        # Quantised at once: an ordinary DMatrix would hold 8 bytes for every value besides.
        matrix = xgb.QuantileDMatrix(features, labels, feature_names=names)
        return xgb.train(parameters, matrix, settings.n_estimators)
    fitting, judging = _judging_rows(labels, settings, source_rows)
    matrix = xgb.QuantileDMatrix(features[fitting], labels[fitting], feature_names=names)
    judges = xgb.QuantileDMatrix(features[judging], labels[judging], feature_names=names, ref=matrix)
    booster = xgb.train(
        parameters,
        matrix,
        settings.n_estimators,
        evals=[(judges, "validation")],
        early_stopping_rounds=settings.early_stopping_rounds,
        verbose_eval=50,
    )
    return booster[: booster.best_iteration + 1]


def _judging_rows(labels: np.ndarray, settings: Settings, source_rows: int) -> tuple[np.ndarray, np.ndarray]:
    source = source_rows or len(labels)
    if not 0 < source <= len(labels):
        raise DataError(f"source_rows: expected 1 to {len(labels)}, got {source_rows}")
    _, judging = train_test_split(
        np.arange(source),
        test_size=settings.validation_size,
        stratify=labels[:source],
        random_state=settings.seed,
    )
    judges = np.zeros(source, dtype=bool)
    judges[judging] = True
    return np.flatnonzero(~judges[np.arange(len(labels)) % source]), judging


def save(booster: xgb.Booster, path: str | Path) -> None:
    """Writes the model as UBJSON, whatever the path ends in."""
    Path(path).write_bytes(booster.save_raw("ubj"))


def load(path: str | Path) -> xgb.Booster:
    """Reads a model that `save` wrote. Raises DataError."""
    try:
        return xgb.Booster(model_file=bytearray(Path(path).read_bytes()))
    except xgb.core.XGBoostError as error:
        raise DataError(f"model: expected XGBoost's UBJSON, got {str(error).splitlines()[0]}") from error


def importance(booster: xgb.Booster) -> dict[str, float]:
    """Total gain per feature that the model uses, largest first."""
    gains = booster.get_score(importance_type="total_gain")
    return dict(sorted(((name, float(gain)) for name, gain in gains.items()), key=lambda item: -item[1]))
