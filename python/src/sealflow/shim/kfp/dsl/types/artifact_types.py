"""Artifact classes, as `kfp.dsl.types.artifact_types` names them."""

from sealflow.artifacts import HTML, Artifact, Dataset, Markdown, Metrics, Model, get_uri
from sealflow.classification import ClassificationMetrics, SlicedClassificationMetrics

__all__ = [
    "HTML",
    "Artifact",
    "ClassificationMetrics",
    "Dataset",
    "Markdown",
    "Metrics",
    "Model",
    "SlicedClassificationMetrics",
    "get_uri",
]
