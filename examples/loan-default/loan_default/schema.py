"""The columns of a loan application file: their kinds, categories and plausible ranges."""

from dataclasses import dataclass

LABEL = "loan_status"
"""1 for a loan that defaulted, 0 for one that did not."""


class DataError(ValueError):
    """Data that the steps can't work with; the message says what was expected and where."""


@dataclass(frozen=True)
class Column:
    """A column. Ranges are inclusive; a value outside is possible in a file, but no real applicant has it."""

    name: str
    kind: str
    minimum: float = 0.0
    maximum: float = float("inf")
    nullable: bool = False
    categories: tuple[str, ...] = ()

    @property
    def is_category(self) -> bool:
        """Whether values are names out of `categories`."""
        return self.kind == "category"


COLUMNS = (
    Column("person_age", "integer", 18, 100),
    Column("person_income", "integer", 1),
    Column("person_home_ownership", "category", categories=("MORTGAGE", "OTHER", "OWN", "RENT")),
    Column("person_emp_length", "number", 0, 80, nullable=True),
    Column(
        "loan_intent",
        "category",
        categories=("DEBTCONSOLIDATION", "EDUCATION", "HOMEIMPROVEMENT", "MEDICAL", "PERSONAL", "VENTURE"),
    ),
    Column("loan_grade", "category", categories=("A", "B", "C", "D", "E", "F", "G")),
    Column("loan_amnt", "integer", 1),
    Column("loan_int_rate", "number", 0, 100, nullable=True),
    Column(LABEL, "integer", 0, 1),
    Column("loan_percent_income", "number", 0, 1),
    Column("cb_person_default_on_file", "category", categories=("N", "Y")),
    Column("cb_person_cred_hist_length", "integer", 0, 80),
)
"""In the order of the file."""

NAMES = tuple(column.name for column in COLUMNS)
FEATURES = tuple(column for column in COLUMNS if column.name != LABEL)

YOUNGEST_EMPLOYEE = 10
"""An employment that began at a younger age counts as an error in the data."""
