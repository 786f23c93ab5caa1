import { member } from "../ir/record.js";
import type { PipelineSpec, RetryPolicy } from "../ir/types.js";
import { failure } from "./failure.js";
import type { TaskPlan } from "./plan.js";
import { type PlatformLookup, platformOf, resolvePlatform } from "./platform.js";
import type { Decision, RunContext, TaskInputValues, TaskPath } from "./types.js";

/** What is known of a leaf besides its plan. */
export interface LeafSurroundings {
  readonly path: TaskPath;
  readonly inputs: TaskInputValues;
  /** The task's own, else the nearest around it. */
  readonly retryPolicy: RetryPolicy | undefined;
  readonly iterationIndex: number | undefined;
  /** Value of an input parameter of the platform document. */
  readonly lookup: PlatformLookup;
}

/** The decision to run a leaf task. */
export function leafDecision(
  spec: PipelineSpec,
  plan: TaskPlan,
  { around, context }: { around: LeafSurroundings; context: RunContext },
): Decision {
  const { component, name } = plan;
  const executorLabel = component.executorLabel ?? "";
  const executor = member(spec.deploymentSpec.executors, executorLabel);
  if (executor === undefined) {
    throw failure(
      "INTERPRETER_SPEC_INVALID",
      `${around.path}: expected an executor ${executorLabel}, got none`,
    );
  }
  const platform = platformOf(context.platform, executorLabel);
  const { enableCache, cacheKey } = plan.spec.cachingOptions ?? {};
  return {
    kind: "run",
    task: {
      path: around.path,
      taskName: name,
      displayName: plan.spec.taskInfo?.name || name,
      componentName: plan.spec.componentRef.name,
      executorLabel,
      executor,
      inputs: around.inputs,
      outputParameters: component.outputDefinitions?.parameters ?? {},
      outputArtifacts: component.outputDefinitions?.artifacts ?? {},
      ...(around.retryPolicy === undefined ? {} : { retryPolicy: around.retryPolicy }),
      caching: {
        enabled: enableCache === true && context.caching !== false,
        ...(cacheKey ? { key: cacheKey } : {}),
      },
      ...(around.iterationIndex === undefined ? {} : { iterationIndex: around.iterationIndex }),
      ...(platform === undefined ? {} : { platform: resolvePlatform(platform, around.lookup) }),
    },
  };
}
