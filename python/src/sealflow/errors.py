"""Errors of a component's run that are not the component's own exceptions."""


class ComponentError(Exception):
    """Base: `kind` says which part of the contract was broken."""

    kind = "exception"


class InputsError(ComponentError):
    """The executor input does not fit the component's signature."""

    kind = "inputs"


class OutputsError(ComponentError):
    """What the component returned or wrote does not fit its signature."""

    kind = "outputs"


class SourceError(ComponentError):
    """The component's source can't be read, compiled or imported, or lacks the function."""

    kind = "source"
