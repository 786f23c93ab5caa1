"""Splits loans into training and test rows, and enlarges the training rows where that is wanted."""

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from loan_default.schema import COLUMNS, LABEL, DataError

CATEGORY_CHANGES = 0.1
"""Share of the copies whose category is drawn anew, per category column."""


def split(frame: pd.DataFrame, *, seed: int, test_size: float = 0.25) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training and test rows, stratified by the label; the same seed gives the same split. Raises
    DataError."""
    if not 0 < test_size < 1:
        raise DataError(f"test_size: expected a share between 0 and 1, got {test_size}")
    try:
        train, test = train_test_split(
            np.arange(len(frame)), test_size=test_size, stratify=frame[LABEL].to_numpy(), random_state=seed
        )
    except ValueError as error:
        raise DataError(f"data: expected enough rows of both classes to split, got {error}") from error
    return frame.take(train).reset_index(drop=True), frame.take(test).reset_index(drop=True)


def augment(train: pd.DataFrame, *, rows: int, seed: int) -> pd.DataFrame:
    """The training rows, unchanged, followed by perturbed copies of them up to `rows` rows in all.

    Row `i` is a copy of row `i % len(train)`, so that copies can be told apart from their originals later.
    Ages and employments may be a year less and histories a year more, amounts, incomes and rates vary a
    little, and the share of the income follows from amount and income; no value leaves its range. The label
    stays.
    """
    source = len(train)
    if rows < source:
        raise DataError(f"augment_rows: expected at least the {source} training rows, got {rows}")
    random = np.random.default_rng(seed)
    count = rows - source
    copies = train.take(np.arange(count) % source).reset_index(drop=True)
    _perturb_numbers(copies, random)
    for column in COLUMNS:
        if column.is_category:
            codes = copies[column.name].cat.codes.to_numpy(copy=True)
            changed = np.flatnonzero(random.random(count) < CATEGORY_CHANGES)
            codes[changed] = random.integers(0, len(column.categories), len(changed), dtype=codes.dtype)
            copies[column.name] = pd.Categorical.from_codes(codes, categories=list(column.categories))
    return pd.concat([train, copies], ignore_index=True)


def _perturb_numbers(copies: pd.DataFrame, random: np.random.Generator) -> None:
    count = len(copies)
    limits = {column.name: column for column in COLUMNS}

    def put(name: str, change: np.ndarray) -> None:
        before = copies[name].to_numpy()
        after = before + change
        # A value that was out of range before (an error in the data) stays as it was.
        fits = (after >= limits[name].minimum) & (after <= limits[name].maximum)
        after = np.where(fits | np.isnan(after), after, before)
        copies[name] = np.rint(after).astype(before.dtype) if before.dtype.kind == "i" else after

    put("person_age", random.integers(-1, 1, count))
    put("person_income", random.normal(0, 10, count))
    put("person_emp_length", random.integers(-1, 1, count))
    put("loan_amnt", random.normal(0, 5, count))
    put("loan_int_rate", random.normal(0, 0.2, count).round(2))
    put("cb_person_cred_hist_length", random.integers(0, 2, count))
    share = (copies["loan_amnt"].to_numpy() / copies["person_income"].to_numpy()).round(2)
    copies["loan_percent_income"] = np.minimum(share, limits["loan_percent_income"].maximum)
