/** Which tasks the overlay has made confidential. */
import { isJsonObject } from "@sealflow/core";
import type { DueTask } from "@sealflow/pipeline";
import { CONFIDENTIAL_LABEL } from "./options.js";

/** True for a task whose pod the overlay protects: it says so in its labels. */
export function isConfidential({ platform }: Pick<DueTask, "platform">): boolean {
  const metadata = isJsonObject(platform?.podMetadata) ? platform.podMetadata : {};
  const labels = isJsonObject(metadata.labels) ? metadata.labels : {};
  return Object.entries(CONFIDENTIAL_LABEL).every(([name, value]) => labels[name] === value);
}
