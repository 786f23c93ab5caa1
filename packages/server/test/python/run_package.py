"""Creates a run from a package and from a function, and waits for both."""

import json
import sys
import tempfile

import kfp
from pipelines import compile_to, copy_text

host = sys.argv[1]
client = kfp.Client(host=host)
health = client.get_kfp_healthz()

with tempfile.TemporaryDirectory() as directory:
    package = compile_to(copy_text, f"{directory}/copy.yaml")
    created = client.create_run_from_pipeline_package(
        package, arguments={"text": "ab", "times": 3}, run_name="copied", experiment_name="first"
    )
run = client.wait_for_run_completion(created.run_id, timeout=60, sleep_duration=0.1)
called = client.create_run_from_pipeline_func(copy_text, enable_caching=False)
second = client.wait_for_run_completion(called.run_id, timeout=60, sleep_duration=0.1)
listed = client.list_runs(sort_by="created_at desc")
failed = client.list_runs(
    filter=json.dumps({"predicates": [{"operation": 1, "key": "state", "stringValue": "FAILED"}]})
)

print(
    json.dumps(
        {
            "multiUser": health.multi_user,
            "state": run.state,
            "name": run.display_name,
            "parameters": run.runtime_config.parameters,
            "pipeline": run.pipeline_spec["pipelineInfo"]["name"],
            "tasks": {
                task.display_name: task.state for task in run.run_details.task_details
            },
            "history": [entry.state for entry in run.state_history],
            "finishedLater": run.finished_at >= run.created_at,
            "second": second.state,
            "listed": [item.run_id for item in listed.runs] == [called.run_id, created.run_id],
            "total": listed.total_size,
            "failed": failed.runs,
            "experiments": [item.display_name for item in client.list_experiments().experiments],
        }
    )
)
