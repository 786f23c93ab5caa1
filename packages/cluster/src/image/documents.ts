/** Documents about an image: its packages (SPDX 2.3) and where it comes from (in-toto Statement v1, SLSA provenance v1). */
import { canonicalJson, type Digest, type JsonObject } from "@sealflow/core";
import type { LockedPackage } from "./environment.js";

/** Media type of SPDX in JSON. */
export const SPDX_TYPE = "application/spdx+json";
/** Media type of in-toto statements; signed ones are DSSE envelopes. */
export const IN_TOTO_TYPE = "application/vnd.in-toto+json";
export const DSSE_TYPE = "application/vnd.dsse.envelope.v1+json";

/** What the documents are about. */
export interface DocumentedImage {
  /** `HOST/NAME`. */
  readonly name: string;
  readonly digest: Digest;
  readonly base: string;
  readonly packages: readonly LockedPackage[];
  readonly components: readonly { readonly executor: string; readonly component: Digest }[];
  readonly lock: Digest;
  readonly runtime: Digest;
  /** RFC 3339. The base image's time of making, so that the same inputs give the same documents. */
  readonly created: string;
  readonly version: string;
}

const id = (text: string) => `SPDXRef-${text.replace(/[^A-Za-z0-9.-]+/g, "-")}`;

/** The packages of an image: base, environment, components. */
export function spdxDocument(image: DocumentedImage): string {
  const root = id("image");
  const base = { SPDXID: id("base"), name: image.base, versionInfo: image.base.split("@")[1] ?? "" };
  const packages = [
    { SPDXID: root, name: image.name, versionInfo: image.digest, ...checksum(image.digest) },
    { ...base, ...checksum(base.versionInfo) },
    { SPDXID: id("sealflow"), name: "sealflow", versionInfo: image.version, ...checksum(image.runtime) },
    ...image.components.map(({ executor, component }) => ({
      SPDXID: id(`component-${executor}`),
      name: executor,
      versionInfo: component,
      ...checksum(component),
    })),
    ...image.packages.map(({ name, version }) => ({
      SPDXID: id(`pypi-${name}`),
      name,
      versionInfo: version,
      externalRefs: [
        {
          referenceCategory: "PACKAGE-MANAGER",
          referenceType: "purl",
          referenceLocator: `pkg:pypi/${name}@${encodeURIComponent(version)}`,
        },
      ],
    })),
  ].map((each) => ({ downloadLocation: "NOASSERTION", filesAnalyzed: false, ...each }));
  return canonicalJson({
    spdxVersion: "SPDX-2.3",
    SPDXID: "SPDXRef-DOCUMENT",
    dataLicense: "CC0-1.0",
    name: `${image.name}@${image.digest}`,
    documentNamespace: `https://sealflow.dev/spdx/${image.digest.slice("sha256:".length)}`,
    creationInfo: { created: image.created, creators: [`Tool: sealflow-${image.version}`] },
    packages,
    relationships: [
      { spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES", relatedSpdxElement: root },
      ...packages
        .filter(({ SPDXID }) => SPDXID !== root)
        .map(({ SPDXID }) => ({
          spdxElementId: root,
          relationshipType: SPDXID === base.SPDXID ? "DESCENDANT_OF" : "CONTAINS",
          relatedSpdxElement: SPDXID,
        })),
    ],
  });
}

function checksum(digest: string): JsonObject {
  const [, hex] = /^sha256:([0-9a-f]{64})$/.exec(digest) ?? [];
  return hex === undefined ? {} : { checksums: [{ algorithm: "SHA256", checksumValue: hex }] };
}

/** Where an image comes from: an in-toto statement with SLSA's provenance, unsigned. */
export function provenanceStatement(image: DocumentedImage, parameters: JsonObject): string {
  const sha256 = (digest: string) => ({ sha256: digest.replace(/^sha256:/, "") });
  return canonicalJson({
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: image.name, digest: sha256(image.digest) }],
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: "https://sealflow.dev/image-build/v1",
        externalParameters: parameters,
        internalParameters: {},
        resolvedDependencies: [
          { uri: `oci://${image.base.split("@")[0]}`, digest: sha256(image.base.split("@")[1] ?? "") },
          { name: "requirements.lock", digest: sha256(image.lock) },
          { name: "sealflow runtime", digest: sha256(image.runtime) },
          ...image.components.map(({ executor, component }) => ({
            name: `component ${executor}`,
            digest: sha256(component),
          })),
        ],
      },
      runDetails: {
        builder: { id: "https://sealflow.dev/image-build", version: { sealflow: image.version } },
        metadata: {},
      },
    },
  });
}
