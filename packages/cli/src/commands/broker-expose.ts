/** `sealflow broker expose`. */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { applyObjects, exposedAddress, exposureObjects, pinOfServer } from "@sealflow/cluster";
import { stringify } from "yaml";
import { serviceAt, wrongFlag } from "../confidential/settings.js";
import type { CliContext } from "../context.js";
import type { BrokerExposeFlags } from "../routes/broker-deploy.js";
import { withBrokerCluster } from "./broker-deploy.js";

/** Applies what lets pods reach the broker, and prints what runs need to be told. */
export async function expose(context: CliContext, flags: BrokerExposeFlags): Promise<void> {
  const { url } = serviceAt("--broker", flags.broker, flags.pin);
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, "");
  const namespace = flags.namespace ?? "kubeflow";
  const where = { namespace, host, port: Number(port || 443) };
  const objects = exposureObjects({
    ...where,
    addresses: flags.address ?? (await addressesOf(host)),
    also: (flags.allowEgress ?? []).map(destinationOf),
  });
  const { stdout, stderr } = context.process;
  if (flags.dryRun) {
    stdout.write(objects.map((object) => stringify(object)).join("---\n"));
    return;
  }
  const pin = flags.pin ?? (await pinOfServer(url));
  const counts = await withBrokerCluster(context, flags, (client) => applyObjects(client, objects));
  const inside = exposedAddress(where);
  if (flags.json) {
    stdout.write(`${JSON.stringify({ url: inside, direct: url, pin, ...counts })}\n`);
    return;
  }
  stdout.write(`For runs: --broker ${url} --broker-pin ${pin}\n`);
  stdout.write(`By name, where only pods need to reach it: ${inside}\n`);
  if (flags.pin === undefined)
    stderr.write("The pin is of whoever answered just now: compare it with what the broker's owner says\n");
}

/** A name's addresses as this machine sees them; none when it does not know the name. */
async function addressesOf(host: string): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  const found = await lookup(host, { all: true }).catch(() => []);
  return found.map(({ address }) => address);
}

function destinationOf(text: string) {
  const [, cidr = "", port = ""] = /^(.+\/\d+):(\d+)$/.exec(text) ?? [];
  if (cidr === "") throw wrongFlag("--allow-egress", "CIDR:PORT, for example 10.0.0.0/8:443", text);
  return { cidr, port: Number(port) };
}
