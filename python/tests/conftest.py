import os
import sys

import pytest
from worker_client import PYTHON_SOURCES, WorkerClient

# For the processes that tests start.
os.environ["PYTHONPATH"] = PYTHON_SOURCES


@pytest.fixture
def worker(tmp_path):
    client = WorkerClient(tmp_path, python=os.environ.get("SEALFLOW_WORKER_PYTHON", sys.executable))
    yield client
    client.close()
