"""Makes loan applications that resemble published statistics of a credit-risk data set.

Marginal distributions are exact at the published quantiles: each column is a set of ranks, drawn from
correlated normals, sent through a quantile function. Whether a loan defaults is then drawn from the
logistic model of maximum entropy: of all models of the default probability, the one that reproduces the
published default rates per category and the published correlations with `loan_status`, and assumes nothing
else.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, ndtri

from loan_default.schema import COLUMNS, LABEL, NAMES

ROWS = 32_581
DEFAULT_SHARE = 7_108 / ROWS
MISSING = {"person_emp_length": 895 / ROWS, "loan_int_rate": 3_116 / ROWS}
DUPLICATES = 165 / ROWS
AGE_ERRORS = (123, 123, 144, 144, 144)
EMPLOYMENT_ERRORS = (123, 123)

POINTS = np.array([0.0, 0.25, 0.5, 0.75, 0.99, 1.0])


@dataclass(frozen=True)
class Marginal:
    """Published quantiles at POINTS. Between them ranks are interpolated as normal scores.

    With `logarithmic`, logarithms of (value + `offset`) are interpolated instead of values, as suits money;
    the results are rounded to multiples of `step`.
    """

    quantiles: tuple[float, ...]
    correlation: float
    step: float = 1.0
    logarithmic: bool = False
    offset: float = 0.0


# The ages and the employments of 123 years and more are put in as errors afterwards: the tails end at
# plausible values.
MARGINALS = {
    "person_age": Marginal((20, 23, 26, 30, 50, 84), -0.022),
    "person_income": Marginal((4_000, 38_500, 55_000, 79_200, 225_200, 6_000_000), -0.144, logarithmic=True),
    "person_emp_length": Marginal((0, 2, 4, 7, 18, 41), -0.083),
    "loan_amnt": Marginal((500, 5_000, 8_000, 12_200, 29_800, 35_000), 0.105, step=25, logarithmic=True),
    "loan_int_rate": Marginal((5.42, 7.90, 10.99, 13.47, 18.62, 23.22), 0.335, step=0.01),
    "loan_percent_income": Marginal(
        (0, 0.09, 0.15, 0.23, 0.50, 0.83), 0.379, step=0.01, logarithmic=True, offset=0.01
    ),
    "cb_person_cred_hist_length": Marginal((2, 3, 4, 8, 17, 30), -0.016),
}

RATES = {
    "person_home_ownership": {
        "RENT": (0.505, 0.316),
        "MORTGAGE": (0.413, 0.126),
        "OWN": (0.079, 0.075),
        "OTHER": (0.003, 0.308),
    },
    "loan_intent": {
        "EDUCATION": (0.198, 0.172),
        "MEDICAL": (0.186, 0.267),
        "VENTURE": (0.176, 0.148),
        "PERSONAL": (0.169, 0.199),
        "DEBTCONSOLIDATION": (0.160, 0.286),
        "HOMEIMPROVEMENT": (0.111, 0.261),
    },
    "loan_grade": {
        "A": (0.331, 0.100),
        "B": (0.321, 0.163),
        "C": (0.198, 0.207),
        "D": (0.111, 0.590),
        "E": (0.030, 0.644),
        "F": (0.007, 0.705),
        "G": (0.002, 0.984),
    },
    "cb_person_default_on_file": {"N": (0.824, 0.184), "Y": (0.176, 0.378)},
}
"""Per category: share of rows, and default rate among them."""

# Assumptions, not published: how columns hang together. Income and the share of it that the loan takes are
# correlated so that the loan's amount, their product, has its published spread.
INCOME_AND_SHARE = -0.45
AGE_AND_HISTORY = 0.86
AGE_AND_EMPLOYMENT = 0.45
RATE_AND_GRADE = 0.93
GOOD_GRADES = ("A", "B")


def make_loans(rows: int, seed: int) -> pd.DataFrame:
    """Makes `rows` applications (at least 1,000); the same rows and seed give the same data."""
    if rows < 1_000:
        raise ValueError(f"rows: expected at least 1000, got {rows}")
    random = np.random.default_rng(seed)
    duplicates = round(rows * DUPLICATES)
    loans = _applicants(rows - duplicates, random)
    loans[LABEL] = _defaults(loans, random)
    frame = pd.DataFrame(loans)[list(NAMES)]
    _put_errors(frame, random)
    copies = frame.iloc[random.integers(0, len(frame), duplicates)]
    shuffled = pd.concat([frame, copies], ignore_index=True).iloc[random.permutation(rows)]
    return shuffled.reset_index(drop=True)


def _applicants(rows: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    def normals() -> np.ndarray:
        return random.standard_normal(rows)

    def related(to: np.ndarray, correlation: float) -> np.ndarray:
        return correlation * to + np.sqrt(1 - correlation**2) * normals()

    age, wealth, rate = normals(), normals(), normals()
    loans = {
        "person_age": _values("person_age", age),
        "person_income": _values("person_income", wealth),
        "person_emp_length": _values("person_emp_length", related(age, AGE_AND_EMPLOYMENT)),
        "loan_int_rate": _values("loan_int_rate", rate),
        "cb_person_cred_hist_length": _values("cb_person_cred_hist_length", related(age, AGE_AND_HISTORY)),
        "loan_grade": _category("loan_grade", related(rate, RATE_AND_GRADE)),
        "person_home_ownership": _category("person_home_ownership", normals()),
        "loan_intent": _category("loan_intent", normals()),
    }
    share = _quantile("loan_percent_income", _ranks(related(wealth, INCOME_AND_SHARE)))
    loans["loan_amnt"] = _amounts(share, loans["person_income"])
    loans["loan_percent_income"] = (loans["loan_amnt"] / loans["person_income"]).round(2)
    loans["cb_person_default_on_file"] = _default_on_file(loans["loan_grade"], random)
    most = np.maximum(loans["person_age"] - 16, 0)
    loans["person_emp_length"] = np.minimum(loans["person_emp_length"], most).astype(np.float64)
    return loans


def _ranks(scores: np.ndarray) -> np.ndarray:
    """Ranks as shares in (0, 1), spread evenly."""
    ranks = np.empty(len(scores))
    ranks[np.argsort(scores)] = (np.arange(len(scores)) + 0.5) / len(scores)
    return ranks


def _quantile(name: str, shares: np.ndarray) -> np.ndarray:
    """The value below which that share of rows lies, before rounding."""
    marginal = MARGINALS[name]
    end = 0.5 / ROWS
    scores = ndtri(np.clip(POINTS, end, 1 - end))
    values = np.array(marginal.quantiles)
    if marginal.logarithmic:
        values = np.log(values + marginal.offset)
    found = np.interp(ndtri(shares), scores, values)
    return np.exp(found) - marginal.offset if marginal.logarithmic else found


def _values(name: str, scores: np.ndarray) -> np.ndarray:
    marginal = MARGINALS[name]
    values = np.round(_quantile(name, _ranks(scores)) / marginal.step) * marginal.step
    return values.round(2) if marginal.step < 1 else values.astype(np.int64)


def _amounts(share: np.ndarray, income: np.ndarray) -> np.ndarray:
    """Gives out amounts of the published distribution in the order of share times income.

    Where that takes more of an income than any published loan does, the amount is cut to the limit.
    """
    amounts = _values("loan_amnt", share * income)
    limit = MARGINALS["loan_percent_income"].quantiles[-1]
    step, least = MARGINALS["loan_amnt"].step, MARGINALS["loan_amnt"].quantiles[0]
    most = np.floor(limit * income / step) * step
    return np.maximum(np.minimum(amounts, most), least).astype(np.int64)


def _category(name: str, scores: np.ndarray) -> pd.Categorical:
    shares = RATES[name]
    ends = np.cumsum([share for share, _ in shares.values()])[:-1]
    codes = np.searchsorted(ends, _ranks(scores)).astype(np.int8)
    made = pd.Categorical.from_codes(codes, categories=list(shares))
    return made.set_categories(_categories_of(name))


def _categories_of(name: str) -> list[str]:
    return next(list(column.categories) for column in COLUMNS if column.name == name)


def _default_on_file(grades: pd.Categorical, random: np.random.Generator) -> pd.Categorical:
    """Y for a fixed share of all rows, none of which has a good grade."""
    candidates = np.flatnonzero(~grades.isin(GOOD_GRADES))
    share, _ = RATES["cb_person_default_on_file"]["Y"]
    count = min(round(share * len(grades)), len(candidates))
    codes = np.zeros(len(grades), dtype=np.int8)
    codes[random.choice(candidates, count, replace=False)] = 1
    return pd.Categorical.from_codes(codes, categories=_categories_of("cb_person_default_on_file"))


def _defaults(loans: dict[str, np.ndarray], random: np.random.Generator) -> np.ndarray:
    """Draws who defaults; draws are stratified by probability, so that rates come out close to their
    expectation."""
    features, targets = _moments(loans)
    probabilities = expit(features @ _solve(features, targets))
    order = np.lexsort((random.random(len(probabilities)), loans["loan_grade"].codes))
    cumulated = np.cumsum(probabilities[order]) + random.random()
    drawn = np.empty(len(probabilities), dtype=np.int64)
    drawn[order] = np.diff(np.floor(cumulated), prepend=0.0) > 0
    return drawn


def _moments(loans: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Features, and what each one's mean over the defaulted loans, times their share, has to be."""
    rows = len(loans["loan_amnt"])
    columns, targets = [np.ones(rows)], [DEFAULT_SHARE]
    spread = np.sqrt(DEFAULT_SHARE * (1 - DEFAULT_SHARE))
    for name, marginal in MARGINALS.items():
        values = loans[name]
        columns.append((values - values.mean()) / values.std())
        targets.append(marginal.correlation * spread)
    for name, rates in RATES.items():
        # The largest category follows from the others and the overall rate, and absorbs the table's rounding.
        largest = max(rates, key=lambda category: rates[category][0])
        for category, (_, rate) in rates.items():
            if category == largest:
                continue
            member = loans[name] == category
            columns.append(member.astype(np.float64))
            targets.append(member.mean() * rate)
    return np.column_stack(columns), np.array(targets)


def _solve(features: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Newton's method on the convex dual: the coefficients with which expected moments equal the targets."""
    rows = len(features)

    def dual(candidate: np.ndarray) -> float:
        return float(np.logaddexp(0, features @ candidate).mean() - candidate @ targets)

    coefficients = np.zeros(features.shape[1])
    coefficients[0] = np.log(DEFAULT_SHARE / (1 - DEFAULT_SHARE))
    value = dual(coefficients)
    for _ in range(100):
        probabilities = expit(features @ coefficients)
        gradient = features.T @ probabilities / rows - targets
        if np.abs(gradient).max() < 1e-7:
            return coefficients
        weights = (probabilities * (1 - probabilities))[:, None]
        curvature = features.T @ (features * weights) / rows + 1e-9 * np.eye(len(targets))
        step, length = np.linalg.solve(curvature, gradient), 1.0
        while (lower := dual(coefficients - length * step)) > value and length > 1e-6:
            length /= 2
        coefficients, value = coefficients - length * step, lower
    raise ArithmeticError("the default model did not converge on the published statistics")


def _put_errors(frame: pd.DataFrame, random: np.random.Generator) -> None:
    """Empties values and adds the data errors that the published file has, in proportion to its size."""
    rows = len(frame)
    for name, share in MISSING.items():
        values = frame[name].to_numpy(copy=True)
        values[random.choice(rows, round(rows * share), replace=False)] = np.nan
        frame[name] = values
    times = max(1, round(rows / ROWS))
    for name, errors in (("person_age", AGE_ERRORS), ("person_emp_length", EMPLOYMENT_ERRORS)):
        values = frame[name].to_numpy(copy=True)
        wrong = np.tile(errors, times)
        values[random.choice(rows, len(wrong), replace=False)] = wrong
        frame[name] = values
