"""Turns loans into numbers for the model, and keeps what was learnt about them as plain JSON."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.preprocessing import PowerTransformer

from loan_default.schema import COLUMNS, DataError

FORMAT = "sealflow.loan-default.preprocessor/1"
IMPUTED = ("loan_int_rate", "person_emp_length", "cb_person_cred_hist_length")
POWERED = ("person_age", "person_income", "loan_amnt", "loan_percent_income")
CATEGORIES = tuple(column.name for column in COLUMNS if column.is_category)


@dataclass(frozen=True)
class Power:
    """A Yeo-Johnson transform with its exponent, then standardised."""

    exponent: float
    mean: float
    scale: float


@dataclass(frozen=True)
class Preprocessor:
    """What was learnt from the training rows."""

    medians: dict[str, float]
    powers: dict[str, Power]
    categories: dict[str, list[str]]

    @property
    def features(self) -> list[str]:
        """The features' names in order; `column=value` for a category."""
        members = [f"{name}={value}" for name, values in self.categories.items() for value in values]
        return [*self.medians, *self.powers, *members]

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        """The features of each row, as a column-major float32 matrix. A category not seen in training gives
        zeros."""
        matrix = np.zeros((len(frame), len(self.features)), dtype=np.float32, order="F")
        index = 0
        for name, median in self.medians.items():
            values = frame[name].to_numpy()
            matrix[:, index] = np.where(np.isnan(values), median, values)
            index += 1
        for name, power in self.powers.items():
            transformed = yeo_johnson(frame[name].to_numpy(), power.exponent)
            matrix[:, index] = (transformed - power.mean) / power.scale
            index += 1
        for name, categories in self.categories.items():
            codes = pd.Categorical(frame[name]).set_categories(categories).codes
            for code in range(len(categories)):
                matrix[:, index] = codes == code
                index += 1
        return matrix

    def save(self, path: str | Path) -> None:
        """Writes JSON."""
        document = {"format": FORMAT, **asdict(self), "features": self.features}
        Path(path).write_text(json.dumps(document, indent=1), encoding="utf-8")


def fit(train: pd.DataFrame) -> Preprocessor:
    """Learns medians, exponents and categories from the training rows."""
    medians = {name: float(np.nanmedian(train[name].to_numpy())) for name in IMPUTED}
    powers = {}
    for name in POWERED:
        values = train[name].to_numpy(dtype=np.float64)
        transformer = PowerTransformer(standardize=False).fit(values[:, None])
        exponent = float(transformer.lambdas_[0])
        transformed = yeo_johnson(values, exponent)
        powers[name] = Power(exponent, float(transformed.mean()), float(transformed.std()) or 1.0)
    categories = {name: sorted(map(str, train[name].dropna().unique())) for name in CATEGORIES}
    return Preprocessor(medians, powers, categories)


def load(path: str | Path) -> Preprocessor:
    """Reads what `save` wrote. Raises DataError."""
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        if document.get("format") != FORMAT:
            raise DataError(f"preprocessor: expected the format {FORMAT}, got {document.get('format')!r}")
        powers = {name: Power(**power) for name, power in document["powers"].items()}
        return Preprocessor(document["medians"], powers, document["categories"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"preprocessor: expected JSON of the format {FORMAT}, got {error!r}") from error


def yeo_johnson(values: np.ndarray, exponent: float) -> np.ndarray:
    """The Yeo-Johnson transform (Yeo and Johnson, 2000, equation 2.1)."""
    values = np.asarray(values, dtype=np.float64)
    if values.size and values.min() >= 0:
        return _power(values, exponent)
    result = np.empty_like(values)
    positive = values >= 0
    result[positive] = _power(values[positive], exponent)
    result[~positive] = -_power(-values[~positive], 2 - exponent)
    return result


def _power(values: np.ndarray, exponent: float) -> np.ndarray:
    if abs(exponent) < np.spacing(1.0):
        return np.log1p(values)
    return np.expm1(exponent * np.log1p(values)) / exponent
