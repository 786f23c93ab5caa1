"""Entry point of the worker process. What it speaks is described in docs/reference/worker-protocol.md."""

import os
import sys


def main() -> int:
    """Serves the protocol on standard input and file descriptor 3 until the input ends."""
    # `-m` puts the current directory in front: files lying there must not shadow the environment's modules.
    if sys.path and sys.path[0] in ("", os.getcwd()):
        del sys.path[0]
    from sealflow.worker import threads

    # Before any import of numerical libraries, which read these when they are loaded.
    threads.prepare_environment()
    from sealflow.worker.zygote import Zygote

    try:
        os.fstat(3)
    except OSError:
        print("sealflow.worker: expected file descriptor 3 to be open for events, got none", file=sys.stderr)
        return 2
    return Zygote(input_descriptor=0, output_descriptor=3).serve()


if __name__ == "__main__":
    sys.exit(main())
