"""Metrics of classifiers: ROC curves and confusion matrices kept as artifact metadata, as Kubeflow's UI
reads them."""

from collections.abc import Sequence
from typing import Any

from sealflow.artifacts import Artifact


class ClassificationMetrics(Artifact):
    """A ROC curve and a confusion matrix."""

    schema_title = "system.ClassificationMetrics"

    def log_roc_data_point(self, fpr: float, tpr: float, threshold: float) -> None:
        """Adds one point to the ROC curve."""
        point = {"confidenceThreshold": threshold, "recall": tpr, "falsePositiveRate": fpr}
        self.metadata.setdefault("confidenceMetrics", []).append(point)

    def log_roc_curve(self, fpr: Sequence[float], tpr: Sequence[float], threshold: Sequence[float]) -> None:
        """Adds the points of a ROC curve; the three sequences have the same length."""
        lengths = (len(fpr), len(tpr), len(threshold))
        if len(set(lengths)) != 1:
            raise ValueError(f"log_roc_curve: expected fpr, tpr and threshold of one length, got {lengths}")
        for point in zip(fpr, tpr, threshold, strict=True):
            self.log_roc_data_point(*point)

    def set_confusion_matrix_categories(self, categories: Sequence[str]) -> None:
        """Starts a confusion matrix of zeros with these categories."""
        self._categories = list(categories)
        self._rows: list[dict[str, Any]] = [{"row": [0] * len(self._categories)} for _ in self._categories]
        self.metadata["confusionMatrix"] = {
            "annotationSpecs": [{"displayName": category} for category in self._categories],
            "rows": self._rows,
        }

    def log_confusion_matrix_row(self, row_category: str, row: Sequence[float]) -> None:
        """Sets one row of the confusion matrix."""
        if len(row) != len(self._known_categories()):
            raise ValueError(f"row: expected {len(self._categories)} values, got {len(row)}")
        self._rows[self._index(row_category)] = {"row": row}

    def log_confusion_matrix_cell(self, row_category: str, col_category: str, value: int) -> None:
        """Sets one cell of the confusion matrix."""
        row, column = self._index(row_category), self._index(col_category)
        self._rows[row]["row"][column] = value

    def log_confusion_matrix(self, categories: Sequence[str], matrix: Sequence[Sequence[int]]) -> None:
        """Sets the whole confusion matrix: a square of as many rows as categories."""
        self.set_confusion_matrix_categories(categories)
        if len(matrix) != len(categories):
            raise ValueError(f"matrix: expected {len(categories)} rows, got {len(matrix)}")
        for category, row in zip(categories, matrix, strict=True):
            self.log_confusion_matrix_row(category, row)

    def _known_categories(self) -> list[str]:
        if not hasattr(self, "_categories"):
            raise ValueError("confusion matrix: expected set_confusion_matrix_categories to be called first")
        return self._categories

    def _index(self, category: str) -> int:
        categories = self._known_categories()
        if category not in categories:
            raise ValueError(f"category: expected one of {categories}, got {category!r}")
        return categories.index(category)


class SlicedClassificationMetrics(Artifact):
    """Classification metrics per slice of the data."""

    schema_title = "system.SlicedClassificationMetrics"

    def __init__(
        self, name: str | None = None, uri: str | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(name, uri, metadata)
        self._slices: dict[str, ClassificationMetrics] = {}

    def log_roc_reading(self, slice: str, threshold: float, tpr: float, fpr: float) -> None:
        """Adds one point to a slice's ROC curve."""
        self._of(slice).log_roc_data_point(fpr=fpr, tpr=tpr, threshold=threshold)
        self._publish()

    def load_roc_readings(self, slice: str, readings: Sequence[Sequence[float]]) -> None:
        """Adds points, each as (threshold, true positive rate, false positive rate), to a slice's ROC
        curve."""
        for threshold, tpr, fpr in readings:
            self._of(slice).log_roc_data_point(fpr=fpr, tpr=tpr, threshold=threshold)
        self._publish()

    def set_confusion_matrix_categories(self, slice: str, categories: Sequence[str]) -> None:
        """Starts a slice's confusion matrix."""
        self._of(slice).set_confusion_matrix_categories(categories)
        self._publish()

    def log_confusion_matrix_row(self, slice: str, row_category: str, row: Sequence[int]) -> None:
        """Sets one row of a slice's confusion matrix."""
        self._of(slice).log_confusion_matrix_row(row_category, row)
        self._publish()

    def log_confusion_matrix_cell(self, slice: str, row_category: str, col_category: str, value: int) -> None:
        """Sets one cell of a slice's confusion matrix."""
        self._of(slice).log_confusion_matrix_cell(row_category, col_category, value)
        self._publish()

    def load_confusion_matrix(
        self, slice: str, categories: Sequence[str], matrix: Sequence[Sequence[int]]
    ) -> None:
        """Sets a slice's whole confusion matrix."""
        self._of(slice).log_confusion_matrix(categories, matrix)
        self._publish()

    def _of(self, slice: str) -> ClassificationMetrics:
        return self._slices.setdefault(slice, ClassificationMetrics())

    def _publish(self) -> None:
        self.metadata = {
            "evaluationSlices": [
                {"slice": name, "sliceClassificationMetrics": metrics.metadata}
                for name, metrics in self._slices.items()
            ]
        }
