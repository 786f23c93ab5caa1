"""A task's Kubernetes settings, as `kfp.dsl.task_config` names them."""

from sealflow.vocabulary import TaskConfig

__all__ = ["TaskConfig"]
