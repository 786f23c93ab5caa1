"""Why a sealed task ended before its component did."""

from __future__ import annotations


class Refused(Exception):
    """The broker, its grant or a sealed input is not what it must be. Holds nothing secret."""

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"[{self.code}] {self.message}"


class Unreachable(Refused):
    """Nobody answered: the same may be asked again later."""
