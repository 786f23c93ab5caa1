/** Brings values from where they come to be to where they are used, through the DAGs in between. */
import type { TaskInputArtifact, TaskInputParameter } from "../../ir/types.js";
import { valueText } from "../arguments.js";
import type { ArtifactNode, Graph, GroupNode, Origin, ParameterNode, ValueNode } from "../graph.js";
import { report } from "../scope.js";
import type { Trace } from "../trace.js";
import { GroupEmission } from "./group-emission.js";
import {
  channelName,
  fieldPath,
  itemName,
  type OneOfNames,
  type Producer,
  producerOf,
  surfacedKey,
} from "./producer.js";

type OneOf = Extract<Origin, { kind: "one-of" }>;
type Collected = Extract<Origin, { kind: "collected" }>;

/** Where a value is used: the group whose DAG holds the user, and the line to name in findings. */
export interface Place {
  readonly at: GroupEmission;
  readonly where: Trace;
}

/** The values of one graph. */
export class Values implements OneOfNames {
  readonly graph: Graph;
  private readonly emissions = new Map<GroupNode, GroupEmission>();
  private readonly oneOfs = new Map<OneOf, string>();
  private readonly exposed = new Set<object>();

  constructor(graph: Graph) {
    this.graph = graph;
  }

  /** The emission of a group. */
  emissionOf(group: GroupNode): GroupEmission {
    const known = this.emissions.get(group);
    if (known !== undefined) return known;
    const emission = new GroupEmission(group, group.parent && this.emissionOf(group.parent));
    this.emissions.set(group, emission);
    return emission;
  }

  nameOf(origin: OneOf): string {
    const known = this.oneOfs.get(origin);
    if (known !== undefined) return known;
    const count = [...this.oneOfs.keys()].filter(({ branches }) => branches === origin.branches).length;
    const name = `pipelinechannel--${origin.branches.name}-oneof-${count + 1}`;
    this.oneOfs.set(origin, name);
    return name;
  }

  /** How a task in `place` is given a parameter. */
  parameter(node: ParameterNode, place: Place): TaskInputParameter {
    if (node.origin.kind !== "field") return this.plain(node, place) as TaskInputParameter;
    const { base, path } = fieldPath(node);
    const members = path.map((key) => `[${JSON.stringify(key)}]`).join("");
    return {
      ...(this.plain(base, place) as TaskInputParameter),
      parameterExpressionSelector: `parseJson(string_value)${members}`,
    };
  }

  /** How a task in `place` is given an artifact. */
  artifact(node: ArtifactNode, place: Place): TaskInputArtifact {
    return this.plain(node, place) as TaskInputArtifact;
  }

  /**
   * Makes a value an input of a group's own component, under a name that the group's condition or iterator can use.
   */
  bringIn(node: ValueNode, emission: GroupEmission): string {
    const name = channelName(node, this);
    const place = { at: emission.parent ?? emission, where: emission.group.where };
    if (name in emission.inputParameters || name in emission.inputArtifacts) return name;
    emission.declareInput(name, node);
    if (node.form === "parameter") emission.taskParameters[name] = this.parameter(node, place);
    else emission.taskArtifacts[name] = this.artifact(node, place);
    return name;
  }

  private plain(node: ValueNode, place: Place): TaskInputParameter | TaskInputArtifact {
    const { origin } = node;
    if (origin.kind === "input") return this.fromInput(node, origin.name, place);
    if (origin.kind === "item") return this.fromItem(node, origin.loop, place);
    const producer = producerOf(node, this);
    const around = producer?.node.parent && place.at.around(producer.node.parent);
    if (producer === undefined || around === undefined) return this.outOfReach(node, place);
    if (origin.kind === "collected") this.exposeCollected(node, origin, place);
    if (origin.kind === "one-of") this.exposeOneOf(node, origin, place);
    if (around === place.at) return fromTask(node, producer);
    return component(node, this.bringIn(node, place.at));
  }

  private fromInput(node: ValueNode, name: string, { at }: Place): TaskInputParameter | TaskInputArtifact {
    return component(node, at.parent === undefined ? name : this.bringIn(node, at));
  }

  private fromItem(node: ValueNode, loop: GroupNode, place: Place): TaskInputParameter | TaskInputArtifact {
    if (place.at.group === loop) return component(node, itemName(loop, this));
    if (place.at.around(loop) === undefined) return this.outOfReach(node, place);
    return component(node, this.bringIn(node, place.at));
  }

  private outOfReach(node: ValueNode, { where }: Place): TaskInputParameter {
    report(this.graph, where, {
      code: "PIPELINE_TOPOLOGY",
      message: `${valueText(node)} comes to be inside a loop, branch or exit handler and can't be used outside`,
      hint: "Return it from the body and use the block's outputs.",
    });
    return {};
  }

  private exposeCollected(node: ValueNode, origin: Collected, place: Place): void {
    const emission = this.emissionOf(origin.loop);
    const key = surfacedKey(origin.of, this);
    const inner = this.innerProducer(origin.of, { at: emission, where: place.where });
    if (inner === undefined) return;
    emission.declareOutput(key, node, true);
    select(emission, key, { node, producers: [inner], oneOf: false });
  }

  private exposeOneOf(node: ValueNode, origin: OneOf, place: Place): void {
    if (this.exposed.has(origin)) return;
    this.exposed.add(origin);
    const emission = this.emissionOf(origin.branches);
    const producers = origin.options.flatMap((option) => this.exposeFromBranch(option, emission, place));
    emission.declareOutput(this.nameOf(origin), node, false);
    select(emission, this.nameOf(origin), { node, producers, oneOf: true });
  }

  /** Puts a value out of the branch that it comes to be in. */
  private exposeFromBranch(option: ValueNode, branches: GroupEmission, { where }: Place): Producer[] {
    const parent = producerOf(option, this)?.node.parent;
    const branch = parent && this.emissionOf(parent);
    if (branch?.parent !== branches) {
      this.outOfReach(option, { at: branches, where });
      return [];
    }
    const inner = this.innerProducer(option, { at: branch, where });
    if (inner === undefined) return [];
    const key = surfacedKey(option, this);
    branch.declareOutput(key, option, false);
    select(branch, key, { node: option, producers: [inner], oneOf: false });
    return [{ node: branch.group, key }];
  }

  /** Who puts out a value directly in a group's DAG. */
  private innerProducer(node: ValueNode, place: Place): Producer | undefined {
    const producer = producerOf(node, this);
    if (producer?.node.parent !== place.at.group) {
      this.outOfReach(node, place);
      return undefined;
    }
    if (node.origin.kind === "collected") this.exposeCollected(node, node.origin, place);
    if (node.origin.kind === "one-of") this.exposeOneOf(node, node.origin, place);
    return producer;
  }
}

function component(node: ValueNode, name: string): TaskInputParameter | TaskInputArtifact {
  return node.form === "parameter" ? { componentInputParameter: name } : { componentInputArtifact: name };
}

function fromTask(node: ValueNode, { node: task, key }: Producer): TaskInputParameter | TaskInputArtifact {
  const producerTask = task.name;
  return node.form === "parameter"
    ? { taskOutputParameter: { producerTask, outputParameterKey: key } }
    : { taskOutputArtifact: { producerTask, outputArtifactKey: key } };
}

interface Selection {
  readonly node: ValueNode;
  readonly producers: readonly Producer[];
  readonly oneOf: boolean;
}

function select(emission: GroupEmission, key: string, { node, producers, oneOf }: Selection): void {
  if (node.form === "artifact") {
    emission.dagArtifacts[key] = {
      artifactSelectors: producers.map((producer) => ({
        producerSubtask: producer.node.name,
        outputArtifactKey: producer.key,
      })),
    };
    return;
  }
  const selectors = producers.map((producer) => ({
    producerSubtask: producer.node.name,
    outputParameterKey: producer.key,
  }));
  const [first] = selectors;
  if (oneOf) emission.dagParameters[key] = { valueFromOneof: { parameterSelectors: selectors } };
  else if (first !== undefined) emission.dagParameters[key] = { valueFromParameter: first };
}
