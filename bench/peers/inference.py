"""Times predictions of the loan model by number of rows; prints JSON.

python inference.py LOANS.csv ROUNDS quick|full
"""

import json
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import xgboost as xgb
from loan_default import onedal
from loan_default.preprocessing import fit
from loan_default.quality import assess, read_loans
from loan_default.schema import LABEL
from loan_default.splitting import split
from loan_default.training import Settings, train

SIZES = (1, 100, 10_000, 1_000_000)
# So that what is timed takes at least this long, small predictions are repeated.
SHORTEST = 0.002


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Of one call, from the time of several."""
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - start) / repeats


def compare(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Medians; the ways take turns."""
    repeats = {name: max(1, int(SHORTEST / seconds(work, 1))) for name, work in ways.items()}
    samples: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds):
        names = list(ways)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            samples[name].append(seconds(ways[name], repeats[name]))
    return {name: statistics.median(times) for name, times in samples.items()}


def main(path: str, rounds: int, quick: bool) -> dict[str, object]:
    """Trains, then compares at every size."""
    frame, _ = assess(read_loans(path))
    training, testing = split(frame, seed=0)
    fitted = fit(training)
    settings = Settings()
    booster = train(fitted.transform(training), training[LABEL].to_numpy(), fitted.features, settings)
    converted = onedal.convert(booster)
    features = np.ascontiguousarray(fitted.transform(testing))
    found = []
    for size in SIZES:
        matrix = np.ascontiguousarray(features[np.arange(size) % len(features)])
        medians = compare(
            {
                # With a new DMatrix each time: of one that it has seen XGBoost remembers the predictions.
                "predict": lambda matrix=matrix: booster.predict(
                    xgb.DMatrix(matrix, feature_names=fitted.features)
                ),
                "inplace_predict": lambda matrix=matrix: booster.inplace_predict(matrix),
                "onedal": lambda matrix=matrix: converted.probabilities(matrix),
            },
            rounds if size < 1_000_000 else min(rounds, 3 if quick else 7),
        )
        difference = onedal.difference(converted.probabilities(matrix), booster.inplace_predict(matrix))
        found.append({"rows": size, "medians": medians, "difference": difference})
    trees, depth = settings.n_estimators, settings.max_depth
    return {"sizes": found, "trees": trees, "depth": depth, "features": features.shape[1]}


print(json.dumps(main(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "quick")))
