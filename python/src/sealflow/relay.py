"""The far end of a tunnel: pods connect to one port, and whoever holds the other end waits on the second.

It carries bytes of a TLS connection whose ends are a pod and the broker, and understands none of them. The
end that waits opens connections ahead of time; one byte tells it that a pod has come for one of them.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import sys
import threading

_BLOCK = 1 << 16
_PATIENCE_SECONDS = 20.0
STARTED = b"\x01"
LISTENING = "listening"
"""What whoever opens the tunnel waits for in this program's output."""


def carry(source: socket.socket, target: socket.socket) -> None:
    """Bytes from one to the other until the first ends; then the other hears of it."""
    with contextlib.suppress(OSError):
        while block := source.recv(_BLOCK):
            target.sendall(block)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _joined(pod: socket.socket, waiting: queue.Queue[socket.socket]) -> None:
    with pod:
        while True:
            try:
                held = waiting.get(timeout=_PATIENCE_SECONDS)
            except queue.Empty:
                return
            try:
                held.sendall(STARTED)
                break
            except OSError:
                # It has gone since; another one may be there.
                held.close()
        with held:
            back = threading.Thread(target=carry, args=(held, pod), daemon=True)
            back.start()
            carry(pod, held)
            back.join()


def _accept_held(server: socket.socket, waiting: queue.Queue[socket.socket]) -> None:
    while True:
        waiting.put(server.accept()[0])


def main(pods_port: int, held_port: int) -> None:
    """Serve for ever. The second port is for this pod's own loopback: the Kubernetes API forwards to it."""
    waiting: queue.Queue[socket.socket] = queue.Queue()
    held = socket.create_server(("127.0.0.1", held_port), backlog=64)
    threading.Thread(target=_accept_held, args=(held, waiting), daemon=True).start()
    pods = socket.create_server(("0.0.0.0", pods_port), backlog=64)
    print(LISTENING, flush=True)
    while True:
        threading.Thread(target=_joined, args=(pods.accept()[0], waiting), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
