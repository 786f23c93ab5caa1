"""Calls every public method of the official client once, with every argument that reaches the server."""

import inspect
import json
import os
import sys
import tempfile

import kfp
import kfp_server_api
from pipelines import compile_to, copy_text, needs_file, with_platform

host, directory = sys.argv[1:3]
# The client keeps the namespace of its user in a file of the home directory.
os.environ["HOME"] = directory
kfp.Client.LOCAL_KFP_CONTEXT = f"{directory}/context.json"
called = set()


class Client(kfp.Client):
    """Notes which methods were called, also by each other."""

    def __getattribute__(self, name):
        found = super().__getattribute__(name)
        if not name.startswith("_") and inspect.ismethod(found):
            called.add(name)
        return found


client = Client(host=host)
answers = {}


def equals(key: str, value: str) -> str:
    predicate = kfp_server_api.V2beta1Predicate(
        operation=kfp_server_api.V2beta1PredicateOperation.EQUALS, key=key, string_value=value
    )
    return json.dumps(
        client._experiment_api.api_client.sanitize_for_serialization(
            kfp_server_api.V2beta1Filter(predicates=[predicate])
        )
    )


def all_pages(method, items: str, **arguments) -> list:
    """Everything that a list method gives, two at a time."""
    found, token = [], ""
    while True:
        page = method(page_token=token, page_size=2, **arguments)
        found += getattr(page, items) or []
        token = page.next_page_token
        if not token:
            assert page.total_size == len(found), (page.total_size, len(found))
            return [item.display_name for item in found]


client.set_user_namespace("team")
answers["namespace"] = [client.get_user_namespace(), client.get_kfp_healthz(sleep_duration=0).multi_user]
client.set_user_namespace("")

with tempfile.TemporaryDirectory() as packages:
    package = compile_to(copy_text, f"{packages}/copy.yaml")
    platform = compile_to(with_platform, f"{packages}/platform.yaml")

    one = client.upload_pipeline(package, "one", description="1", namespace="team")
    two = client.upload_pipeline_from_pipeline_func(needs_file, "two", description="2", namespace="other")
    second = client.upload_pipeline_version(package, "second", pipeline_id=one.pipeline_id, description="v2")
    third = client.upload_pipeline_version_from_pipeline_func(
        copy_text, "third", pipeline_name="one", description="v3"
    )
    api = client._pipelines_api
    tagged = client._upload_api.upload_pipeline(
        platform, name="three", display_name="Three", tags=json.dumps({"team": "risk"})
    )
    answers["pipelines"] = [
        all_pages(client.list_pipelines, "pipelines", sort_by="name desc"),
        all_pages(client.list_pipelines, "pipelines", namespace="team"),
        all_pages(client.list_pipelines, "pipelines", filter=equals("name", "two")),
        [client.get_pipeline(tagged.pipeline_id).display_name, client.get_pipeline(tagged.pipeline_id).tags],
        client.get_pipeline_id("one") == one.pipeline_id,
    ]
    versions = lambda **more: all_pages(
        lambda **page: client.list_pipeline_versions(one.pipeline_id, **page), "pipeline_versions", **more
    )
    got = client.get_pipeline_version(one.pipeline_id, third.pipeline_version_id)
    answers["versions"] = [
        versions(sort_by="created_at"),
        versions(filter=equals("display_name", "third")),
        [got.description, got.pipeline_spec["pipelineInfo"]["name"]],
    ]
    two_documents = client.list_pipeline_versions(tagged.pipeline_id).pipeline_versions[0].pipeline_spec
    answers["platform"] = sorted(two_documents)
    api.pipeline_service_update_pipeline_version(
        pipeline_version_pipeline_id=one.pipeline_id,
        pipeline_version_pipeline_version_id=third.pipeline_version_id,
        pipeline_version=kfp_server_api.V2beta1PipelineVersion(display_name="Third", tags={"good": "yes"}),
    )
    changed = client.get_pipeline_version(one.pipeline_id, third.pipeline_version_id)
    answers["changed"] = [changed.display_name, changed.description, changed.tags]

    experiment = client.create_experiment("called", description="Everything", namespace="team")
    same = client.create_experiment("called", namespace="team")
    client.archive_experiment(experiment.experiment_id)
    archived = client.get_experiment(experiment_name="called", namespace="team").storage_state
    client.unarchive_experiment(experiment.experiment_id)
    answers["experiment"] = [
        same.experiment_id == experiment.experiment_id,
        archived,
        client.get_experiment(experiment_id=experiment.experiment_id).description,
        all_pages(client.list_experiments, "experiments", sort_by="created_at"),
        all_pages(client.list_experiments, "experiments", namespace="team", filter=equals("name", "called")),
    ]

    at = {"experiment_id": experiment.experiment_id}
    more = {
        "pipeline_root": "s3://elsewhere/",
        "enable_caching": False,
        "service_account": "runner",
    }
    by_package = client.create_run_from_pipeline_package(
        package, {"text": "a"}, run_name="by package", cache_key=None, **at, **more
    )
    by_func = client.create_run_from_pipeline_func(copy_text, {"times": 1}, run_name="by function", **at, **more)
    by_version = client.run_pipeline(
        experiment.experiment_id,
        "by version",
        pipeline_id=one.pipeline_id,
        version_id=second.pipeline_version_id,
        params={"text": "c", "times": 2},
        pipeline_root="s3://elsewhere/",
        service_account="runner",
    )
    with_both = client.run_pipeline(experiment.experiment_id, "two documents", platform, enable_caching=True)
    runs = [by_package, by_func, by_version, with_both]
    ended = [client.wait_for_run_completion(run.run_id, 60, sleep_duration=0.1) for run in runs]
    client.archive_run(by_func.run_id)
    archived = client.get_run(by_func.run_id)
    client.unarchive_run(by_func.run_id)
    config = archived.runtime_config
    answers["runs"] = [
        [run.state for run in ended],
        [archived.storage_state, archived.service_account, config.pipeline_root, config.parameters],
        all_pages(client.list_runs, "runs", sort_by="created_at", **at),
        all_pages(client.list_runs, "runs", namespace="team", filter=equals("name", "by function")),
        sorted(client.get_run(with_both.run_id).pipeline_spec),
    ]
    client.terminate_run(client.create_run_from_pipeline_package(package, {"times": 4}, **at).run_id)
    try:
        client.wait_for_run_completion(by_package.run_id, timeout=-1)
        answers["timeout"] = ""
    except TimeoutError:
        answers["timeout"] = "TimeoutError"
    client.delete_run(by_func.run_id)

    once_a_day = client.create_recurring_run(
        experiment.experiment_id,
        "once a day",
        description="In the morning",
        start_time="2030-01-01T00:00:00Z",
        end_time="2031-01-01T00:00:00Z",
        cron_expression="0 30 8 * * MON-FRI",
        max_concurrency=3,
        no_catchup=True,
        params={"text": "x"},
        pipeline_package_path=package,
        pipeline_root="s3://elsewhere/",
        service_account="runner",
        enable_caching=False,
    )
    every_hour = client.create_recurring_run(
        experiment.experiment_id,
        "every hour",
        interval_second=3600,
        pipeline_id=one.pipeline_id,
        version_id=second.pipeline_version_id,
        enabled=False,
    )

got = client.get_recurring_run(once_a_day.recurring_run_id)
states = []
for change in (client.disable_job, client.enable_job, client.disable_recurring_run, client.enable_recurring_run):
    change(got.recurring_run_id)
    states.append(client.get_recurring_run(got.recurring_run_id).status)
cron = got.trigger.cron_schedule
answers["recurring"] = [
    [got.description, got.max_concurrency, got.no_catchup, got.service_account, got.mode],
    [cron.cron, str(cron.start_time), str(cron.end_time)],
    [got.runtime_config.parameters, got.runtime_config.pipeline_root],
    [every_hour.trigger.periodic_schedule.interval_second, every_hour.mode, every_hour.status],
    all_pages(client.list_recurring_runs, "recurring_runs", sort_by="created_at desc", **at),
    all_pages(client.list_recurring_runs, "recurring_runs", namespace="team", filter=equals("status", "DISABLED")),
    states,
]
client.delete_job(once_a_day.recurring_run_id)
client.delete_recurring_run(every_hour.recurring_run_id)
answers["recurring left"] = client.list_recurring_runs(**at).total_size

client.delete_experiment(experiment.experiment_id)
for version in client.list_pipeline_versions(one.pipeline_id).pipeline_versions:
    client.delete_pipeline_version(one.pipeline_id, version.pipeline_version_id)
client.delete_pipeline(one.pipeline_id)
answers["left"] = all_pages(client.list_pipelines, "pipelines", sort_by="name")
answers["allowed"] = kfp_server_api.AuthServiceApi(client._run_api.api_client).auth_service_authorize(
    namespace="team", resources="VIEWERS", verb="GET"
)

methods = {name for name, _ in inspect.getmembers(kfp.Client, inspect.isfunction) if not name.startswith("_")}
answers["not called"] = sorted(methods - called)
print(json.dumps(answers, default=str))
