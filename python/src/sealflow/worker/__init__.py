"""The worker: imports heavy libraries once, then forks one process per task. Started with `python -m
sealflow.worker`."""
