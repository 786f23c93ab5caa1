from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from loan_default.fetching import local_file
from loan_default.quality import as_markdown, assess, duplicated_rows, read_loans
from loan_default.schema import NAMES, DataError
from loan_default.synthetic import make_loans

LOANS = make_loans(2_000, 1)


def written(directory: Path, frame: pd.DataFrame) -> Path:
    path = directory / "loans.csv"
    frame.to_csv(path, index=False)
    return path


def changed(column: str, value: object) -> pd.DataFrame:
    frame = LOANS.astype(object)
    frame.loc[4, column] = value
    return frame


def test_a_file_is_read_as_it_is(tmp_path):
    frame = read_loans(written(tmp_path, LOANS))
    assert list(frame.columns) == list(NAMES)
    assert len(frame) == len(LOANS)
    for name in NAMES:
        assert (frame[name].astype(object).fillna(-1) == LOANS[name].astype(object).fillna(-1)).all(), name


def test_columns_may_stand_in_any_order(tmp_path):
    frame = read_loans(written(tmp_path, LOANS[list(reversed(NAMES))]))
    assert list(frame.columns) == list(NAMES)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (LOANS.rename(columns={"loan_amnt": "amount"}), "missing 'loan_amnt'; unexpected 'amount'"),
        (LOANS.drop(columns="loan_status"), "missing 'loan_status'"),
        (LOANS.head(0), "a header only"),
        (LOANS[LOANS["loan_status"] == 0], "both 0 and 1, got only 0"),
        (changed("loan_grade", "H"), "loan_grade: expected .*row 5"),
        (changed("person_age", "old"), "person_age: expected a number, got 'old' in row 5"),
        (changed("person_age", None), "person_age: expected a value, got nothing in row 5"),
        (changed("loan_amnt", 10.5), "loan_amnt: expected a whole number, got 10.5 in row 5"),
        (changed("loan_status", 2), "loan_status: expected 0 or 1, got 2 in row 5"),
        (changed("loan_percent_income", "inf"), "loan_percent_income: expected a finite number"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_the_reason(tmp_path, frame, reason):
    with pytest.raises(DataError, match=reason):
        read_loans(written(tmp_path, frame))


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "empty.csv").touch()
    with pytest.raises(DataError, match="an empty file"):
        read_loans(tmp_path / "empty.csv")


def test_duplicates_are_those_that_pandas_finds():
    assert np.array_equal(duplicated_rows(LOANS), LOANS.duplicated().to_numpy())


def test_nothing_is_dropped_unless_asked_for():
    frame, quality = assess(LOANS)
    assert frame is LOANS
    assert quality.duplicates > 0
    kept, dropped = assess(LOANS, drop_duplicates=True, drop_impossible=True)
    assert len(kept) == len(LOANS) - dropped.dropped_duplicates - dropped.dropped_impossible
    assert not kept.duplicated().any()
    assert kept["person_age"].max() <= 100
    assert f"{dropped.dropped_duplicates:,} duplicates" in as_markdown(dropped)


def test_data_with_another_digest_are_refused(tmp_path):
    path = str(written(tmp_path, LOANS))
    with pytest.raises(DataError, match="expected SHA-256 00"), local_file(path, path, "00"):
        pass


def test_addresses_need_https_and_a_digest(tmp_path):
    nowhere = str(tmp_path / "nothing")
    with pytest.raises(DataError, match="https"), local_file("http://example.org/x.csv", nowhere):
        pass
    with pytest.raises(DataError, match="SHA-256"), local_file("https://example.org/x.csv", nowhere):
        pass
