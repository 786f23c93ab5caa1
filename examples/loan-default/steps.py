# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "numpy",
#   "packaging",
#   "pandas==3.1.1",
#   "pyarrow==26.0.1",
#   "scikit-learn==1.9.1",
#   "scikit-learn-intelex==2026.2.0; platform_machine == 'x86_64' and sys_platform == 'linux'",
#   "xgboost-cpu==3.2.0; sys_platform == 'linux'",
#   "xgboost==3.2.0; sys_platform != 'linux'",
# ]
# [tool.sealflow]
# base-image = "python:3.11"
# lock = "requirements.lock"
# ///
"""The steps of the loan-default pipeline: the work is in `loan_default`, the files between steps are here."""

from typing import NamedTuple

from kfp.dsl import (
    HTML,
    Artifact,
    ClassificationMetrics,
    Dataset,
    Input,
    Markdown,
    Metrics,
    Model,
    Output,
)

__all__ = [
    "convert_to_onedal",
    "evaluate_model",
    "generate_data",
    "load_data",
    "preprocess_features",
    "run_inference",
    "score_applicants",
    "split_data",
    "train_model",
]


class SplitRows(NamedTuple):
    """Numbers of rows: those to train on, those to test on, and how many of the first are no copies."""

    rows_train: int
    rows_test: int
    source_rows: int


class Headline(NamedTuple):
    """The figures that a run reports; the accuracy is a fraction."""

    auc: float
    accuracy: float


class ScoredRows(NamedTuple):
    """How many applicants were scored and how many refused."""

    rows_scored: int
    rows_refused: int


def generate_data(dataset: Output[Dataset], rows: int = 32581, seed: int = 0) -> None:
    """Makes loan applications from published statistics, as a CSV file."""
    import pyarrow as pa
    from loan_default.synthetic import make_loans
    from pyarrow import csv

    table = pa.Table.from_pandas(make_loans(rows, seed), preserve_index=False)
    plain = [
        column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
        for column in table.columns
    ]
    csv.write_csv(
        pa.table(plain, names=table.column_names), dataset.path, csv.WriteOptions(quoting_style="none")
    )
    dataset.metadata["rows"] = rows


def load_data(
    data: Input[Dataset],
    loans: Output[Dataset],
    quality: Output[Markdown],
    quality_report: Output[Artifact],
    drop_duplicates: bool = False,
    drop_impossible: bool = False,
    sha256: str = "",
) -> int:
    """Reads a CSV file, checks it against the schema, and describes its data. Gives the number of rows."""
    import json
    from pathlib import Path

    from loan_default.fetching import local_file
    from loan_default.quality import as_markdown, assess, read_loans
    from loan_default.storage import write_frame

    with local_file(data.uri, data.path, sha256) as path:
        frame, found = assess(
            read_loans(path), drop_duplicates=drop_duplicates, drop_impossible=drop_impossible
        )
    write_frame(frame, loans.path)
    loans.metadata["rows"] = len(frame)
    Path(quality.path).write_text(as_markdown(found), encoding="utf-8")
    Path(quality_report.path).write_text(json.dumps(found.as_json(), indent=1), encoding="utf-8")
    return len(frame)


def split_data(
    loans: Input[Dataset],
    train: Output[Dataset],
    test: Output[Dataset],
    seed: int = 0,
    test_size: float = 0.25,
    augment_rows: int = 0,
) -> SplitRows:
    """Splits the loans, stratified; then enlarges the training rows to `augment_rows`, if that is above 0."""
    from loan_default.splitting import augment, split
    from loan_default.storage import read_frame, write_frame

    training, testing = split(read_frame(loans.path), seed=seed, test_size=test_size)
    source = len(training)
    write_frame(testing, test.path)
    if augment_rows > 0:
        training = augment(training, rows=augment_rows, seed=seed)
    write_frame(training, train.path)
    train.metadata.update(rows=len(training), source_rows=source)
    test.metadata["rows"] = len(testing)
    return SplitRows(len(training), len(testing), source)


def preprocess_features(
    train: Input[Dataset],
    test: Input[Dataset],
    train_features: Output[Dataset],
    test_features: Output[Dataset],
    preprocessor: Output[Artifact],
) -> None:
    """Learns the preprocessing from the training rows, applies it to both, and keeps it as JSON."""
    from loan_default.preprocessing import fit
    from loan_default.schema import LABEL
    from loan_default.storage import read_frame, write_features

    frame = read_frame(train.path)
    fitted = fit(frame)
    fitted.save(preprocessor.path)
    write_features(fitted.transform(frame), frame[LABEL].to_numpy(), fitted.features, train_features.path)
    del frame
    frame = read_frame(test.path)
    write_features(fitted.transform(frame), frame[LABEL].to_numpy(), fitted.features, test_features.path)


def train_model(
    train_features: Input[Dataset],
    model: Output[Model],
    source_rows: int = 0,
    seed: int = 0,
    n_estimators: int = 500,
    learning_rate: float = 0.02,
    max_depth: int = 10,
    min_child_weight: float = 6.0,
    early_stopping_rounds: int = 0,
) -> int:
    """Trains XGBoost and keeps the model in its own binary JSON. Gives the number of trees."""
    from loan_default.storage import read_features
    from loan_default.training import Settings, save, train

    settings = Settings(
        n_estimators=n_estimators,
        learning_rate=learning_rate,
        max_depth=max_depth,
        min_child_weight=min_child_weight,
        early_stopping_rounds=early_stopping_rounds,
        seed=seed,
    )
    matrix, labels, names = read_features(train_features.path)
    booster = train(matrix, labels, names, settings, source_rows=source_rows)
    save(booster, model.path)
    trees = int(booster.num_boosted_rounds())
    model.metadata.update(framework="xgboost", format="ubj", trees=trees)
    return trees


def convert_to_onedal(model: Input[Model], onedal_model: Output[Model]) -> None:
    """Converts the trained model to oneDAL and keeps it in oneDAL's archive."""
    from loan_default.onedal import convert, onedal_version
    from loan_default.training import load

    convert(load(model.path)).save(onedal_model.path)
    onedal_model.metadata.update(framework="onedal", version=onedal_version())


def run_inference(
    test_features: Input[Dataset],
    model: Input[Model],
    onedal_model: Input[Model],
    predictions: Output[Dataset],
) -> float:
    """Predicts the test rows with oneDAL, checked against XGBoost row by row. Gives the largest
    difference."""
    from loan_default import onedal
    from loan_default.storage import read_features, write_columns
    from loan_default.training import load

    matrix, labels, _ = read_features(test_features.path)
    probabilities = onedal.load(onedal_model.path).probabilities(matrix)
    largest = onedal.difference(probabilities, load(model.path).inplace_predict(matrix))
    if not largest <= onedal.TOLERANCE:
        raise ValueError(
            f"oneDAL: expected XGBoost's probabilities within {onedal.TOLERANCE}, got {largest} of difference"
        )
    write_columns({"ground_truth": labels, "probability": probabilities}, predictions.path)
    return largest


def evaluate_model(
    predictions: Input[Dataset],
    model: Input[Model],
    metrics: Output[Metrics],
    roc_curve: Output[ClassificationMetrics],
    classification_report: Output[Markdown],
    evaluation_page: Output[HTML],
    feature_importance: Output[Artifact],
    calibration: Output[Artifact],
) -> Headline:
    """Draws up metrics, ROC curve, confusion matrix, calibration and feature importance."""
    import json
    from pathlib import Path

    from loan_default.evaluation import CLASSES, evaluate
    from loan_default.report import as_html, as_markdown, calibration_plot, importance_plot
    from loan_default.storage import read_columns
    from loan_default.training import importance, load

    columns = read_columns(predictions.path)
    found = evaluate(columns["ground_truth"], columns["probability"])
    gains = importance(load(model.path))
    for name in ("auc", "accuracy", "log_loss", "brier"):
        metrics.log_metric(name, getattr(found, name))
    roc_curve.log_roc_curve(*found.roc)
    roc_curve.log_confusion_matrix(list(CLASSES), [list(row) for row in found.confusion])
    Path(classification_report.path).write_text(as_markdown(found), encoding="utf-8")
    Path(evaluation_page.path).write_text(as_html(found, gains), encoding="utf-8")
    plots = ((feature_importance, importance_plot(gains)), (calibration, calibration_plot(found)))
    for artifact, (kind, data) in plots:
        artifact.metadata["sealflow.plot"] = kind
        Path(artifact.path).write_text(json.dumps(data, indent=1), encoding="utf-8")
    return Headline(found.auc, found.accuracy)


def score_applicants(
    applicants: Input[Dataset],
    model: Input[Model],
    preprocessor: Input[Artifact],
    scores: Output[Artifact],
) -> ScoredRows:
    """Scores new applicants (CSV or JSON); rows that don't fit the schema are refused, with reasons."""
    import json
    from pathlib import Path

    from loan_default.preprocessing import load as load_preprocessor
    from loan_default.scoring import read_applicants, score
    from loan_default.training import load

    result = score(read_applicants(applicants.path), load_preprocessor(preprocessor.path), load(model.path))
    Path(scores.path).write_text(json.dumps(result, indent=1), encoding="utf-8")
    for refusal in result["refused"]:
        print(f"row {refusal['row']} refused: {'; '.join(refusal['reasons'])}")
    if not result["scored"]:
        first = "; ".join(result["refused"][0]["reasons"])
        raise ValueError(f"applicants: expected rows to score, got {len(result['refused'])} refused: {first}")
    return ScoredRows(len(result["scored"]), len(result["refused"]))
