"""Pipelines with Kubernetes settings; printed as JSON from name to compiled YAML."""

import json
import sys
import tempfile
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
from kfp import compiler, dsl, kubernetes  # noqa: E402


@dsl.component
def variables(names: list) -> list:
    import os

    return [os.environ.get(name) for name in names]


@dsl.component
def read(path: str) -> str:
    return open(path).read()


@dsl.component
def append(path: str, text: str) -> str:
    import os

    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "a") as file:
        file.write(text)
    return open(path).read()


@dsl.component
def name_of() -> str:
    return "dynamic"


@dsl.component
def exists(path: str) -> bool:
    import os

    return os.path.exists(path)


@dsl.component
def both(a: str, b: str) -> list:
    return [a, b]


@dsl.container_component
def shell(text: str, out: dsl.OutputPath(str)):
    return dsl.ContainerSpec(
        image="alpine",
        command=["sh", "-c"],
        args=[f'cat /data/file > "{out}"; printf "%s" "{text}$WORD" >> "{out}"'],
    )


@dsl.container_component
def hungry():
    program = "x = bytearray(300 << 20); import time; time.sleep(30)"
    return dsl.ContainerSpec(image="alpine", command=["python3", "-c", program])


@dsl.pipeline
def environment(secret: str = "login") -> list:
    task = variables(names=["USER_NAME", "PASSWORD", "MODE", "RUN", "LABEL", "NONE"])
    kubernetes.use_secret_as_env(
        task, secret, {"user": "USER_NAME", "password": "PASSWORD"}
    )
    kubernetes.use_secret_as_env(task, "absent", {"user": "NONE"}, optional=True)
    kubernetes.use_config_map_as_env(task, "settings", {"mode": "MODE"})
    kubernetes.use_field_path_as_env(
        task, "RUN", "metadata.annotations['pipelines.kubeflow.org/run_name']"
    )
    kubernetes.use_field_path_as_env(task, "LABEL", "metadata.labels['team']")
    kubernetes.add_pod_label(task, "team", "risk")
    return task.output


@dsl.pipeline
def mounted() -> list:
    name = name_of()
    secret = read(path="/etc/sealflow-test/secret/password")
    kubernetes.use_secret_as_volume(
        secret, name.output, mount_path="/etc/sealflow-test/secret"
    )
    settings = read(path="/sealflow-test-config/mode")
    kubernetes.use_config_map_as_volume(
        settings, "settings", mount_path="/sealflow-test-config"
    )
    return both(a=secret.output, b=settings.output).output


@dsl.pipeline
def volumes() -> str:
    made = kubernetes.CreatePVC(
        pvc_name_suffix="-data", access_modes=["ReadWriteMany"], size="1Gi"
    )
    first = append(path="/sealflow-data/log/file", text="a")
    kubernetes.mount_pvc(
        first, pvc_name=made.outputs["name"], mount_path="/sealflow-data"
    )
    second = append(path="/sealflow-data/file", text="b").after(first)
    kubernetes.mount_pvc(
        second,
        pvc_name=made.outputs["name"],
        mount_path="/sealflow-data",
        sub_path="log",
    )
    kubernetes.DeletePVC(pvc_name=made.outputs["name"]).after(second)
    return second.output


@dsl.pipeline
def existing(path: str = "/sealflow-data/file") -> str:
    task = append(path=path, text="x")
    kubernetes.mount_pvc(task, pvc_name="shared", mount_path="/sealflow-data")
    return task.output


@dsl.pipeline
def scratch() -> bool:
    first = append(path="/sealflow-scratch/file", text="a")
    kubernetes.empty_dir_mount(
        first, volume_name="scratch", mount_path="/sealflow-scratch", size_limit="1Gi"
    )
    second = exists(path="/sealflow-scratch/file").after(first)
    kubernetes.empty_dir_mount(
        second, volume_name="scratch", mount_path="/sealflow-scratch"
    )
    return second.output


@dsl.pipeline
def host(text: str = "and ") -> str:
    task = shell(text=text)
    kubernetes.mount_pvc(task, pvc_name="shared", mount_path="/data")
    kubernetes.use_secret_as_env(task, "login", {"password": "WORD"})
    return task.outputs["out"]


@dsl.pipeline
def memory():
    hungry().set_memory_limit("100Mi")


@dsl.pipeline
def placed() -> list:
    task = variables(names=["HOME"])
    kubernetes.add_node_selector(task, "intelvm", "sgx")
    kubernetes.add_toleration(task, key="sgx", operator="Exists")
    kubernetes.set_image_pull_policy(task, "Always")
    other = variables(names=["HOME"])
    kubernetes.add_node_selector(other, "intelvm", "sgx")
    return task.output


every = [environment, mounted, volumes, existing, scratch, host, memory, placed]
texts = {}
with tempfile.TemporaryDirectory() as directory:
    for each in every:
        file = Path(directory) / f"{each.name}.yaml"
        compiler.Compiler().compile(each, str(file))
        texts[each.name] = file.read_text()
json.dump(texts, sys.stdout)
