"""Strict readers of JSON values."""

from __future__ import annotations

import base64
import binascii
import re
from contextlib import suppress
from typing import Any, NoReturn

from sealflow.seal.errors import SealError


class Checker:
    """Readers for one kind of document; what does not fit is a SealError with its code."""

    def __init__(self, code: str, what: str) -> None:
        self.code = code
        self.what = what

    def fail(self, path: str, expected: str) -> NoReturn:
        """Raise the document's error."""
        raise SealError(self.code, f"{self.what}: expected {expected} at {path or 'its root'}")

    def members(
        self, value: Any, path: str, required: tuple[str, ...], optional: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        """An object with exactly the required members and any of the optional ones."""
        known = {*required, *optional}
        if not isinstance(value, dict) or not set(required) <= set(value) <= known:
            self.fail(path, f"an object with the members {', '.join(sorted(known))}")
        return value

    def items(self, value: Any, path: str, least: int, most: int) -> list[Any]:
        """A list of a length within the limits."""
        if not isinstance(value, list) or not least <= len(value) <= most:
            self.fail(path, f"a list of {least} to {most}")
        return value

    def text(self, value: Any, path: str, pattern: str) -> str:
        """A text that the pattern matches whole."""
        if not isinstance(value, str) or re.fullmatch(pattern, value) is None:
            self.fail(path, f"a text like {pattern}")
        return value

    def integer(self, value: Any, path: str, least: int, most: int) -> int:
        """A whole number within the limits."""
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self.fail(path, f"a whole number from {least} to {most}")
        return value

    def base64(self, value: Any, path: str, length: int | None = None) -> bytes:
        """Bytes in canonical base64."""
        data = None
        if isinstance(value, str):
            with suppress(binascii.Error, ValueError):
                data = base64.b64decode(value, validate=True)
        if data is None or base64.b64encode(data).decode() != value or length not in (None, len(data)):
            self.fail(path, "canonical base64" + (f" of {length} bytes" if length is not None else ""))
        return data
