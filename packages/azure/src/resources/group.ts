/** The resource group. */
import type { Resource } from "../model/resource.js";
import { type DeploymentContext, tagsOf } from "./context.js";
import { apiVersions, groupId } from "./ids.js";

/** The group that all else lies in. */
export function groupResource({ config, subscription }: DeploymentContext): Resource {
  return {
    address: "group",
    kind: "group",
    id: groupId(subscription, config.resourceGroup.name),
    apiVersion: apiVersions.groups,
    dependsOn: [],
    attached: config.resourceGroup.attach,
    precious: true,
    replaceable: false,
    properties: [
      {
        path: "location",
        value: config.location,
        compare: "region",
        change: "replace",
        reason: "a group can't move",
      },
      { path: "tags", value: tagsOf(config), absent: {}, compare: "include" },
    ],
  };
}
