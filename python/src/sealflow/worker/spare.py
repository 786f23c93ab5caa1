"""A process that was forked before its task came, so that the task need not wait for the fork."""

import json
import os
import struct
from typing import Any

Json = dict[str, Any]

_SIZE = struct.Struct("!Q")


class Spare:
    """A forked process that waits for its task on a pipe, seen from the process that forked it."""

    def __init__(self, pid: int, orders: int, report: int, stock: object) -> None:
        self.pid = pid
        self.orders = orders
        self.report = report
        # What the process was forked with: a task that wants more needs another process.
        self.stock = stock

    def give(self, request: Json) -> None:
        """Hands the task over. Raises OSError when the process is gone."""
        content = json.dumps(request).encode()
        try:
            content = _SIZE.pack(len(content)) + content
            while content:
                content = content[os.write(self.orders, content) :]
        finally:
            os.close(self.orders)

    def forget(self) -> None:
        """Closes this side; the process ends when it hears nothing."""
        os.close(self.orders)
        os.close(self.report)


def order(pipe: int) -> Json | None:
    """In the forked process: waits for the task; nothing when none will come."""
    size = _read(pipe, _SIZE.size)
    content = None if size is None else _read(pipe, _SIZE.unpack(size)[0])
    os.close(pipe)
    return None if content is None else json.loads(content)


def _read(pipe: int, size: int) -> bytes | None:
    content = b""
    while len(content) < size:
        chunk = os.read(pipe, min(size - len(content), 1 << 20))
        if not chunk:
            return None
        content += chunk
    return content
