/**
 * Values of the run and the task themselves, for inputs and for texts: `train({ tag: runValues.jobName })`. Kubeflow
 * resolves them when the task starts; as an input only where the value stands alone. Inside a longer text they are
 * resolved on this machine; on the official backend, which leaves them there, `sealflow lint` says so.
 * Source: kfp.dsl, PIPELINE_…_PLACEHOLDER.
 */

/** The run's display name. */
export const jobName = "{{$.pipeline_job_name}}";
/** The run's resource name: the pipeline's name and the run's id. */
export const jobResourceName = "{{$.pipeline_job_resource_name}}";
/** The run's id. */
export const jobId = "{{$.pipeline_job_uuid}}";
/** When the run was created: RFC 3339, UTC. */
export const jobCreateTime = "{{$.pipeline_job_create_time_utc}}";
/** When the run was due: RFC 3339, UTC; the creation time for runs that no schedule started. */
export const jobScheduleTime = "{{$.pipeline_job_schedule_time_utc}}";
/** The task's name in the compiled pipeline. */
export const taskName = "{{$.pipeline_task_name}}";
/** The task's id. */
export const taskId = "{{$.pipeline_task_uuid}}";
/** Where the run keeps its artifacts. The official backend leaves it as text. */
export const pipelineRoot = "{{$.pipeline_root}}";
/** Directory of the pipeline's workspace. */
export const workspacePath = "{{$.workspace_path}}";
