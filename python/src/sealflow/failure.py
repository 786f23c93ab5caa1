"""Describes why a component failed, in terms of the component's own source."""

import sys
from types import TracebackType
from typing import Any

from sealflow.errors import ComponentError

# An error travels through a pipe that nobody reads until the task is gone: it has to fit into the pipe's
# buffer.
MESSAGE_LIMIT = 8_000
TRACEBACK_LIMIT = 20_000

_PACKAGE = __file__.rpartition("/")[0] + "/"
_INTERNAL = ("<frozen importlib", "<frozen runpy")


def describe(error: BaseException, source: str | None, *, kind: str | None = None) -> dict[str, Any]:
    """The structured form of an exception that ended a component.

    `file`, `line` and `function` point into the component's source where the traceback passes through it,
    else to the
    innermost frame. `kind` overrides the error's own.
    """
    _trim_causes(error)
    trace = _component_frames(error)
    innermost = _place_of_syntax_error(error) or _innermost(trace, source)
    shown = None if isinstance(error, ComponentError) and error.__cause__ is None else trace
    return {
        "kind": kind or (error.kind if isinstance(error, ComponentError) else "exception"),
        "type": _type_name(error),
        "message": shortened(_text_of(error), MESSAGE_LIMIT),
        "traceback": shortened(_formatted(error, shown), TRACEBACK_LIMIT),
        **innermost,
    }


def _component_frames(error: BaseException) -> TracebackType | None:
    """The traceback without the leading frames of this package and of the import system."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith((_PACKAGE, *_INTERNAL)):
        trace = trace.tb_next
    return trace


def _trim_causes(error: BaseException) -> None:
    """Takes this package's frames out of the exceptions behind this one."""
    seen = {id(error)}
    behind = error.__cause__ or error.__context__
    while behind is not None and id(behind) not in seen:
        seen.add(id(behind))
        behind.__traceback__ = _component_frames(behind)
        behind = behind.__cause__ or behind.__context__


def _place_of_syntax_error(error: BaseException) -> dict[str, Any] | None:
    wrong = error.__cause__ if isinstance(error, ComponentError) else error
    if isinstance(wrong, SyntaxError) and wrong.filename:
        return {"file": wrong.filename, "line": wrong.lineno, "function": None}
    return None


def _innermost(trace: TracebackType | None, source: str | None) -> dict[str, Any]:
    last = found = None
    while trace is not None:
        last = trace
        if trace.tb_frame.f_code.co_filename == source:
            found = trace
        trace = trace.tb_next
    chosen = found or last
    if chosen is None:
        return {"file": None, "line": None, "function": None}
    code = chosen.tb_frame.f_code
    return {"file": code.co_filename, "line": chosen.tb_lineno, "function": code.co_name}


def _formatted(error: BaseException, trace: TracebackType | None) -> str:
    try:
        import traceback

        return "".join(traceback.format_exception(type(error), error, trace))
    except BaseException as problem:
        return (
            f"{_type_name(error)}: {_text_of(error)} (its traceback can't be shown: {type(problem).__name__})"
        )


def _type_name(error: BaseException) -> str:
    kind = type(error)
    return (
        kind.__qualname__
        if kind.__module__ in ("builtins", "__main__")
        else f"{kind.__module__}.{kind.__qualname__}"
    )


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException as problem:
        return f"(the message can't be shown: {type(problem).__name__})"


def shortened(text: str, limit: int) -> str:
    """Keeps the start and the end, where a traceback says what matters."""
    if len(text) <= limit:
        return text
    head = limit // 4
    return f"{text[:head]}\n… {len(text) - limit} characters left out …\n{text[-(limit - head) :]}"


def print_to_log(description: dict[str, Any]) -> None:
    """Shows the traceback at the end of the task's log, as an interpreter would."""
    sys.stderr.write(description["traceback"])
    sys.stderr.flush()
