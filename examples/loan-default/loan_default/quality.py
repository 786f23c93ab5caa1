"""Reads a loan file and says how good its data are. Nothing is dropped or edited unless asked for."""

import csv
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from loan_default.schema import COLUMNS, LABEL, NAMES, YOUNGEST_EMPLOYEE, Column, DataError


@dataclass
class Quality:
    """What was found in a file; counts are rows, shares lie in 0..1."""

    rows: int
    defaults: int
    default_share: float
    duplicates: int
    missing: dict[str, int]
    impossible: dict[str, int]
    impossible_rows: int
    dropped_duplicates: int = 0
    dropped_impossible: int = 0
    columns: dict[str, dict[str, Any]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The summary as plain JSON values."""
        return asdict(self)


def read_loans(path: str | Path) -> pd.DataFrame:
    """Reads a CSV file with a header; columns may stand in any order. Raises DataError."""
    _check_header(path)
    categories = {column.name: "category" for column in COLUMNS if column.is_category}
    try:
        frame = pd.read_csv(path, dtype=categories, encoding="utf-8")
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise DataError(f"data: expected a CSV file, got {error}") from error
    if frame.empty:
        raise DataError("data: expected rows, got a header only")
    frame = frame[list(NAMES)]
    problems = [problem for column in COLUMNS for problem in _problems(frame[column.name], column)]
    if problems:
        raise DataError("data does not fit the schema: " + "; ".join(problems))
    return frame.assign(**{c.name: _in_schema_order(frame[c.name], c) for c in COLUMNS if c.is_category})


def _check_header(path: str | Path) -> None:
    if Path(path).stat().st_size == 0:
        raise DataError("data: expected a CSV file with a header, got an empty file")
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            header = next(csv.reader(file), [])
    except UnicodeDecodeError as error:
        raise DataError(f"data: expected UTF-8 text, got {error.reason} at byte {error.start}") from error
    missing = [name for name in NAMES if name not in header]
    unexpected = [name for name in header if name not in NAMES]
    repeated = sorted({name for name in header if header.count(name) > 1})
    parts = [
        f"{what} {', '.join(map(repr, names))}"
        for what, names in (("missing", missing), ("unexpected", unexpected), ("repeated", repeated))
        if names
    ]
    if parts:
        raise DataError(f"data: expected the columns {', '.join(NAMES)}; {'; '.join(parts)}")


def _problems(values: pd.Series, column: Column) -> list[str]:
    """What makes a column unusable; rows are counted from 1, without the header."""
    if column.is_category:
        known = values.isin(column.categories) | values.isna()
        return _wrong(values, ~known.to_numpy(), column, f"one of {', '.join(column.categories)}") + _empty(
            values, column
        )
    if values.dtype.kind not in "iuf":
        numbers = pd.to_numeric(values.astype(str), errors="coerce")
        wrong = (numbers.isna() & values.notna()).to_numpy()
        return _wrong(values, wrong, column, "a number") or [f"{column.name}: expected numbers"]
    found = _empty(values, column)
    if values.dtype.kind == "f":
        found += _wrong(values, np.isinf(values.to_numpy()), column, "a finite number")
    if column.name == LABEL and not found:
        found += _wrong(values, ~values.isin((0, 1)).to_numpy(), column, "0 or 1")
        if not found and values.nunique() < 2:
            found.append(f"{LABEL}: expected both 0 and 1, got only {int(values.iloc[0])}")
    if column.kind == "integer" and values.dtype.kind == "f" and not found:
        found += _wrong(values, (values % 1 != 0).to_numpy(), column, "a whole number")
    return found


def _empty(values: pd.Series, column: Column) -> list[str]:
    return [] if column.nullable else _wrong(values, values.isna().to_numpy(), column, "a value")


def _wrong(values: pd.Series, wrong: np.ndarray, column: Column, expected: str) -> list[str]:
    count = int(np.count_nonzero(wrong))
    if count == 0:
        return []
    first = int(np.argmax(wrong))
    value = values.iloc[first]
    shown = "nothing" if pd.isna(value) else repr(value if isinstance(value, str) else value.item())
    return [f"{column.name}: expected {expected}, got {shown} in row {first + 1} ({count} such rows)"]


def _in_schema_order(values: pd.Series, column: Column) -> pd.Series:
    return values.cat.set_categories(list(column.categories))


def impossible_values(frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """For each rule that some rows break, which ones."""
    found: dict[str, np.ndarray] = {}
    for column in COLUMNS:
        if column.is_category or column.name == LABEL:
            continue
        values = frame[column.name].to_numpy()
        with np.errstate(invalid="ignore"):
            found[f"{column.name} below {column.minimum:g}"] = values < column.minimum
            found[f"{column.name} above {column.maximum:g}"] = values > column.maximum
    with np.errstate(invalid="ignore"):
        started = frame["person_age"].to_numpy() - frame["person_emp_length"].to_numpy()
        found[f"employed before the age of {YOUNGEST_EMPLOYEE}"] = started < YOUNGEST_EMPLOYEE
    return {rule: rows for rule, rows in found.items() if rows.any()}


def duplicated_rows(frame: pd.DataFrame) -> np.ndarray:
    """True for every row that repeats an earlier one in all columns.

    Rows are hashed column by column first; only rows that share a hash are compared value by value.
    """
    hashes = np.zeros(len(frame), dtype=np.uint64)
    for name in frame.columns:
        values = frame[name]
        codes = values.cat.codes.to_numpy() if values.dtype == "category" else values.to_numpy()
        bits = np.ascontiguousarray(codes, dtype=np.float64).view(np.uint64)
        hashes = (hashes ^ (bits + (bits >> np.uint64(29)))) * np.uint64(0x9E3779B97F4A7C15)
        hashes ^= hashes >> np.uint64(32)
    ordered = np.sort(hashes)
    shared = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    result = np.zeros(len(frame), dtype=bool)
    candidates = np.flatnonzero(np.isin(hashes, shared))
    result[candidates] = frame.iloc[candidates].duplicated().to_numpy()
    return result


def assess(
    frame: pd.DataFrame, *, drop_duplicates: bool = False, drop_impossible: bool = False
) -> tuple[pd.DataFrame, Quality]:
    """Describes the data as read, and drops what the caller wants dropped. Raises DataError."""
    duplicates = duplicated_rows(frame)
    impossible = impossible_values(frame)
    broken = np.zeros(len(frame), dtype=bool)
    for rows in impossible.values():
        broken |= rows
    missing = {name: int(count) for name, count in frame.isna().sum().items() if count}
    defaults = int(frame[LABEL].sum())
    quality = Quality(
        rows=len(frame),
        defaults=defaults,
        default_share=defaults / len(frame),
        duplicates=int(duplicates.sum()),
        missing=missing,
        impossible={rule: int(rows.sum()) for rule, rows in impossible.items()},
        impossible_rows=int(broken.sum()),
        columns={column.name: _describe(frame[column.name], column) for column in COLUMNS},
    )
    dropped = np.zeros(len(frame), dtype=bool)
    if drop_duplicates:
        quality.dropped_duplicates = quality.duplicates
        dropped |= duplicates
    if drop_impossible:
        quality.dropped_impossible = int((broken & ~dropped).sum())
        dropped |= broken
    if not dropped.any():
        return frame, quality
    kept = frame[~dropped].reset_index(drop=True)
    if kept[LABEL].nunique() < 2:
        raise DataError(f"{LABEL}: expected both 0 and 1 in the rows that are kept")
    return kept, quality


def _describe(values: pd.Series, column: Column) -> dict[str, Any]:
    if column.is_category:
        counts = values.value_counts()
        return {"counts": {str(name): int(counts[name]) for name in column.categories}}
    points = np.nanquantile(values.to_numpy(), (0, 0.25, 0.5, 0.75, 0.99, 1))
    names = ("minimum", "25%", "median", "75%", "99%", "maximum")
    return {name: round(float(point), 6) for name, point in zip(names, points, strict=True)}


def as_markdown(quality: Quality) -> str:
    """The summary for people."""
    lines = [
        "# Data quality",
        "",
        f"{quality.rows:,} rows, of which {quality.defaults:,} defaulted ({quality.default_share:.2%}).",
        "",
        "| finding | rows |",
        "|---|---|",
        f"| repeats an earlier row | {quality.duplicates:,} |",
        *(f"| {name} is missing | {count:,} |" for name, count in quality.missing.items()),
        *(f"| {rule} | {count:,} |" for rule, count in quality.impossible.items()),
        "",
        f"Dropped: {quality.dropped_duplicates:,} duplicates, "
        f"{quality.dropped_impossible:,} impossible rows.",
        "",
        "| column | minimum | 25% | median | 75% | 99% | maximum |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, described in quality.columns.items():
        if "counts" not in described:
            lines.append(f"| {name} | " + " | ".join(f"{value:,g}" for value in described.values()) + " |")
    lines += ["", "| column | values |", "|---|---|"]
    for name, described in quality.columns.items():
        if "counts" in described:
            counted = (
                f"{key} {count / quality.rows:.1%}" for key, count in sorted(described["counts"].items())
            )
            lines.append(f"| {name} | {', '.join(counted)} |")
    return "\n".join(lines) + "\n"
