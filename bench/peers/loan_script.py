"""The loan job as one plain script: the example's own functions, one after the other, in one process.

python loan_script.py LOANS.csv prints the figures that the pipeline reports. Nothing is written between the
steps.
"""

import json
import sys

from loan_default import onedal
from loan_default.evaluation import evaluate
from loan_default.preprocessing import fit
from loan_default.quality import as_markdown as quality_markdown
from loan_default.quality import assess, read_loans
from loan_default.report import as_html, as_markdown, calibration_plot, importance_plot
from loan_default.schema import LABEL
from loan_default.splitting import split
from loan_default.training import Settings, importance, train


def main(path: str) -> dict[str, object]:
    """Everything from the file to the figures."""
    frame, found = assess(read_loans(path))
    quality_markdown(found)
    training, testing = split(frame, seed=0)
    del frame
    fitted = fit(training)
    features, labels = fitted.transform(training), training[LABEL].to_numpy()
    test_features, test_labels = fitted.transform(testing), testing[LABEL].to_numpy()
    del training, testing
    booster = train(features, labels, fitted.features, Settings())
    del features
    probabilities = onedal.convert(booster).probabilities(test_features)
    difference = onedal.difference(probabilities, booster.inplace_predict(test_features))
    evaluated = evaluate(test_labels, probabilities)
    gains = importance(booster)
    as_markdown(evaluated), as_html(evaluated, gains), importance_plot(gains), calibration_plot(evaluated)
    return {
        "auc": evaluated.auc,
        "accuracy": evaluated.accuracy,
        "daal4py_max_abs_diff": difference,
        "rows_train": len(labels),
        "rows_test": len(test_labels),
    }


print(json.dumps(main(sys.argv[1])))
