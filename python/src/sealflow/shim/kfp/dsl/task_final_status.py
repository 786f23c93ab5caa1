"""How a task ended, as `kfp.dsl.task_final_status` names it."""

from sealflow.vocabulary import PipelineTaskFinalStatus

__all__ = ["PipelineTaskFinalStatus"]
