"""Scikit-learn with and without Intel's extension, on loans; prints JSON.

python intelex.py LOANS.csv ROUNDS ROWS
"""

import json
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import sklearnex
from loan_default.preprocessing import fit
from loan_default.quality import assess, read_loans
from loan_default.schema import LABEL
from sklearn import linear_model, metrics, model_selection, preprocessing


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main(path: str, rounds: int, rows: int) -> list[dict[str, object]]:
    """Each piece of work with both implementations, in turns."""
    frame, _ = assess(read_loans(path))
    frame = frame.head(rows)
    labels = frame[LABEL].to_numpy()
    matrix = np.ascontiguousarray(fit(frame).transform(frame), dtype=np.float64)
    incomes = frame[["person_income"]].to_numpy(dtype=np.float64)
    numbers = np.arange(len(frame))
    scores = matrix[:, 0] + np.random.default_rng(0).normal(size=len(matrix))

    def logistic(model: type) -> Callable[[], object]:
        return lambda: model(max_iter=200).fit(matrix, labels)

    def scaler(model: type) -> Callable[[], object]:
        return lambda: model().fit_transform(matrix)

    def power(model: type) -> Callable[[], object]:
        return lambda: model(standardize=False).fit(incomes)

    def splitter(split: Callable[..., object]) -> Callable[[], object]:
        return lambda: split(numbers, test_size=0.25, stratify=labels, random_state=0)

    def area(score: Callable[..., object]) -> Callable[[], object]:
        return lambda: score(labels, scores)

    cases = [
        ("train_test_split", "yes", splitter, model_selection, "train_test_split"),
        ("PowerTransformer.fit", "yes", power, preprocessing, "PowerTransformer"),
        ("roc_auc_score", "own code", area, metrics, "roc_auc_score"),
        ("StandardScaler.fit_transform", "no", scaler, preprocessing, "StandardScaler"),
        ("LogisticRegression.fit", "no", logistic, linear_model, "LogisticRegression"),
    ]
    plain = {what: make(getattr(module, name)) for what, _, make, module, name in cases}
    sklearnex.patch_sklearn(verbose=False)
    patched = {what: make(getattr(module, name)) for what, _, make, module, name in cases}
    found: list[dict[str, object]] = []
    for what, used, *_ in cases:
        times = {"plain": [], "intelex": []}
        plain[what](), patched[what]()
        for turn in range(rounds):
            order = ("plain", "intelex") if turn % 2 else ("intelex", "plain")
            for side in order:
                times[side].append(timed((plain if side == "plain" else patched)[what]))
        medians = {side: statistics.median(each) for side, each in times.items()}
        found.append({"what": what, "used": used, **medians})
    return found


print(json.dumps(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
