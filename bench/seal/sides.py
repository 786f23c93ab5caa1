"""One side of the comparison, in a process of its own: ``python sides.py SIDE SOURCE TARGET``."""

import json
import os
import resource
import shutil
import sys
import time
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from sealflow.seal import open_artifact, project_key_from, sealed_file

side, source, target = sys.argv[1:]
PIECE = 1 << 20
project = project_key_from(bytes([1]) * 32)


def copy_through(step: Any) -> None:
    """A plain copy with AES-GCM in between: what anybody would write."""
    with open(source, "rb") as plain, open(target, "wb") as out:
        while piece := plain.read(PIECE):
            out.write(step.update(piece))
        out.flush()
        os.fsync(out.fileno())


def peer_seal() -> None:
    """Encrypts on the way."""
    encryptor = Cipher(algorithms.AES(bytes(32)), modes.GCM(bytes(12))).encryptor()
    copy_through(encryptor)
    encryptor.finalize()


def peer_open() -> None:
    """Decrypts on the way; without a tag to hold against, which costs the same."""
    copy_through(Cipher(algorithms.AES(bytes(32)), modes.GCM(bytes(12), bytes(16))).decryptor())


def seal() -> None:
    """Seals as a user does."""
    with open(source, "rb") as plain, sealed_file(target, [project.identity.recipient]) as out:
        shutil.copyfileobj(plain, out, PIECE)


def unseal() -> None:
    """Opens as a user does."""
    with open(source, "rb") as sealed, open(target, "wb") as out:
        for piece in open_artifact(sealed, [project.identity]).plaintext:
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())


def bare() -> None:
    """What the runtime takes, with the libraries that all sides need."""


started = time.perf_counter()
{"bare": bare, "peer-seal": peer_seal, "peer-open": peer_open, "seal": seal, "open": unseal}[side]()
seconds = time.perf_counter() - started
print(
    json.dumps({"seconds": seconds, "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024})
)
