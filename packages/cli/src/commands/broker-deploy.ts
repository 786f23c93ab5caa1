/** `sealflow broker deploy apply|status|remove`. */
import { resolve } from "node:path";
import {
  applyObjects,
  type BrokerDeployment,
  brokerName,
  brokerObjects,
  brokerPort,
  connect,
  type Health,
  healthOf,
  type KubeClient,
  pinnedImage,
  pinOfCertificate,
  refOf,
  waitHealthy,
} from "@sealflow/cluster";
import { SealflowError } from "@sealflow/core";
import { stringify } from "yaml";
import type { CliContext } from "../context.js";
import { exitCode } from "../exit-code.js";
import { keyPath } from "../keys/keyring.js";
import { readUserFile } from "../load/read-file.js";
import { formatColumns, visible } from "../render/text.js";
import type { BrokerDeployFlags, BrokerPlaceFlags, BrokerRemoveFlags } from "../routes/broker-deploy.js";

/** Opens the cluster for the time of the work. */
export async function withBrokerCluster<T>(
  context: CliContext,
  flags: BrokerPlaceFlags,
  work: (client: KubeClient) => Promise<T>,
): Promise<T> {
  const { context: name, kubeconfig } = flags;
  const choice = { ...(name === undefined ? {} : { context: name }), ...(kubeconfig ? { kubeconfig } : {}) };
  const client = connect(choice, context.process.env);
  try {
    return await work(client);
  } finally {
    client.transport.close();
  }
}

/** Applies the broker, and waits until it serves. */
export async function deploy(context: CliContext, flags: BrokerDeployFlags): Promise<number> {
  const deployment = await deploymentOf(context, flags);
  const objects = brokerObjects(deployment);
  const { stdout, stderr } = context.process;
  if (flags.dryRun) {
    stdout.write(objects.map((object) => stringify(object)).join("---\n"));
    return exitCode.ok;
  }
  const { namespace } = deployment;
  const pin = pinOfCertificate(deployment.tlsCert);
  const url = `https://${brokerName}.${namespace}.svc:${brokerPort}`;
  return withBrokerCluster(context, flags, async (client) => {
    const counts = await applyObjects(client, objects, {
      onEvent: (event) => {
        if (event.type === "applied" && event.outcome !== "unchanged")
          stderr.write(`${event.outcome.padEnd(9)} ${visible(event.object)}\n`);
      },
    });
    const health = await waitHealthy(client, objects.map(refOf), {
      timeoutMs: flags.timeout,
      onChange: ({ component, state, detail }) =>
        stderr.write(`${state.padEnd(11)} ${component} ${visible(detail)}\n`),
    });
    const ok = health.every(({ state }) => state === "ready");
    const result = { ok, url, pin, ...counts, health };
    stdout.write(
      flags.json
        ? `${JSON.stringify(result)}\n`
        : `Broker ${url}\nFor runs: --broker ${url} --broker-pin ${pin}\n`,
    );
    return ok ? exitCode.ok : exitCode.failed;
  });
}

async function deploymentOf(context: CliContext, flags: BrokerDeployFlags): Promise<BrokerDeployment> {
  if (!pinnedImage.safeParse(flags.image).success) {
    throw new SealflowError({
      code: "CLUSTER_IMAGE_UNPINNED",
      message: `--image: expected HOST/NAME@sha256:DIGEST, got ${flags.image}`,
      hint: "sealflow broker image prints it",
    });
  }
  const text = (file: string) => readUserFile(resolve(context.cwd, file), file);
  const name = flags.key ?? "broker";
  const key = await text(await keyPath(context, flags, name));
  const { storageClass, pullSecret, passphraseFile } = flags;
  return {
    ...{ namespace: flags.namespace ?? brokerName, image: flags.image, key, storage: flags.storage },
    ...{ serviceType: flags.serviceType, allowFrom: flags.allowFrom ?? [] },
    trust: await text(flags.trust),
    policy: await text(flags.policy),
    tlsCert: await text(flags.tlsCert),
    tlsKey: await text(flags.tlsKey),
    ...(passphraseFile === undefined ? {} : { passphrase: await text(passphraseFile) }),
    ...(storageClass === undefined ? {} : { storageClass }),
    ...(pullSecret === undefined ? {} : { pullSecret }),
  };
}

const watched = (namespace: string) => [
  { apiVersion: "apps/v1", kind: "StatefulSet", name: brokerName, namespace },
  { apiVersion: "v1", kind: "PersistentVolumeClaim", name: `records-${brokerName}-0`, namespace },
];

/** Shows whether it runs, and why not. */
export async function status(context: CliContext, flags: BrokerPlaceFlags): Promise<number> {
  const namespace = flags.namespace ?? brokerName;
  const health = await withBrokerCluster(context, flags, (client) => healthOf(client, watched(namespace)));
  const ok = health.every(({ state }) => state === "ready");
  const row = ({ component, state, detail }: Health) => [state, component, visible(detail)];
  context.process.stdout.write(
    flags.json ? `${JSON.stringify({ ok, health })}\n` : formatColumns(health.map(row)),
  );
  return ok ? exitCode.ok : exitCode.failed;
}

/** Removes the broker; the namespace with records and key goes only when it is asked for. */
export async function remove(context: CliContext, flags: BrokerRemoveFlags): Promise<number> {
  const namespace = flags.namespace ?? brokerName;
  await requireLeave(context, flags, namespace);
  const named = (apiVersion: string, kind: string) => ({ apiVersion, kind, name: brokerName, namespace });
  const some = [
    named("apps/v1", "StatefulSet"),
    named("v1", "Service"),
    named("networking.k8s.io/v1", "NetworkPolicy"),
  ];
  const all = [{ apiVersion: "v1", kind: "Namespace", name: namespace }];
  await withBrokerCluster(context, flags, async (client) => {
    for (const ref of flags.deleteRecords ? [...some, ...all] : some) await client.delete(ref);
  });
  const kept = flags.deleteRecords ? [] : ["records", "key", "certificate", "policy"];
  context.process.stdout.write(
    flags.json
      ? `${JSON.stringify({ removed: namespace, kept })}\n`
      : `Removed the broker of ${namespace}${kept.length === 0 ? "" : `; ${kept.join(", ")} stay there`}\n`,
  );
  return exitCode.ok;
}

async function requireLeave(context: CliContext, flags: BrokerRemoveFlags, namespace: string): Promise<void> {
  if (flags.yes) return;
  const what = flags.deleteRecords ? "the broker with its records and its key" : "the broker";
  const answer = await context.ask?.(`Remove ${what} of ${namespace}? (yes/no) `);
  if (answer?.trim() === "yes") return;
  throw new SealflowError({
    code: "CLI_LEAVE_NEEDED",
    message: `broker deploy remove: expected yes, got ${answer ?? "nobody to ask"}`,
    hint: "--yes does not ask",
  });
}
