"""Prints the manifests that Kubeflow's compiler writes for a small pipeline."""

import sys
import tempfile
import warnings

warnings.simplefilter("ignore")

from kfp import compiler, dsl
from kfp.compiler.compiler_utils import KubernetesManifestOptions


@dsl.component
def number(value: int) -> int:
    return value


@dsl.pipeline(name="theirs")
def theirs(n: int):
    number(value=n)


with tempfile.NamedTemporaryFile(suffix=".yaml", mode="r") as file:
    options = KubernetesManifestOptions(
        pipeline_name="mine",
        pipeline_version_name="mine-2",
        pipeline_display_name="Mine",
        namespace="team",
        include_pipeline_manifest=True,
    )
    compiler.Compiler().compile(
        theirs, file.name, kubernetes_manifest_format=True, kubernetes_manifest_options=options
    )
    sys.stdout.write(file.read())
