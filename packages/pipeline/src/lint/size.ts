import type { Findings } from "../ir/finding.js";
import type { PipelineDocument } from "../ir/types.js";

/** etcd's default limit of one request, in bytes; a Workflow has to fit in. Source: etcd, --max-request-bytes. */
const ETCD_LIMIT = 1.5 * 1024 * 1024;

/** Share of the limit from which a Workflow, which repeats parts of the spec, is likely not to fit. */
const DOUBTFUL_SHARE = 0.5;

/** Says when the Workflow that the backend makes of a spec is too large: it holds every component and executor. */
export function lintSize(document: PipelineDocument, findings: Findings): void {
  const bytes = new TextEncoder().encode(JSON.stringify(document)).length;
  const message = `expected less than ${ETCD_LIMIT} bytes for its Workflow, got a spec of ${bytes}`;
  const hint = "Use an image that holds the code, fewer distinct components, or nested runs.";
  if (bytes > ETCD_LIMIT) findings.error("PIPELINE_LINT_SIZE", [], message, hint);
  else if (bytes > ETCD_LIMIT * DOUBTFUL_SHARE) findings.warning("PIPELINE_LINT_SIZE", [], message, hint);
}
