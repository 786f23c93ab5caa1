/** Microsoft's published schemas of request bodies, closed: a misspelt property is a violation. */
import { readFileSync } from "node:fs";
import ajvDraft04 from "ajv-draft-04";
import { shared } from "../../../../test-support/shared.js";

type Check = (body: unknown) => string | undefined;

const files = {
  aks: "schemas_2026-05-01_Microsoft.ContainerService.Aks.json",
  registry: "schemas_2025-11-01_Microsoft.ContainerRegistry.json",
  authorization: "schemas_2022-04-01_Microsoft.Authorization.json",
} as const;

/** Definitions by what a request is for. */
const definitions: readonly (readonly [RegExp, keyof typeof files, string])[] = [
  [/\/managedclusters\/[^/]+$/i, "aks", "managedClusters"],
  [/\/managedclusters\/[^/]+\/agentpools\/[^/]+$/i, "aks", "managedClusters_agentPools"],
  [/\/registries\/[^/]+$/i, "registry", "registries"],
  [/\/roleassignments\/[^/]+$/i, "authorization", "roleAssignments"],
];

interface SchemaNode {
  [key: string]: unknown;
}

/** Forbids members that are not named, wherever members are named. */
function closed(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(closed);
  if (typeof node !== "object" || node === null) return node;
  const copy: SchemaNode = Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, closed(value)]),
  );
  if (copy.type === "object" && copy.properties !== undefined && copy.additionalProperties === undefined) {
    copy.additionalProperties = false;
  }
  return copy;
}

function load(file: string): SchemaNode | undefined {
  const path = shared("azure", "schemas", "arm-schemas", file);
  return path === undefined ? undefined : JSON.parse(readFileSync(path, "utf8"));
}

type BodyCheck = (path: string, body: unknown) => string | undefined;
let made: BodyCheck | undefined;

/** What is wrong with the body of a PUT to a path; undefined when nothing is, or nothing is known of it. */
export function createBodyCheck(): BodyCheck {
  // Compiling the schemas takes most of a second.
  made ??= compileAll();
  return made;
}

function compileAll(): BodyCheck {
  const ajv = new ajvDraft04.default({
    strict: false,
    allErrors: true,
    validateFormats: false,
    logger: false,
  });
  const common = load("schemas_common_definitions.json");
  if (common === undefined) return () => undefined;
  ajv.addSchema(common, "https://schema.management.azure.com/schemas/common/definitions.json");
  const checks = new Map<RegExp, Check>();
  for (const [pattern, file, definition] of definitions) {
    const check = compile(ajv, load(files[file]), definition);
    if (check !== undefined) checks.set(pattern, check);
  }
  return (path, body) => {
    const check = [...checks].find(([pattern]) => pattern.test(path))?.[1];
    return check?.({ ...(body as object) });
  };
}

function compile(
  ajv: InstanceType<typeof ajvDraft04.default>,
  schema: SchemaNode | undefined,
  name: string,
): Check | undefined {
  const found = (schema?.resourceDefinitions as SchemaNode | undefined)?.[name];
  if (schema === undefined || found === undefined) return undefined;
  const own = closed(found) as SchemaNode;
  // Type, version and name stand in the address of a request, not in its body.
  const inAddress = ["type", "apiVersion", "name", "resources", "scope"];
  const properties = { ...(own.properties as SchemaNode) };
  for (const key of inAddress) delete properties[key];
  const required = (own.required as string[]).filter((key) => !inAddress.includes(key));
  const validate = ajv.compile({
    ...own,
    definitions: closed(schema.definitions),
    properties,
    required: required.length > 0 ? required : ["properties"],
    additionalProperties: false,
  });
  return (body) => (validate(body) ? undefined : ajv.errorsText(validate.errors, { dataVar: "body" }));
}
