"""Artifacts and importers."""

from kfp import dsl
from kfp.dsl import Dataset, Model

from case import DONE, FAILED, SCRATCH, SKIPPED, case, failed, run, several
from components import (
    files_of,
    from_path,
    make,
    make_directory,
    measured,
    metadata_of,
    missing_file,
    pythonic,
    read,
    read_path,
    schema_of,
    train,
    uri_of,
    with_metadata,
    write_file,
    write_path,
)


@case(
    run(
        {"make": DONE, "train": 0.5, "read": "model of d"},
        gives=0.5,
    )
)
def artifact_chain() -> float:
    made = make(name="d")
    fitted = train(data=made.outputs["out"])
    read(item=fitted.outputs["model"])
    return fitted.outputs["Output"]


@case(run({"make": DONE}, artifacts={"Output": "the text"}))
def artifact_given() -> Dataset:
    return make(name="the text").outputs["out"]


@case(
    run({"importer": DONE, "uri-of": "gs://bucket/data"}, gives="gs://bucket/data"),
    run({"importer": DONE, "uri-of": "s3://b/k%20l"}, gives="s3://b/k%20l", given={"uri": "s3://b/k%20l"}),
)
def imported(uri: str = "gs://bucket/data") -> str:
    task = dsl.importer(artifact_uri=uri, artifact_class=Dataset, reimport=False, metadata={"from": uri})
    return uri_of(item=task.output).output


@case(
    run(
        {
            "importer": DONE,
            "metadata-of": {"from": "gs://b/x", "kind": "fixed", "deep": {"n": ["x", "gs://b/x"]}},
        },
        gives={"from": "gs://b/x", "kind": "fixed", "deep": {"n": ["x", "gs://b/x"]}},
    ),
    commands=True,
)
def imported_metadata(uri: str = "gs://b/x") -> dict:
    task = dsl.importer(
        artifact_uri=uri,
        artifact_class=Model,
        metadata={"from": uri, "kind": "fixed", "deep": {"n": ["x", uri]}},
    )
    return metadata_of(item=task.output).output


@case(
    run(
        {"write-file": f"{SCRATCH}/file", "importer": DONE, "read": "content"},
        gives="content",
        given={"scratch": SCRATCH},
    ),
    commands=True,
)
def imported_file(scratch: str) -> str:
    written = write_file(directory=scratch, text="content")
    task = dsl.importer(artifact_uri=written.output, artifact_class=Dataset)
    return read(item=task.output).output


@case(
    failed({"importer": FAILED, "read": SKIPPED}, given={"uri": f"file://{SCRATCH}/nothing"}), commands=True
)
def imported_that_is_missing(uri: str) -> str:
    task = dsl.importer(artifact_uri=uri, artifact_class=Dataset)
    return read(item=task.output).output


@case(
    run(
        {"with-metadata": DONE, "metadata-of": {"rows": 3, "share": 0.5, "nested": {"a": [1]}, "ok": True}},
        gives={"rows": 3, "share": 0.5, "nested": {"a": [1]}, "ok": True},
    ),
    commands=True,
)
def metadata() -> dict:
    made = with_metadata()
    return metadata_of(item=made.outputs["out"]).output


@case(
    run({"make-directory": DONE, "files-of": ["a.txt=1", "sub/b.txt=2"]}, gives=["a.txt=1", "sub/b.txt=2"]),
    commands=True,
)
def directories() -> list:
    made = make_directory()
    return files_of(item=made.outputs["out"]).output


@case(
    run(
        {
            "measured": DONE,
            "metadata-of": {"accuracy": 0.75, "count": 3},
            "schema-of": "system.Metrics",
            "schema-of-2": "system.ClassificationMetrics",
            "schema-of-3": "system.HTML",
            "schema-of-4": "system.Markdown",
            "read": "<b>page</b>",
        },
        gives="<b>page</b>",
    ),
    commands=True,
)
def kinds_of_artifacts() -> str:
    made = measured()
    metadata_of(item=made.outputs["metrics"])
    for name in ("metrics", "curve", "page", "notes"):
        schema_of(item=made.outputs[name])
    return read(item=made.outputs["page"]).output


@case(
    run(
        {"write-path": several(text="small", number=42), "read-path": "data/42", "from-path": "small"},
        gives="data/42",
    ),
    commands=True,
)
def input_and_output_paths() -> str:
    made = write_path()
    from_path(text=made.outputs["text"])
    return read_path(data=made.outputs["data"], number=made.outputs["number"]).output


@case(
    run({"pythonic": DONE, "read": "by hand", "metadata-of": {"made": "here"}}, gives="by hand"),
    commands=True,
)
def pythonic_artifact() -> str:
    made = pythonic(text="by hand")
    metadata_of(item=made.output)
    return read(item=made.output).output


# A declared artifact without content is there, as a name for what may come.
@case(run({"missing-file": DONE, "uri-of": "set://elsewhere"}, gives="set://elsewhere"), commands=True)
def artifact_elsewhere() -> str:
    made = missing_file(uri="set://elsewhere")
    return uri_of(item=made.outputs["out"]).output


@case(run({"make": DONE, "make-2": DONE, "read": "one", "read-2": "two", "read-3": "one"}, gives="one"))
def artifacts_of_the_same_name() -> str:
    one = make(name="one")
    two = make(name="two")
    read(item=one.outputs["out"])
    read(item=two.outputs["out"])
    return read(item=one.outputs["out"]).output
