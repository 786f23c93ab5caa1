/** What the process ends with. */
export const exitCode = {
  ok: 0,
  /** The work failed: a run, a check, a test. */
  failed: 1,
  /** What the user handed in is wrong: flags, parameters, files, the pipeline itself. */
  usage: 2,
  /** There are pending changes (only with `--detailed-exitcode`). */
  changes: 3,
  /** Refused by evidence or policy. */
  refused: 4,
  /** Ended by Ctrl-C. */
  interrupted: 130,
} as const;

/** Errors of clusters and images that are about what was handed in. */
const clusterInput =
  /^CLUSTER_(BASE_UNFIT|ELF_INVALID|ENCLAVE_|ENVIRONMENT_(CONFLICT|SEVERAL|UNPINNED)|GRAMINE_|IMAGE_(EMPTY|LOCK|NAME|UNPINNED)|MANIFESTS?_INVALID|NODE_UNKNOWN|SIGNING_KEY|SIGSTRUCT_|SIZE_|VAULT_KEY)/;

/** Work that Ctrl-C broke off. */
const interruptions = new Set(["CLI_INTERRUPTED", "AZURE_INTERRUPTED", "CLUSTER_INSTALL_INTERRUPTED"]);

/** Rooms whose errors are about what was handed in, before any work began. */
const inputPrefixes = ["PIPELINE_", "IR_", "LINT_", "ATTEST_"];

/** Errors of the command line that are failures of work, not of usage. */
const operational = new Set([
  "TRUST_BROKER_ANSWER",
  "TRUST_BROKER_STOPPED",
  "TRUST_BROKER_UNREACHABLE",
  "CLI_INTERNAL",
  "CLI_COMPONENTS_STALE",
  "CLI_COMPONENT_FAILED",
  "CLI_KEY_VAULT_FAILED",
  "CLI_PASSPHRASE_MISSING",
]);

/** Errors of other rooms that are about what was handed in. */
const handedIn = new Set([
  "AZURE_CONFIG_INVALID",
  "AZURE_ENDPOINT_INVALID",
  "AZURE_KUBECONFIG_INVALID",
  "AZURE_LEAVE_NEEDED",
  "AZURE_PLAN_INVALID",
  "AZURE_POLICY_UNREADABLE",
  "AZURE_SSH_KEY_INVALID",
  "AZURE_SUBSCRIPTION_MISSING",
  "TRUST_ANCHORS_INVALID",
  "CLUSTER_CONTEXT_UNKNOWN",
  "CLUSTER_CONTEXTS_INVALID",
  "CLUSTER_KUBECONFIG_INVALID",
  "CLUSTER_SECRET_MISSING",
  "SEAL_RECIPIENT_INVALID",
  "TRUST_ANCHORS_INVALID",
  "SEAL_EXPORT_RECIPIENT",
  "SEAL_EXPORT_KEY",
  "SEAL_SHARES_COUNT",
]);

/** Errors of this and other rooms that are refusals by evidence or policy. */
const refused = new Set([
  "CLI_CONFIDENTIAL_UNPROTECTED",
  "CLI_RUN_UNPROVEN",
  "CLUSTER_CERTIFICATE_REFUSED",
  "ENGINE_SEALED_STALE",
]);

/** True for what broker, policy or evidence have refused, and for sealed content that is not what was committed. */
export function isRefusal(code: string): boolean {
  return [
    "TRUST_",
    "CLI_RUN_UNPROVEN",
    "SEALED_COMPONENT",
    "SEALED_INPUT",
    "SEALED_CHALLENGE",
    "SEAL_ARTIFACT_",
  ].some((prefix) => code.startsWith(prefix));
}

/** The exit code for an error with this code. */
export function exitCodeForError(code: string): number {
  if (interruptions.has(code)) return exitCode.interrupted;
  if (operational.has(code)) return exitCode.failed;
  if (handedIn.has(code)) return exitCode.usage;
  if (code.startsWith("TRUST_") || refused.has(code)) return exitCode.refused;
  const prefixed = inputPrefixes.some((prefix) => code.startsWith(prefix));
  const usage = code.startsWith("CLI_") || prefixed || clusterInput.test(code);
  return usage ? exitCode.usage : exitCode.failed;
}
