"""Pipelines of Python components in kfp's variants; printed as JSON from name to compiled YAML."""

import json
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
from kfp import compiler, dsl, kubernetes  # noqa: E402
from kfp.dsl import Artifact, Dataset, Input  # noqa: E402

place = Path(sys.argv[1])
(place / "assets").mkdir()
(place / "assets" / "words.txt").write_text("embedded words")
P = dsl.TaskConfigField


def doubled(x: int) -> int:
    return 2 * x


@dsl.component(additional_funcs=[doubled])
def helped(x: int) -> int:
    return doubled(x) + 1


@dsl.component(embedded_artifact_path=str(place / "assets"))
def embedded(words: dsl.EmbeddedInput[Dataset]) -> str:
    import os

    return open(os.path.join(words.path, "words.txt")).read()


@dsl.component(
    task_config_passthroughs=[
        P.RESOURCES,
        P.KUBERNETES_TOLERATIONS,
        P.KUBERNETES_NODE_SELECTOR,
        P.KUBERNETES_AFFINITY,
        P.KUBERNETES_VOLUMES,
        dsl.TaskConfigPassthrough(field=P.ENV, apply_to_task=True),
    ]
)
def passing(config: dsl.TaskConfig) -> dict:
    import os

    return {
        "env": config.env,
        "resources": config.resources,
        "tolerations": config.tolerations,
        "nodeSelector": config.node_selector,
        "affinity": config.affinity,
        "volumes": config.volumes,
        "volumeMounts": config.volume_mounts,
        "own": [os.environ.get("K"), os.path.exists("/sealflow-passed")],
    }


@dsl.component(target_image="registry/x:1")
def containerized(a: int) -> int:
    return a


@dsl.component
def imported_to(workspace: str, data: Input[Artifact]) -> bool:
    return data.path.startswith(workspace) and open(data.path).read() == "data"


@dsl.pipeline
def functions(x: int = 4) -> int:
    return helped(x=x).output


@dsl.pipeline
def assets() -> str:
    return embedded().output


@dsl.pipeline
def task_config() -> dict:
    task = passing()
    task.set_cpu_limit("1").set_memory_limit("1Gi").set_memory_request(
        "512Mi"
    ).set_env_variable("K", "V")
    task.set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(1)
    kubernetes.add_toleration(task, key="sgx", operator="Exists")
    kubernetes.add_node_selector(task, "intelvm", "sgx")
    kubernetes.add_node_affinity(
        task,
        match_expressions=[{"key": "zone", "operator": "In", "values": ["a"]}],
        weight=7,
    )
    kubernetes.mount_pvc(task, pvc_name="shared", mount_path="/sealflow-passed")
    kubernetes.use_secret_as_env(task, "login", {"password": "WORD"})
    return task.output


@dsl.pipeline
def image() -> int:
    return containerized(a=1).output


@dsl.pipeline(
    pipeline_config=dsl.PipelineConfig(workspace=dsl.WorkspaceConfig(size="1Gi"))
)
def workspace(uri: str = "data.txt") -> bool:
    data = dsl.importer(
        artifact_uri=uri, artifact_class=Artifact, download_to_workspace=True
    )
    return imported_to(
        workspace=dsl.WORKSPACE_PATH_PLACEHOLDER, data=data.output
    ).output


every = [functions, assets, task_config, image, workspace]
texts = {}
for each in every:
    file = place / f"{each.name}.yaml"
    compiler.Compiler().compile(each, str(file))
    texts[each.name] = file.read_text()
json.dump(texts, sys.stdout)
