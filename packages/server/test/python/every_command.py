"""Runs every command of the `kfp` program that speaks to a server, as it runs on a command line, and says what each printed."""

import json
import re
import sys
import tempfile

import click
from click.testing import CliRunner
from kfp.cli.cli import cli
from pipelines import compile_to, copy_text

host = sys.argv[1]
runner = CliRunner()
called = set()


def kfp(*args: str):
    """What a command prints as JSON; text where it prints none. It confirms whatever it is asked."""
    called.add(" ".join(args[:2]))
    arguments = ["--endpoint", host, "--output", "json", *args]
    result = runner.invoke(cli, arguments, obj={}, input="y\n", auto_envvar_prefix="KFP")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    if result.exit_code != 0:
        raise RuntimeError(f"{args}: {result.output}")
    start = re.search(r"^[\[{]", result.output, re.MULTILINE)
    return json.loads(result.output[start.start() :]) if start else result.output


def ids(items: list, name: str) -> list:
    return [item[name] for item in items]


def predicate(key: str, value: str) -> str:
    return json.dumps({"predicates": [{"operation": "EQUALS", "key": key, "string_value": value}]})


answers = {}
with tempfile.TemporaryDirectory() as directory:
    package = compile_to(copy_text, f"{directory}/copy.yaml")

    pipeline = kfp("pipeline", "create", "-p", "copies", "-d", "Copies a text", package)
    id_ = pipeline["pipeline_id"]
    version = kfp("pipeline", "create-version", "-p", id_, "-v", "second", package)
    third = kfp("pipeline", "create-version", "-n", "copies", "-v", "third", "-d", "by name", package)
    versions = kfp("pipeline", "list-versions", id_, "--sort-by", "created_at desc", "-m", "2")
    version_id = version["pipeline_version_id"]
    answers["pipeline"] = [
        kfp("pipeline", "get", id_)["description"],
        kfp("pipeline", "get-version", id_, version_id)["display_name"],
        ids(versions, "display_name"),
        ids(kfp("pipeline", "list", "--filter", predicate("display_name", "copies")), "pipeline_id") == [id_],
        kfp("pipeline", "list", "--filter", predicate("display_name", "nothing")),
    ]
    kfp("pipeline", "delete-version", id_, third["pipeline_version_id"])
    answers["left"] = ids(kfp("pipeline", "list-versions", id_, "--sort-by", "name"), "name")

    experiment = kfp("experiment", "create", "-d", "For tests", "commanded")
    experiment_id = experiment["experiment_id"]
    kfp("experiment", "archive", "--experiment-name", "commanded")
    archived = kfp("experiment", "get", experiment_id)["storage_state"]
    kfp("experiment", "unarchive", "--experiment-id", experiment_id)
    answers["experiment"] = [
        archived,
        kfp("experiment", "get", experiment_id)["storage_state"],
        ids(kfp("experiment", "list", "--sort-by", "name", "-m", "5"), "display_name"),
    ]

    run = kfp(
        *["run", "create", "-e", "commanded", "-r", "by package", "-f", package, "-t", "60"], "text=ab", "times=3"
    )
    by_name = kfp("run", "create", "-e", "commanded", "-n", "copies", "-v", version_id, "-t", "60")
    by_version = kfp("run", "create", "-e", "commanded", "-p", id_, "-v", version_id, "-t", "60")
    kfp("run", "archive", run["run_id"])
    archived = kfp("run", "get", run["run_id"])["storage_state"]
    kfp("run", "unarchive", run["run_id"])
    listed = kfp("run", "list", "-e", experiment_id, "--sort-by", "created_at desc", "-m", "2")
    answers["run"] = [
        [run["state"], run["runtime_config"]["parameters"], archived],
        [by_name["state"], by_version["state"]],
        ids(listed, "run_id") == [by_version["run_id"], by_name["run_id"]],
        kfp("run", "get", run["run_id"])["storage_state"],
    ]
    kfp("run", "delete", by_name["run_id"])
    answers["runs left"] = len(kfp("run", "list", "-e", experiment_id))

    cron = kfp(
        *["recurring-run", "create", "--job-name", "nightly", "--experiment-name", "commanded", "--enabled"],
        *["--cron-expression", "0 0 3 * * *", "--no-catchup", "--description", "At night"],
        *["--pipeline-package-path", package, "--max-concurrency", "2", "text=ab"],
    )
    periodic = kfp(
        *["recurring-run", "create", "--job-name", "hourly", "--experiment-id", experiment_id],
        *["--interval-second", "3600", "--start-time", "2030-01-01T00:00:00Z", "--end-time", "2030-02-01T00:00:00Z"],
        *["--pipeline-id", id_, "--version-id", version_id],
    )
    disabled = kfp("recurring-run", "disable", cron["recurring_run_id"])
    enabled = kfp("recurring-run", "enable", cron["recurring_run_id"])
    got = kfp("recurring-run", "get", cron["recurring_run_id"])
    answers["recurring"] = [
        [disabled["status"], enabled["status"], got["no_catchup"], got["max_concurrency"]],
        [got["trigger"]["cron_schedule"]["cron"], periodic["trigger"]["periodic_schedule"]],
        ids(kfp("recurring-run", "list", "-e", experiment_id, "--sort-by", "created_at"), "display_name"),
    ]
    for each in (cron, periodic):
        kfp("recurring-run", "delete", each["recurring_run_id"])
    answers["recurring left"] = kfp("recurring-run", "list")

    kfp("experiment", "delete", experiment_id)
    kfp("pipeline", "delete-version", id_, version_id)
    [last] = kfp("pipeline", "list-versions", id_)
    kfp("pipeline", "delete-version", id_, last["pipeline_version_id"])
    kfp("pipeline", "delete", id_)
    answers["gone"] = [kfp("pipeline", "list"), ids(kfp("experiment", "list"), "display_name")]

context = click.Context(cli)
commands = {
    f"{group} {command}"
    for group in ("experiment", "pipeline", "recurring-run", "run")
    for command in cli.get_command(context, group).list_commands(context)
}
answers["not called"] = sorted(commands - called)
print(json.dumps(answers, default=str))
