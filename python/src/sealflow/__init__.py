"""Sealflow for Python: the worker that runs components, and helpers to test them."""

__version__ = "0.1.0"
