"""The zygote's connection: lines of requests come in on one descriptor, lines of events go out on another."""

import json
import os
import select
from typing import Any

_READ_SIZE = 1 << 20
LINE_LIMIT = 256 << 20
"""Longest request, in bytes."""


class Overlong(Exception):
    """A line is longer than the limit."""


class Connection:
    """Requests and events as bytes; what they mean is for others."""

    def __init__(self, input_descriptor: int, output_descriptor: int) -> None:
        self.input = input_descriptor
        self.output = output_descriptor
        self.buffer = bytearray()
        # Nothing more comes in, or nobody reads what goes out.
        self.ended = False

    def read(self) -> list[bytes]:
        """The lines that have come in whole; raises `Overlong` instead of keeping a line past the limit."""
        try:
            chunk = os.read(self.input, _READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return []
        except OSError:
            chunk = b""
        if not chunk:
            self.ended = True
            return []
        start = len(self.buffer)
        self.buffer += chunk
        end = self.buffer.rfind(b"\n", start)
        if end < 0:
            if len(self.buffer) > LINE_LIMIT:
                raise Overlong(f"line: expected at most {LINE_LIMIT} bytes, got more")
            return []
        lines = bytes(self.buffer[:end]).split(b"\n")
        del self.buffer[: end + 1]
        return [line for line in lines if line.strip()]

    def emit(self, event: dict[str, Any]) -> None:
        """Writes an event, waiting for the reader where it must."""
        content = memoryview(json.dumps(event, separators=(",", ":")).encode() + b"\n")
        while content:
            try:
                content = content[os.write(self.output, content) :]
            except BlockingIOError:
                select.select([], [self.output], [])
            except OSError:
                self.ended = True
                return
