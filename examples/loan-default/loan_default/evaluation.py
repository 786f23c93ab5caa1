"""Judges predictions: ROC curve, confusion matrix, report per class, calibration."""

from dataclasses import dataclass

import numpy as np

from loan_default.schema import DataError

CLASSES = ("Non-Default", "Default")
THRESHOLD = 0.5
ROC_POINTS = 200
CALIBRATION_BINS = 10


@dataclass(frozen=True)
class Evaluation:
    """All figures of one set of predictions; rates and shares lie in 0..1."""

    auc: float
    accuracy: float
    log_loss: float
    brier: float
    confusion: tuple[tuple[int, int], tuple[int, int]]
    roc: tuple[list[float], list[float], list[float]]
    calibration: list[tuple[float, float, int]]

    def report(self) -> dict[str, dict[str, float]]:
        """Precision, recall, F1 score and number of rows per class."""
        rows = {}
        for index, name in enumerate(CLASSES):
            hits = self.confusion[index][index]
            predicted = self.confusion[0][index] + self.confusion[1][index]
            actual = sum(self.confusion[index])
            precision = hits / predicted if predicted else 0.0
            recall = hits / actual if actual else 0.0
            both = precision + recall
            f1 = 2 * precision * recall / both if both else 0.0
            rows[name] = {"precision": precision, "recall": recall, "f1": f1, "rows": actual}
        return rows


def evaluate(labels: np.ndarray, probabilities: np.ndarray) -> Evaluation:
    """Compares predicted probabilities of default with what happened. Raises DataError."""
    defaults = int(np.count_nonzero(labels))
    if not 0 < defaults < len(labels):
        raise DataError("predictions: expected rows of both classes, got one class only")
    false_rate, true_rate, thresholds = roc_curve(labels, probabilities)
    predicted = probabilities >= THRESHOLD
    counts = np.bincount(labels.astype(np.int64) * 2 + predicted, minlength=4)
    exact = probabilities.astype(np.float64)
    bounded = np.clip(exact, 1e-15, 1 - 1e-15)
    return Evaluation(
        auc=float(np.trapezoid(true_rate, false_rate)),
        accuracy=float((counts[0] + counts[3]) / len(labels)),
        log_loss=float(-np.log(np.where(labels == 1, bounded, 1 - bounded)).mean()),
        brier=float(((exact - labels) ** 2).mean()),
        confusion=((int(counts[0]), int(counts[1])), (int(counts[2]), int(counts[3]))),
        roc=_thinned(false_rate, true_rate, thresholds),
        calibration=_calibration(labels, exact),
    )


def roc_curve(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """False and true positive rates at every distinct threshold, from none predicted to all.

    The first threshold, above every probability, is 1: an infinite one has no place in JSON.
    """
    order = np.argsort(-probabilities)
    scores, hits = probabilities[order], labels[order].astype(np.int64)
    ends = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    true = np.cumsum(hits)[ends]
    false = ends + 1 - true
    start = np.zeros(1)
    return (
        np.concatenate([start, false / false[-1]]),
        np.concatenate([start, true / true[-1]]),
        np.concatenate([[1.0], scores[ends].astype(np.float64)]),
    )


def _thinned(
    false_rate: np.ndarray, true_rate: np.ndarray, thresholds: np.ndarray
) -> tuple[list[float], list[float], list[float]]:
    """At most ROC_POINTS points of the curve, at equal distances along it.

    The points are interpolated: corners alone would lie above the steps of a curve from finitely many rows,
    and add to the area below it.
    """
    way = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(false_rate), np.diff(true_rate)))])
    if len(way) <= ROC_POINTS:
        return false_rate.tolist(), true_rate.tolist(), thresholds.tolist()
    places = np.linspace(0, way[-1], ROC_POINTS)
    found = [np.interp(places, way, values).tolist() for values in (false_rate, true_rate, thresholds)]
    return found[0], found[1], found[2]


def _calibration(labels: np.ndarray, probabilities: np.ndarray) -> list[tuple[float, float, int]]:
    """Mean prediction, share of defaults, and rows, per tenth of the probability range that has rows."""
    bins = np.minimum((probabilities * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    rows = np.bincount(bins, minlength=CALIBRATION_BINS)
    predicted = np.bincount(bins, weights=probabilities, minlength=CALIBRATION_BINS)
    happened = np.bincount(bins, weights=labels, minlength=CALIBRATION_BINS)
    return [
        (float(predicted[b] / rows[b]), float(happened[b] / rows[b]), int(rows[b]))
        for b in range(CALIBRATION_BINS)
        if rows[b]
    ]
