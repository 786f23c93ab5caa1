"""Names of `kfp.dsl` that exist at run time: annotations, artifact classes, placeholders."""

from typing import Annotated, Any, NoReturn, TypeVar

from sealflow.artifacts import HTML, Artifact, Dataset, Markdown, Metrics, Model, get_uri
from sealflow.classification import ClassificationMetrics, SlicedClassificationMetrics
from sealflow.vocabulary import (
    EmbeddedAnnotation,
    EmbeddedInput,
    Input,
    InputAnnotation,
    InputPath,
    Output,
    OutputAnnotation,
    OutputPath,
    PipelineTaskFinalStatus,
    TaskConfig,
)

T = TypeVar("T")

PIPELINE_JOB_NAME_PLACEHOLDER = "{{$.pipeline_job_name}}"
PIPELINE_JOB_RESOURCE_NAME_PLACEHOLDER = "{{$.pipeline_job_resource_name}}"
PIPELINE_JOB_ID_PLACEHOLDER = "{{$.pipeline_job_uuid}}"
PIPELINE_TASK_NAME_PLACEHOLDER = "{{$.pipeline_task_name}}"
PIPELINE_TASK_ID_PLACEHOLDER = "{{$.pipeline_task_uuid}}"
PIPELINE_TASK_EXECUTOR_OUTPUT_PATH_PLACEHOLDER = "{{$.outputs.output_file}}"
PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER = "{{$}}"
PIPELINE_ROOT_PLACEHOLDER = "{{$.pipeline_root}}"
PIPELINE_JOB_CREATE_TIME_UTC_PLACEHOLDER = "{{$.pipeline_job_create_time_utc}}"
PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER = "{{$.pipeline_job_schedule_time_utc}}"
WORKSPACE_PATH_PLACEHOLDER = "{{$.workspace_path}}"

# What `from kfp.dsl import *` brings, as in the package itself.
__all__ = [
    "HTML",
    "PIPELINE_JOB_CREATE_TIME_UTC_PLACEHOLDER",
    "PIPELINE_JOB_ID_PLACEHOLDER",
    "PIPELINE_JOB_NAME_PLACEHOLDER",
    "PIPELINE_JOB_RESOURCE_NAME_PLACEHOLDER",
    "PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER",
    "PIPELINE_ROOT_PLACEHOLDER",
    "PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER",
    "PIPELINE_TASK_EXECUTOR_OUTPUT_PATH_PLACEHOLDER",
    "PIPELINE_TASK_ID_PLACEHOLDER",
    "PIPELINE_TASK_NAME_PLACEHOLDER",
    "WORKSPACE_PATH_PLACEHOLDER",
    "Artifact",
    "ClassificationMetrics",
    "Dataset",
    "Input",
    "InputPath",
    "Markdown",
    "Metrics",
    "Model",
    "Output",
    "OutputPath",
    "PipelineTaskFinalStatus",
    "SlicedClassificationMetrics",
    "TaskConfig",
    "get_uri",
    "run_notebook",
]

# Importable by name, as from the package, without being part of `import *`.
_BY_NAME = (Annotated, EmbeddedAnnotation, EmbeddedInput, InputAnnotation, OutputAnnotation)


def run_notebook(**parameters: Any) -> NoReturn:
    """Runs the embedded notebook: needs the full SDK."""
    raise NotImplementedError(
        "dsl.run_notebook: expected the kfp package, got its run-time part only; "
        "add kfp==2.17.0, nbclient and ipykernel to the component's requirements"
    )


def __getattr__(name: str) -> NoReturn:
    raise AttributeError(
        f"kfp.dsl.{name}: expected a name that components use at run time, got one that only compiling "
        "needs; decorators and control flow don't exist when a component runs. If the component builds "
        "pipelines itself, add kfp==2.17.0 to its requirements"
    )
