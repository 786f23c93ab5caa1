import type {
  ArtifactSelector,
  DagOutputParameter,
  InputArtifactDefinition,
  InputParameterDefinition,
  OutputArtifactDefinition,
  OutputParameterDefinition,
  TaskInputArtifact,
  TaskInputParameter,
} from "../../ir/types.js";
import type { GroupNode, ValueNode } from "../graph.js";
import { artifactSchema } from "./interface.js";

/** The component that a group becomes, while values are being passed through it. */
export class GroupEmission {
  readonly group: GroupNode;
  readonly parent: GroupEmission | undefined;
  readonly inputParameters: Record<string, InputParameterDefinition> = {};
  readonly inputArtifacts: Record<string, InputArtifactDefinition> = {};
  readonly outputParameters: Record<string, OutputParameterDefinition> = {};
  readonly outputArtifacts: Record<string, OutputArtifactDefinition> = {};
  readonly dagParameters: Record<string, DagOutputParameter> = {};
  readonly dagArtifacts: Record<string, { artifactSelectors: ArtifactSelector[] }> = {};
  /** What the group's own task is given in the DAG around it. */
  readonly taskParameters: Record<string, TaskInputParameter> = {};
  readonly taskArtifacts: Record<string, TaskInputArtifact> = {};

  constructor(group: GroupNode, parent: GroupEmission | undefined) {
    this.group = group;
    this.parent = parent;
  }

  /** The nearest emission at or around this one that is `group`'s. */
  around(group: GroupNode): GroupEmission | undefined {
    return this.group === group ? this : this.parent?.around(group);
  }

  /** Declares an input that brings a value in. */
  declareInput(name: string, node: ValueNode): void {
    if (node.form === "parameter") this.inputParameters[name] = { parameterType: node.type.parameterType };
    else {
      const list = node.list ? { isArtifactList: true } : {};
      this.inputArtifacts[name] = { artifactType: artifactSchema(node.artifactType), ...list };
    }
  }

  /** Declares an output that brings a value out. */
  declareOutput(name: string, node: ValueNode, collected: boolean): void {
    if (node.form === "parameter") {
      this.outputParameters[name] = { parameterType: collected ? "LIST" : node.type.parameterType };
    } else {
      const list = node.list || collected ? { isArtifactList: true } : {};
      this.outputArtifacts[name] = { artifactType: artifactSchema(node.artifactType), ...list };
    }
  }
}
