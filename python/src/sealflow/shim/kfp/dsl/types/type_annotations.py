"""Annotations, as `kfp.dsl.types.type_annotations` names them."""

from sealflow.vocabulary import EmbeddedAnnotation, InputAnnotation, InputPath, OutputAnnotation, OutputPath

__all__ = ["EmbeddedAnnotation", "InputAnnotation", "InputPath", "OutputAnnotation", "OutputPath"]
