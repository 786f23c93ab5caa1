"""The round trips in Python. Prints each pipeline's compiled documents as JSON."""

import json
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Dict, List, NamedTuple

warnings.simplefilter("ignore")
sys.path.insert(0, str(Path(__file__).parent))

import steps
import yaml
from kfp import compiler, dsl, kubernetes
from kfp.dsl import Dataset, Input

for name in "number word flag ratio table_of rows total deep_total settings make read gather fit notify maybe".split():
    globals()[name] = dsl.component(getattr(steps, name))


@dsl.pipeline
def chain(seed: int, label: str = "x") -> int:
    first = number(x=seed)
    second = number(x=first.output)
    word(text=label)
    number().after(second)
    return second.output


@dsl.pipeline
def parameters(
    a: str, b: int, c: float, d: bool, e: list, f: dict, g: str = "g", h: int = 2, i: float = 0.5, j: bool = True,
    k: list = [1, "a"], m: dict = {"a": {"b": [1]}}, n: str = None,
):
    settings(options=f, tags=e)
    settings(options={"k": [1, 2.5, None if False else True]}, tags=["a", 1])
    ratio(x=c)
    word(text=n)


@dsl.pipeline
def artifacts(rate: float = 0.2) -> NamedTuple("Out", [("auc", float), ("model", dsl.Model)]):
    data = make(size=4)
    fitted = fit(data=data.outputs["out"], rate=rate)
    read(data=data.output)
    out = NamedTuple("Out", [("auc", float), ("model", dsl.Model)])
    return out(auc=fitted.outputs["auc"], model=fitted.outputs["model"])


@dsl.pipeline
def single_if(n: int):
    coin = number(x=n)
    with dsl.If(coin.output == 1):
        number(x=n)


@dsl.pipeline
def comparisons(s: str, n: int, x: float, b: bool):
    with dsl.If(s == "a b"):
        word(text="1")
    with dsl.If(n >= 3):
        word(text="2")
    with dsl.If(x < 0.5):
        word(text="3")
    with dsl.If(b == True):  # noqa: E712
        word(text="4")
    with dsl.If(n != number(x=n).output):
        word(text="5")


@dsl.pipeline
def branches(n: int) -> int:
    coin = number(x=n)
    with dsl.If(coin.output == 1):
        one = number(x=n)
    with dsl.Elif(coin.output > 2):
        two = number(x=coin.output)
    with dsl.Else():
        three = number(x=3)
    chosen = dsl.OneOf(one.output, two.output, three.output)
    number(x=chosen)
    return chosen


@dsl.pipeline
def branch_artifacts(s: str) -> Dataset:
    with dsl.If(s == "a"):
        small = make(size=1)
    with dsl.Else():
        large = make(size=9)
    data = dsl.OneOf(small.outputs["out"], large.outputs["out"])
    read(data=data)
    return data


@dsl.pipeline
def static_loop() -> List[int]:
    with dsl.ParallelFor([1, 2, 3], parallelism=2) as item:
        result = number(x=item)
    total(xs=dsl.Collected(result.output))
    return dsl.Collected(result.output)


@dsl.pipeline
def nested_loops(nums: List[int]):
    with dsl.ParallelFor([1, 2]) as item:
        outer = number(x=item)
        with dsl.ParallelFor(nums) as inner:
            result = number(x=inner).after(outer)
    deep_total(xs=dsl.Collected(result.output))


@dsl.pipeline
def struct_loops(names: List[Dict[str, str]]):
    with dsl.ParallelFor(names) as item:
        word(text=item.a)
        with dsl.If(item.b == "x"):
            word(text=item.c)
    with dsl.ParallelFor([{"a": "x", "n": "1"}, {"a": "y", "n": "2"}]) as item:
        word(text=item.a)
        word(text=item.n)
    with dsl.ParallelFor(rows().output) as item:
        word(text=item.k)


@dsl.pipeline
def loop_artifacts():
    with dsl.ParallelFor([1, 2]) as item:
        made = make(size=item)
    gather(parts=dsl.Collected(made.outputs["out"]))


@dsl.pipeline
def exits(m: str):
    last = notify(message=m)
    with dsl.ExitHandler(last):
        counted = number(x=1)
        word(text=f"hi {m} {counted.output}!")


@dsl.pipeline
def ignoring(n: int):
    risky = number(x=n)
    notify(message="x").after(risky).ignore_upstream_failure()


@dsl.pipeline
def inner(n: int = 4, data: Input[Dataset] = None) -> int:
    maybe(data=data)
    return number(x=n).output


@dsl.pipeline
def nested(n: int):
    first = inner(n=n)
    second = inner(data=make().outputs["out"])
    number(x=first.output)
    with dsl.If(n == 1):
        inner(n=second.output)


@dsl.pipeline
def task_settings(n: int):
    heavy = number(x=n)
    heavy.set_retry(2, backoff_duration="10s", backoff_factor=3, backoff_max_duration="60s")
    heavy.set_caching_options(False)
    heavy.set_cpu_limit("2").set_cpu_request("500m").set_memory_limit("4Gi").set_memory_request("500M")
    heavy.set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(1)
    heavy.set_env_variable("A", "b")
    heavy.set_display_name("Heavy work")
    number(x=n).set_caching_options(True, cache_key="k")
    number(x=n).set_retry(1)


@dsl.pipeline
def dynamic_settings(image: str):
    cpu = word(text="2")
    task = number(x=1).set_cpu_limit(cpu.output).set_memory_request(image).set_container_image(image)
    # Python's compiler leaves this dependency to the backend, which adds it.
    task.after(cpu)


@dsl.pipeline
def importers(n: int):
    fixed = dsl.importer(artifact_uri="gs://b/x", artifact_class=dsl.Dataset, metadata={"a": "b"})
    read(data=fixed.output)
    uri = word(text="gs://b/y")
    read(
        data=dsl.importer(
            artifact_uri=uri.output,
            artifact_class=dsl.Dataset,
            metadata={"n": n, "deep": [uri.output]},
            reimport=True,
        ).output
    )


@dsl.container_component
def say(text: str, data: dsl.Input[Dataset], out: dsl.Output[Dataset], size: dsl.OutputPath(int), extra: str = None):
    return dsl.ContainerSpec(
        image="alpine:3.20",
        command=["sh", "-c", "echo $0"],
        args=[
            text,
            data.path,
            data.uri,
            out.path,
            out.uri,
            size,
            data.metadata["rows"],
            dsl.ConcatPlaceholder(["--text=", text]),
            dsl.IfPresentPlaceholder(input_name="extra", then=["--extra", extra], else_=["none"]),
        ],
    )


@dsl.pipeline
def containers():
    say(text="hello", data=make().outputs["out"])


@dsl.pipeline
def platform(secret: str):
    task = number(x=1)
    kubernetes.use_secret_as_env(task, secret_name="s", secret_key_to_env={"password": "PASSWORD"})
    kubernetes.use_secret_as_env(task, secret_name=secret, secret_key_to_env={"a": "A"}, optional=True)
    kubernetes.use_secret_as_volume(task, secret_name="s", mount_path="/s")
    kubernetes.use_config_map_as_env(task, config_map_name="c", config_map_key_to_env={"x": "X"})
    kubernetes.use_config_map_as_volume(task, config_map_name="c", mount_path="/c")
    kubernetes.add_node_selector(task, label_key="intelvm", label_value="sgx")
    kubernetes.add_toleration(task, key="k", operator="Equal", value="v", effect="NoSchedule", toleration_seconds=10)
    kubernetes.set_timeout(task, seconds=60)
    kubernetes.set_image_pull_policy(task, "Always")
    kubernetes.set_image_pull_secrets(task, ["pull"])
    kubernetes.use_field_path_as_env(task, env_name="POD", field_path="metadata.name")
    kubernetes.empty_dir_mount(task, volume_name="e", mount_path="/e", medium="Memory", size_limit="1Gi")
    kubernetes.add_ephemeral_volume(task, volume_name="v", mount_path="/v", access_modes=["ReadWriteOnce"], size="1Gi")
    kubernetes.add_pod_label(task, label_key="a", label_value="b")
    kubernetes.add_pod_annotation(task, annotation_key="c", annotation_value="d")
    kubernetes.set_security_context(task, run_as_user=1000, run_as_group=100, run_as_non_root=True)
    kubernetes.add_node_affinity(task, match_expressions=[{"key": "z", "operator": "In", "values": ["1"]}])
    volume = kubernetes.CreatePVC(pvc_name_suffix="-data", access_modes=["ReadWriteOnce"], size="5Gi", storage_class_name="standard")
    writer = number(x=2)
    kubernetes.mount_pvc(writer, pvc_name=volume.outputs["name"], mount_path="/data", sub_path="p")
    kubernetes.mount_pvc(writer, pvc_name="fixed", mount_path="/fixed")
    kubernetes.DeletePVC(pvc_name=volume.outputs["name"]).after(writer)
    with dsl.ParallelFor([1]) as item:
        looped = number(x=item)
        kubernetes.use_secret_as_volume(looped, secret_name=secret, mount_path="/s")


@dsl.pipeline(
    description="With settings.",
    display_name="Configured pipeline",
    pipeline_root="gs://b/root",
    pipeline_config=dsl.PipelineConfig(
        workspace=dsl.WorkspaceConfig(
            size="10Gi",
            kubernetes=dsl.KubernetesWorkspaceConfig(
                pvcSpecPatch={"accessModes": ["ReadWriteMany"], "storageClassName": "nfs"}
            ),
        ),
        ttl_seconds_after_finished=60,
        active_deadline_seconds=3600,
    ),
)
def configured():
    number()


launch = dsl.component(
    steps.launch,
    task_config_passthroughs=[
        dsl.TaskConfigField.RESOURCES,
        dsl.TaskConfigPassthrough(field=dsl.TaskConfigField.ENV, apply_to_task=True),
        dsl.TaskConfigField.KUBERNETES_TOLERATIONS,
    ],
)


@dsl.pipeline
def passing_settings_on(nodes: int = 2):
    launch(nodes=nodes).set_cpu_limit("2").set_env_variable("A", "b")


@dsl.pipeline
def run_values(label: str):
    word(text=dsl.PIPELINE_JOB_NAME_PLACEHOLDER)
    word(text=dsl.PIPELINE_JOB_RESOURCE_NAME_PLACEHOLDER)
    word(text=dsl.PIPELINE_JOB_ID_PLACEHOLDER)
    word(text=dsl.PIPELINE_JOB_CREATE_TIME_UTC_PLACEHOLDER)
    word(text=dsl.PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER)
    word(text=dsl.PIPELINE_TASK_NAME_PLACEHOLDER)
    word(text=dsl.PIPELINE_TASK_ID_PLACEHOLDER)
    word(text=dsl.PIPELINE_ROOT_PLACEHOLDER)
    word(text=f"{label} of {dsl.PIPELINE_JOB_NAME_PLACEHOLDER}")


@dsl.pipeline(
    pipeline_config=dsl.PipelineConfig(
        workspace=dsl.WorkspaceConfig(
            size="1Gi",
            kubernetes=dsl.KubernetesWorkspaceConfig(pvcSpecPatch={"accessModes": ["ReadWriteOnce"]}),
        ),
        ttl_seconds_after_success=1,
        ttl_seconds_after_failure=2,
    )
)
def working():
    given = dsl.importer(artifact_uri="gs://b/x", artifact_class=Dataset, download_to_workspace=True)
    read(data=given.output)
    word(text=dsl.WORKSPACE_PATH_PLACEHOLDER)


def main():
    """Compiles every pipeline of this file."""
    found = {}
    for name, value in list(globals().items()):
        if isinstance(value, dsl.graph_component.GraphComponent):
            with tempfile.TemporaryDirectory() as directory:
                path = Path(directory) / "out.yaml"
                compiler.Compiler().compile(value, str(path))
                found[name] = list(yaml.safe_load_all(path.read_text()))
    print(json.dumps(found))


main()
