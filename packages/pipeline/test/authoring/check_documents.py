"""Reads compiled pipelines with Kubeflow's own classes, strictly. Standard input: a JSON object of YAML texts by name.

Prints a JSON object with what went wrong, by name.
"""

import json
import os
import sys
import tempfile
import warnings

warnings.simplefilter("ignore")

import yaml
from google.protobuf import json_format
from kfp import components
from kfp.kubernetes import kubernetes_executor_config_pb2 as kubernetes_pb2
from kfp.pipeline_spec import pipeline_spec_pb2 as pb


def check(text: str) -> None:
    spec, *platforms = yaml.safe_load_all(text)
    json_format.ParseDict(spec, pb.PipelineSpec())
    json_format.ParseDict(spec["deploymentSpec"], pb.PipelineDeploymentConfig())
    for platform in platforms:
        json_format.ParseDict(platform, pb.PlatformSpec())
        kubernetes = platform["platforms"]["kubernetes"]
        for config in kubernetes.get("deploymentSpec", {}).get("executors", {}).values():
            json_format.ParseDict(config, kubernetes_pb2.KubernetesExecutorConfig())
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "pipeline.yaml")
        with open(path, "w") as file:
            file.write(text)
        loaded = components.load_component_from_file(path)
        assert loaded.name == spec["pipelineInfo"]["name"], loaded.name


found = {}
for name, text in json.load(sys.stdin).items():
    try:
        check(text)
    except Exception as error:
        found[name] = f"{type(error).__name__}: {error}"
print(json.dumps(found))
