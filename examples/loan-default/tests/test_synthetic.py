import numpy as np
import pandas as pd
import pytest
from loan_default.quality import assess, impossible_values
from loan_default.synthetic import DEFAULT_SHARE, MARGINALS, MISSING, POINTS, RATES, make_loans

LOANS = make_loans(32_581, 0)
# Rates of small categories may miss the table by about two standard deviations of their own size.
ROOM = 2.5


def test_quantiles_are_those_of_the_table():
    for name, marginal in MARGINALS.items():
        found = np.nanquantile(LOANS[name].to_numpy(), POINTS[1:-1])
        allowed = np.maximum(0.03 * np.array(marginal.quantiles[1:-1]), 1.0 if marginal.step >= 1 else 0.025)
        assert np.all(np.abs(found - marginal.quantiles[1:-1]) <= allowed), (name, found)


def test_correlations_with_the_label_are_close_to_the_table():
    for name, marginal in MARGINALS.items():
        assert LOANS[name].corr(LOANS["loan_status"]) == pytest.approx(marginal.correlation, abs=0.02), name


def test_shares_and_default_rates_of_categories_are_close_to_the_table():
    assert LOANS["loan_status"].mean() == pytest.approx(DEFAULT_SHARE, abs=0.003)
    for name, rates in RATES.items():
        for category, (share, rate) in rates.items():
            members = LOANS[LOANS[name] == category]
            assert len(members) / len(LOANS) == pytest.approx(share, abs=0.003)
            room = ROOM * np.sqrt(rate * (1 - rate) / len(members)) + 0.002
            assert members["loan_status"].mean() == pytest.approx(rate, abs=room), (name, category)


def test_no_good_grade_has_a_default_on_file():
    good = LOANS["loan_grade"].isin(["A", "B"])
    assert not (LOANS.loc[good, "cb_person_default_on_file"] == "Y").any()


def test_missing_values_duplicates_and_errors_are_as_frequent_as_published():
    for name, share in MISSING.items():
        assert LOANS[name].isna().mean() == pytest.approx(share, abs=0.002)
    _, quality = assess(LOANS)
    assert quality.duplicates == pytest.approx(165, abs=15)
    assert int((LOANS["person_age"] > 100).sum()) == pytest.approx(5, abs=1)
    assert int((LOANS["person_emp_length"] > 80).sum()) == pytest.approx(2, abs=1)
    assert set(impossible_values(LOANS)) <= {
        "person_age above 100",
        "person_emp_length above 80",
        "employed before the age of 10",
    }


def test_the_same_seed_gives_the_same_rows_and_another_seed_others():
    pd.testing.assert_frame_equal(make_loans(2_000, 7), make_loans(2_000, 7))
    assert not make_loans(2_000, 7).equals(make_loans(2_000, 8))


def test_too_few_rows_are_refused():
    with pytest.raises(ValueError, match="at least 1000"):
        make_loans(10, 0)
