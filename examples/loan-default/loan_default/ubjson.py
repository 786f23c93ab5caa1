"""Reads UBJSON, the binary JSON in which XGBoost keeps models.

Source: Universal Binary JSON, draft 12. Arrays whose members are all of one numeric type become NumPy arrays
over the given bytes, which are not copied.
"""

from typing import Any

import numpy as np

from loan_default.schema import DataError

_NUMBERS = {
    "i": np.dtype(">i1"),
    "U": np.dtype(">u1"),
    "I": np.dtype(">i2"),
    "l": np.dtype(">i4"),
    "L": np.dtype(">i8"),
    "d": np.dtype(">f4"),
    "D": np.dtype(">f8"),
}
_CONSTANTS = {"T": True, "F": False, "Z": None}


def read(content: bytes | bytearray) -> Any:
    """The value that the bytes stand for. Raises DataError."""
    reader = _Reader(content)
    try:
        value = reader.value(reader.marker())
    except (IndexError, ValueError, KeyError, RecursionError) as error:
        raise DataError(f"UBJSON, byte {reader.place}: expected a value, got {error}") from error
    if reader.place != len(content):
        raise DataError(f"UBJSON: expected {reader.place} bytes, got {len(content)}")
    return value


class _Reader:
    def __init__(self, content: bytes | bytearray) -> None:
        self.content = memoryview(content)
        self.place = 0

    def marker(self) -> str:
        self.place += 1
        return chr(self.content[self.place - 1])

    def value(self, marker: str) -> Any:
        if marker in _NUMBERS:
            return self._numbers(marker, 1)[0].item()
        if marker == "S":
            return self._text()
        if marker == "[":
            return self._array()
        if marker == "{":
            return self._object()
        return _CONSTANTS[marker]

    def _numbers(self, marker: str, count: int) -> np.ndarray:
        kind = _NUMBERS[marker]
        found = np.frombuffer(self.content, kind, count, self.place)
        self.place += count * kind.itemsize
        return found

    def _size(self) -> int:
        size = self._numbers(self.marker(), 1)[0].item()
        if not isinstance(size, int) or not 0 <= size <= len(self.content):
            raise ValueError(f"the size {size}")
        return size

    def _text(self) -> str:
        size = self._size()
        text = bytes(self.content[self.place : self.place + size])
        if len(text) < size:
            raise ValueError("the end")
        self.place += size
        return text.decode("utf-8")

    def _is_next(self, marker: str) -> bool:
        found = self.content[self.place] == ord(marker)
        self.place += found
        return found

    def _array(self) -> Any:
        kind = self.marker() if self._is_next("$") else None
        if self._is_next("#"):
            size = self._size()
            return self._numbers(kind, size) if kind else [self.value(self.marker()) for _ in range(size)]
        members = []
        while not self._is_next("]"):
            members.append(self.value(self.marker()))
        return members

    def _object(self) -> dict[str, Any]:
        members = {}
        while not self._is_next("}"):
            name = self._text()
            members[name] = self.value(self.marker())
        return members
