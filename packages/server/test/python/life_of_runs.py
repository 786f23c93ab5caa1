"""Fails, retries, terminates, archives and deletes runs and experiments."""

import json
import os
import sys
import tempfile
import time

import kfp
import kfp_server_api
from pipelines import copy_text, needs_file, waits

host = sys.argv[1]
client = kfp.Client(host=host)


def reason(call) -> str:
    try:
        call()
    except kfp_server_api.ApiException as error:
        return json.loads(error.body)["details"][0]["reason"]
    return ""


def until(run_id: str, *states: str) -> kfp_server_api.V2beta1Run:
    for _ in range(600):
        run = client.get_run(run_id)
        if run.state in states:
            return run
        time.sleep(0.05)
    raise TimeoutError(f"{run.state}, not one of {states}")


with tempfile.TemporaryDirectory() as directory:
    path = f"{directory}/flag"
    failing = client.create_run_from_pipeline_func(needs_file, {"path": path}, experiment_name="life")
    failed = client.wait_for_run_completion(failing.run_id, 60, sleep_duration=0.1)
    task = next(t for t in failed.run_details.task_details if t.display_name == "fail-unless")
    early = reason(lambda: client._run_api.run_service_terminate_run(failing.run_id))
    with open(path, "w"):
        pass
    client._run_api.run_service_retry_run(failing.run_id)
    retried = until(failing.run_id, "SUCCEEDED", "FAILED")
    again = reason(lambda: client._run_api.run_service_retry_run(failing.run_id))

long = client.create_run_from_pipeline_func(waits, {"seconds": 60}, experiment_name="life")
until(long.run_id, "RUNNING")
busy = reason(lambda: client._run_api.run_service_retry_run(long.run_id))
client.terminate_run(long.run_id)
canceled = until(long.run_id, "CANCELED")

experiment = client.get_experiment(experiment_name="life")
client.archive_run(failing.run_id)
available = json.dumps(
    {"predicates": [{"operation": "EQUALS", "key": "storage_state", "string_value": "AVAILABLE"}]}
)
left = client.list_runs(experiment_id=experiment.experiment_id, filter=available).runs
client.unarchive_run(failing.run_id)
client.archive_experiment(experiment.experiment_id)
archived = client.get_experiment(experiment.experiment_id).storage_state
archived_runs = {r.storage_state for r in client.list_runs(experiment_id=experiment.experiment_id).runs}
refused = reason(
    lambda: client.create_run_from_pipeline_func(copy_text, experiment_name="life")
)
client.unarchive_experiment(experiment.experiment_id)

doomed = client.create_run_from_pipeline_func(waits, {"seconds": 60}, experiment_name="life")
until(doomed.run_id, "RUNNING")
client.delete_run(doomed.run_id)
client.delete_run(long.run_id)
gone = reason(lambda: client.get_run(doomed.run_id))
names = [r.run_id for r in client.list_runs(experiment_id=experiment.experiment_id).runs]
client.delete_experiment(experiment.experiment_id)

print(
    json.dumps(
        {
            "failed": [failed.state, failed.error.code, task.state, "is not there" in task.error.message],
            "early": early,
            "retried": retried.state,
            "history": [entry.state for entry in retried.state_history],
            "again": again,
            "busy": busy,
            "canceled": [entry.state for entry in canceled.state_history],
            "left": [r.run_id for r in left] == [long.run_id],
            "archived": [archived, sorted(archived_runs)],
            "refused": refused,
            "gone": gone,
            "names": names == [failing.run_id],
            "experiment": reason(lambda: client.get_experiment(experiment.experiment_id)),
            "run": reason(lambda: client.get_run(failing.run_id)),
        }
    )
)
