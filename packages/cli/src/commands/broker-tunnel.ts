/** `sealflow broker tunnel`. */
import { openTunnel, pinnedImage, pinOfServer } from "@sealflow/cluster";
import { SealflowError } from "@sealflow/core";
import { serviceAt } from "../confidential/settings.js";
import type { CliContext } from "../context.js";
import { exitCode } from "../exit-code.js";
import { pythonSources } from "../load/python.js";
import type { BrokerTunnelFlags } from "../routes/broker-deploy.js";
import { withBrokerCluster } from "./broker-deploy.js";
import { untilInterrupted } from "./serve.js";

/** Joins pods of a cluster with a broker that only this machine reaches, until it is interrupted. */
export async function tunnel(context: CliContext, flags: BrokerTunnelFlags): Promise<number> {
  const { url } = serviceAt("--broker", flags.broker, undefined);
  const { hostname, port } = new URL(url);
  if (!pinnedImage.safeParse(flags.image).success) {
    throw new SealflowError({
      code: "CLUSTER_IMAGE_UNPINNED",
      message: `--image: expected HOST/NAME@sha256:DIGEST, got ${flags.image}`,
      hint: "any image with Python 3.11 will do: the measured one, for example",
    });
  }
  const sources = pythonSources(context.process.env);
  if (sources === undefined)
    throw new SealflowError({ code: "CLI_PYTHON_MISSING", message: "python: no modules" });
  const pin = await pinOfServer(url);
  return withBrokerCluster(context, flags, async (client) => {
    const opened = await openTunnel({
      ...{ client, namespace: flags.namespace ?? "kubeflow", image: flags.image, pythonSources: sources },
      ...{ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 443) },
    });
    const interrupted = untilInterrupted(context);
    const { stdout } = context.process;
    const said = { url: opened.url, direct: `https://${opened.podIp}:8443`, pin };
    stdout.write(
      flags.json
        ? `${JSON.stringify(said)}\n`
        : `For runs: --broker ${said.url} --broker-here ${url} --broker-pin ${pin}\nCtrl-C closes the tunnel.\n`,
    );
    await interrupted;
    await opened.close();
    return exitCode.ok;
  });
}
