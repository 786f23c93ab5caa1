"""Uploads pipelines and versions in every form, lists, changes and deletes them, and runs a version."""

import json
import sys
import tarfile
import tempfile
import zipfile

import kfp
import kfp_server_api
from pipelines import compile_to, copy_text, needs_file

host = sys.argv[1]
client = kfp.Client(host=host)


def refused(call) -> list:
    try:
        call()
    except kfp_server_api.ApiException as error:
        body = json.loads(error.body)
        return [error.status, body["code"], body["details"][0]["reason"]]
    return []


with tempfile.TemporaryDirectory() as directory:
    package = compile_to(copy_text, f"{directory}/copy.yaml")
    other = compile_to(needs_file, f"{directory}/needs.yaml")
    archive = f"{directory}/copy.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(package, arcname="pipeline.yaml")
        tar.add(other, arcname="other.yaml")
    zipped = f"{directory}/copy.zip"
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as file:
        file.write(package, arcname="anything.yaml")
    broken = f"{directory}/broken.yaml"
    with open(broken, "w") as file:
        file.write("pipelineInfo: {name: x}\n")

    pipeline = client.upload_pipeline(package, "copies", description="Copies a text")
    version = client.upload_pipeline_version(archive, "v2", pipeline_name="copies")
    zip_version = client.upload_pipeline_version(
        zipped, "v3", pipeline_id=pipeline.pipeline_id, description="zipped"
    )
    from_func = client.upload_pipeline_from_pipeline_func(needs_file)
    errors = {
        "taken": refused(lambda: client.upload_pipeline(package, "copies")),
        "broken": refused(lambda: client.upload_pipeline(broken, "broken")),
        "unknown": refused(lambda: client.get_pipeline("nothing")),
        "notEmpty": refused(lambda: client.delete_pipeline(pipeline.pipeline_id)),
        "token": refused(lambda: client.list_pipelines(page_token="?")),
        "sort": refused(lambda: client.list_pipelines(sort_by="colour")),
        "parameter": refused(
            lambda: client.run_pipeline(
                client.create_experiment("e").experiment_id, "job", package, {"times": "x"}
            )
        ),
    }

versions = client.list_pipeline_versions(pipeline.pipeline_id, sort_by="created_at")
got = client.get_pipeline_version(pipeline.pipeline_id, version.pipeline_version_id)
by_name = client.pipelines.pipeline_service_get_pipeline_by_name("copies")
api = client._pipelines_api
api.pipeline_service_update_pipeline(
    pipeline_pipeline_id=pipeline.pipeline_id,
    pipeline=kfp_server_api.V2beta1Pipeline(display_name="Copies!", description="new"),
)
updated = client.get_pipeline(pipeline.pipeline_id)
run = client.run_pipeline(
    client.create_experiment("by version").experiment_id,
    "from a version",
    pipeline_id=pipeline.pipeline_id,
    version_id=version.pipeline_version_id,
    params={"text": "z"},
)
ended = client.wait_for_run_completion(run.run_id, 60, sleep_duration=0.1)
pages = []
token = ""
while True:
    page = client.list_pipelines(page_size=1, page_token=token, sort_by="display_name desc")
    pages.append([item.display_name for item in page.pipelines])
    token = page.next_page_token
    if not token:
        break
client.delete_pipeline_version(pipeline.pipeline_id, zip_version.pipeline_version_id)
left = client.list_pipeline_versions(pipeline.pipeline_id).total_size
api.pipeline_service_delete_pipeline(pipeline.pipeline_id, cascade=True)

print(
    json.dumps(
        {
            "versions": [item.display_name for item in versions.pipeline_versions],
            "spec": got.pipeline_spec["pipelineInfo"]["name"],
            "byName": by_name.pipeline_id == pipeline.pipeline_id,
            "id": client.get_pipeline_id("needs-file") == from_func.pipeline_id,
            "updated": [updated.name, updated.display_name, updated.description],
            "state": ended.state,
            "reference": ended.pipeline_version_reference.pipeline_version_id
            == version.pipeline_version_id,
            "pages": pages,
            "left": left,
            "gone": client.get_pipeline_id("Copies!"),
            "errors": errors,
        }
    )
)
