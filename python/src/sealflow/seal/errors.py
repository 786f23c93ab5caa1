"""The errors of sealing, with the codes that the TypeScript side uses."""

from __future__ import annotations


class SealError(Exception):
    """What is wrong with an artifact, envelope or key.

    ``code`` is stable and documented in docs/reference/errors/seal.md; the message never holds a secret.
    """

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"[{self.code}] {self.message}" + (f" ({self.hint})" if self.hint else "")
