import { isJsonObject, type JsonObject } from "@sealflow/core";
import { textAt } from "../model/path.js";
import { apiVersions } from "../resources/ids.js";
import { confidentialPoolSettings } from "../resources/pool.js";
import type { PreflightCheck } from "./context.js";
import type { PreflightFinding } from "./types.js";

const name = "versions";
/** From this version AKS's Ubuntu is 24.04, for which SGX is not confirmed. Source: AKS documentation, node images. */
const ubuntu2404From = 35;
/** The last version with Ubuntu 22.04 images. */
const ubuntu2204Until = 36;

/** The region offers the Kubernetes version, and its node image carries SGX. */
export const versionsCheck: PreflightCheck = {
  name,
  async run({ client, subscription, config }) {
    const path = `/subscriptions/${subscription}/providers/Microsoft.ContainerService/locations/${config.location}/kubernetesVersions`;
    const { body } = await client.send({ method: "GET", path, apiVersion: apiVersions.clusters });
    const offered = Array.isArray(body.values) ? body.values.filter(isJsonObject) : [];
    const wanted = config.cluster.kubernetesVersion;
    const entry = offered.find((each) =>
      wanted === undefined ? each.isDefault === true : offers(each, wanted),
    );
    const version = wanted ?? textAt(entry, "version");
    if (wanted !== undefined && entry === undefined) return [notOffered(wanted, config.location, offered)];
    const chosen = version ?? "the region's default";
    return [
      { check: name, status: "ok", message: `Kubernetes ${chosen} is offered in ${config.location}` },
      ...(entry?.isPreview === true ? [preview(chosen)] : []),
      ...(config.confidential === "sgx" && version !== undefined
        ? imageFinding(version, confidentialPoolSettings(config).osSku)
        : []),
    ];
  },
};

function offers({ version, patchVersions }: JsonObject, wanted: string): boolean {
  return version === wanted || (isJsonObject(patchVersions) && wanted in patchVersions);
}

function notOffered(wanted: string, location: string, offered: readonly JsonObject[]): PreflightFinding {
  const versions = offered.map(({ version }) => String(version)).sort();
  return {
    check: name,
    status: "failed",
    message: `Kubernetes ${wanted} is not offered in ${location}`,
    mend: `use one of ${versions.join(", ")}, or leave kubernetesVersion out`,
  };
}

function preview(version: string): PreflightFinding {
  return {
    check: name,
    status: "warning",
    message: `Kubernetes ${version} is a preview`,
    mend: "use a general release for work that matters",
  };
}

function imageFinding(version: string, osSku: string | undefined): PreflightFinding[] {
  const minor = Number(version.split(".")[1] ?? 0);
  const newImage = minor >= ubuntu2404From && (osSku === undefined || osSku === "Ubuntu");
  if (newImage || osSku === "Ubuntu2404") {
    const old = minor <= ubuntu2204Until ? "set pool.osSku to Ubuntu2204, or " : "";
    return [
      {
        check: name,
        status: "warning",
        message: `Kubernetes ${version} runs on Ubuntu 24.04, on which the SGX add-on is not confirmed`,
        mend: `${old}try one node first: sgx.intel.com/epc has to show among its resources`,
      },
    ];
  }
  if (osSku === "Ubuntu2204" && minor > ubuntu2204Until) {
    const message = `Kubernetes ${version} has no Ubuntu 22.04 image`;
    return [
      {
        check: name,
        status: "failed",
        message,
        mend: `use Kubernetes 1.${ubuntu2204Until} or older, or another osSku`,
      },
    ];
  }
  return [];
}
