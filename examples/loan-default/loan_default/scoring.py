"""Scores new applicants with a trained model, refusing those that don't fit the schema."""

import csv
import io
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb

from loan_default.preprocessing import Preprocessor
from loan_default.schema import FEATURES, LABEL, YOUNGEST_EMPLOYEE, Column, DataError


@dataclass(frozen=True)
class Refusal:
    """An applicant that was not scored; rows are counted from 1."""

    row: int
    reasons: list[str]


def read_applicants(path: str | Path) -> list[dict[str, Any]]:
    """Rows of a JSON file (an array of objects, or one object) or else of a CSV file with a header. Raises
    DataError."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"applicants: expected UTF-8 text, got {error.reason} at byte {error.start}"
        ) from error
    if not text.strip():
        raise DataError("applicants: expected CSV with a header, or JSON, got an empty file")
    rows = _json_rows(text) if text.lstrip()[0] in "[{" else _csv_rows(text)
    if not rows:
        raise DataError("applicants: expected rows, got none")
    return rows


def _json_rows(text: str) -> list[dict[str, Any]]:
    try:
        rows = json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"applicants: expected JSON, got {error}") from error
    rows = rows if isinstance(rows, list) else [rows]
    return [row if isinstance(row, dict) else {"": row} for row in rows]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _refuse_repeated([name for name, _ in pairs])
    return dict(pairs)


def _csv_rows(text: str) -> list[dict[str, Any]]:
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), restkey="", strict=True)
        _refuse_repeated(list(reader.fieldnames or []))
        return list(reader)
    except csv.Error as error:
        raise DataError(f"applicants: expected CSV, got {error} in line {reader.line_num}") from error


def _refuse_repeated(names: list[str]) -> None:
    """A name that stands twice has two values, and nobody can say which one is meant."""
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(f"applicants: expected each column once, got repeated {', '.join(repeated)}")


def check(rows: list[dict[str, Any]]) -> tuple[list[int], pd.DataFrame, list[Refusal]]:
    """The numbers and values of the rows that fit the schema, and the others with all their reasons."""
    fitting: list[int] = []
    values: list[dict[str, Any]] = []
    refused: list[Refusal] = []
    for number, row in enumerate(rows, start=1):
        checked = {column.name: _value(row.get(column.name), column) for column in FEATURES}
        known = {column.name for column in FEATURES} | {LABEL}
        reasons = [problem for _, problem in checked.values() if problem]
        reasons += [f"{name or 'extra value'}: no such column" for name in row if name not in known]
        reasons += _contradictions({name: value for name, (value, problem) in checked.items() if not problem})
        if reasons:
            refused.append(Refusal(number, reasons))
        else:
            fitting.append(number)
            values.append({name: value for name, (value, _) in checked.items()})
    return fitting, pd.DataFrame(values, columns=[column.name for column in FEATURES]), refused


def score(rows: list[dict[str, Any]], preprocessor: Preprocessor, booster: xgb.Booster) -> dict[str, Any]:
    """Probability of default per fitting row, and the refused rows. Raises DataError when the parts don't
    match."""
    if booster.feature_names != preprocessor.features:
        raise DataError("model: expected one that was trained on this preprocessor's features")
    fitting, frame, refused = check(rows)
    probabilities = np.empty(0)
    if fitting:
        probabilities = booster.inplace_predict(preprocessor.transform(frame))
    scored = [
        {"row": row, "probability": round(float(p), 6), "default": bool(p >= 0.5)}
        for row, p in zip(fitting, probabilities, strict=True)
    ]
    return {"scored": scored, "refused": [{"row": r.row, "reasons": r.reasons} for r in refused]}


def _contradictions(values: dict[str, Any]) -> list[str]:
    """What of values that fit one by one can't be true together."""
    started = values.get("person_age", math.nan) - values.get("person_emp_length", math.nan)
    if started < YOUNGEST_EMPLOYEE:
        return [f"person_emp_length: expected work since the age of {YOUNGEST_EMPLOYEE} at the earliest"]
    return []


def _value(value: Any, column: Column) -> tuple[Any, str | None]:
    """The value as the model takes it, or what is wrong with it."""
    if value is None or value == "":
        return math.nan, None if column.nullable else f"{column.name}: expected a value, got nothing"
    if column.is_category:
        if value in column.categories:
            return value, None
        return None, f"{column.name}: expected one of {', '.join(column.categories)}, got {value!r}"
    number = _number(value)
    if not math.isfinite(number):
        return None, f"{column.name}: expected a number, got {value!r}"
    if column.kind == "integer" and number % 1:
        return None, f"{column.name}: expected a whole number, got {value!r}"
    if not column.minimum <= number <= column.maximum:
        bounded = math.isfinite(column.maximum)
        limits = f"{column.minimum:g} to {column.maximum:g}" if bounded else f"at least {column.minimum:g}"
        return None, f"{column.name}: expected {limits}, got {value!r}"
    return number, None


def _number(value: Any) -> float:
    """NaN for what is no number: Python itself would also take true, and digits with underscores."""
    if isinstance(value, bool) or (isinstance(value, str) and "_" in value):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
