"""Schedules runs and watches them start, in two parts: the second one after a restart of the server."""

import json
import sys
import tempfile
import time

import kfp
import kfp_server_api
from pipelines import compile_to, copy_text

host, part = sys.argv[1:3]
client = kfp.Client(host=host)


def runs_of(recurring_run_id: str) -> list:
    wanted = json.dumps(
        {
            "predicates": [
                {"operation": "EQUALS", "key": "recurring_run_id", "string_value": recurring_run_id}
            ]
        }
    )
    return client.list_runs(filter=wanted, page_size=100, sort_by="created_at").runs or []


def wait_for(recurring_run_id: str, count: int) -> list:
    for _ in range(300):
        runs = runs_of(recurring_run_id)
        if len(runs) >= count and all(run.state == "SUCCEEDED" for run in runs):
            return runs
        time.sleep(0.1)
    raise TimeoutError(f"{[run.state for run in runs]}")


if part == "first":
    experiment = client.create_experiment("scheduled").experiment_id
    with tempfile.TemporaryDirectory() as directory:
        package = compile_to(copy_text, f"{directory}/copy.yaml")
        pipeline = client.upload_pipeline(package, "scheduled")
        version = client.list_pipeline_versions(pipeline.pipeline_id).pipeline_versions[0]
        periodic = client.create_recurring_run(
            experiment,
            "every second",
            description="ticks",
            interval_second=1,
            max_concurrency=2,
            pipeline_package_path=package,
            params={"text": "[[Index]] "},
        )
        cron = client.create_recurring_run(
            experiment,
            "at night",
            cron_expression="0 0 3 * * *",
            pipeline_id=pipeline.pipeline_id,
            version_id=version.pipeline_version_id,
            no_catchup=True,
            enabled=False,
        )
        errors = []
        for more in ({"cron_expression": "0 3 * *"}, {"interval_second": 1, "max_concurrency": 11}):
            try:
                client.create_recurring_run(experiment, "wrong", pipeline_package_path=package, **more)
            except kfp_server_api.ApiException as error:
                errors.append(json.loads(error.body)["details"][0]["reason"])
    runs = wait_for(periodic.recurring_run_id, 2)
    client.disable_recurring_run(periodic.recurring_run_id)
    listed = client.list_recurring_runs(experiment_id=experiment, sort_by="created_at")
    print(
        json.dumps(
            {
                "id": periodic.recurring_run_id,
                "names": [item.display_name for item in listed.recurring_runs],
                "status": [item.status for item in listed.recurring_runs],
                "texts": [run.runtime_config.parameters["text"] for run in runs][:2],
                "apart": (runs[1].scheduled_at - runs[0].scheduled_at).total_seconds(),
                "trigger": cron.trigger.cron_schedule.cron,
                "reference": cron.pipeline_version_reference.pipeline_version_id
                == version.pipeline_version_id,
                "errors": errors,
            }
        )
    )
else:
    recurring_run_id = sys.argv[3]
    before = len(wait_for(recurring_run_id, 2))
    client.enable_recurring_run(recurring_run_id)
    wait_for(recurring_run_id, before + 2)
    client.delete_recurring_run(recurring_run_id)
    time.sleep(0.2)
    kept = len(runs_of(recurring_run_id))
    try:
        client.get_recurring_run(recurring_run_id)
        gone = ""
    except kfp_server_api.ApiException as error:
        gone = json.loads(error.body)["details"][0]["reason"]
    print(json.dumps({"more": kept >= before + 2, "gone": gone}))
