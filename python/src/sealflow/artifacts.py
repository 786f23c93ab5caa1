"""Artifact classes that component code sees, with the vocabulary of Kubeflow Pipelines' `kfp.dsl`.

They exist here so that components run where the `kfp` package is not installed. Schema titles, metadata
keys and the
mapping of remote URIs to local paths are those of Kubeflow Pipelines 2.17.
"""

import os
from typing import Any

WORKSPACE_MOUNT_PATH = "/kfp-workspace"

# Scheme → mount point, as Kubeflow Pipelines' launcher lays them out.
_MOUNTS = (("gs://", "/gcs/"), ("minio://", "/minio/"), ("s3://", "/s3/"), ("oci://", "/oci/"))

_task_root: str | None = None


def local_path_of(uri: str) -> str:
    """Local path of an artifact URI; plain paths stay as they are and `file://` is stripped."""
    for scheme, mount in _MOUNTS:
        if uri.startswith(scheme):
            rest = uri[len(scheme) :]
            return mount + (rest.replace("/", "_") if scheme == "oci://" else rest)
    return uri[len("file://") :] if uri.startswith("file:///") else uri


def uri_of(path: str) -> str:
    """URI of a local path: the inverse of `local_path_of` below the mount points, else the path itself."""
    for scheme, mount in _MOUNTS:
        if path.startswith(mount):
            rest = path[len(mount) :]
            return scheme + (rest.replace("_", "/").removesuffix("/models") if scheme == "oci://" else rest)
    return path


class Artifact:
    """A file or directory that a task reads or writes, with a name, a URI and metadata."""

    schema_title = "system.Artifact"
    schema_version = "0.0.1"

    def __init__(
        self, name: str | None = None, uri: str | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        self.uri = uri or ""
        self.name = name or ""
        self.metadata = metadata or {}
        self._custom_path = ""

    @property
    def path(self) -> str:
        """Local path of the content; setting it sets the URI."""
        return self._local_path()

    @path.setter
    def path(self, path: str) -> None:
        self.uri = uri_of(path)

    @property
    def custom_path(self) -> str:
        """A path that replaces the one derived from the URI; empty when there is none."""
        return self._custom_path

    @custom_path.setter
    def custom_path(self, path: str) -> None:
        self._custom_path = path

    def set_path(self, path: str) -> None:
        """Uses `path` instead of the one derived from the URI."""
        self._custom_path = path

    def _local_path(self) -> str:
        path = self._custom_path or local_path_of(self.uri)
        if self.metadata.get("_kfp_workspace") is True:
            return os.path.join(WORKSPACE_MOUNT_PATH, ".artifacts", path.lstrip("/"))
        return path

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r}, uri={self.uri!r}, metadata={self.metadata!r})"


class Model(Artifact):
    """A machine-learning model."""

    schema_title = "system.Model"

    @property
    def path(self) -> str:
        """Local path; models in container images lie in the image's `/models` directory."""
        return self._local_path() + ("/models" if self.uri.startswith("oci://") else "")

    @path.setter
    def path(self, path: str) -> None:
        self.uri = uri_of(path)

    @property
    def framework(self) -> str:
        """The framework's name, kept in the metadata."""
        name: str = self.metadata.get("framework", "")
        return name

    @framework.setter
    def framework(self, framework: str) -> None:
        self.metadata["framework"] = framework


class Dataset(Artifact):
    """A data set."""

    schema_title = "system.Dataset"


class HTML(Artifact):
    """An HTML file to look at."""

    schema_title = "system.HTML"


class Markdown(Artifact):
    """A Markdown file to look at."""

    schema_title = "system.Markdown"


class Metrics(Artifact):
    """Scalar metrics, kept as metadata."""

    schema_title = "system.Metrics"

    def log_metric(self, metric: str, value: float) -> None:
        """Sets a metric."""
        self.metadata[metric] = value


def set_task_root(path: str) -> None:
    """Tells `get_uri` where the running task keeps its outputs."""
    global _task_root
    _task_root = path


def get_uri(suffix: str = "Output") -> str:
    """A URI below the running task's own output location.

    Raises RuntimeError outside a running task. Empty where the location is not one that leaves the task.
    """
    if _task_root is None:
        raise RuntimeError("dsl.get_uri: expected to be called inside a running task, got no task")
    # Kubeflow's launcher uses this directory when it has no object store location to offer.
    if _task_root == "/tmp/kfp_outputs":
        return ""
    return os.path.join(uri_of(_task_root), suffix)
