/** The enclave of an image: its manifest from the image's files, its measurement, its signature. */

import type { JsonObject } from "@sealflow/core";
import { SealflowError, utf8 } from "@sealflow/core";
import { lintManifest } from "../gramine/lint.js";
import { gramineManifest } from "../gramine/manifest.js";
import { measureEnclave } from "../gramine/measure.js";
import type { EnclaveSizing } from "../gramine/nodes.js";
import { signaturePlan } from "../gramine/signature-plan.js";
import type { EnclaveSigner } from "../gramine/signer.js";
import { signEnclave } from "../gramine/sigstruct.js";
import type { LayerEntry } from "../oci/layer.js";
import type { BaseImage } from "./base.js";
import { EXCHANGE_DIRECTORY, GRAMINE_APPLICATION, INSIDE } from "./runtime.js";
import { trustedFiles } from "./trusted.js";

/** What the enclave is made with, besides the image. */
export interface EnclaveMaking {
  readonly sizing: EnclaveSizing;
  readonly edmm?: boolean;
  readonly productId: number;
  readonly svn: number;
  readonly signer: EnclaveSigner;
  /** Day of signing. */
  readonly date: Date;
}

/** The enclave's files, and what policies say of it. */
export interface EnclaveFiles {
  readonly entries: readonly LayerEntry[];
  readonly manifest: string;
  readonly identity: {
    readonly mrenclave: string;
    readonly mrsigner: string;
    readonly productId: number;
    readonly svn: number;
  };
  /** Bytes of EPC for the pod. */
  readonly epc: number;
  /** For the provenance. */
  readonly parameters: JsonObject;
}

/**
 * Makes the enclave's files. The image must hold everything else already.
 *
 * @throws SealflowError `CLUSTER_GRAMINE_MISSING`, `CLUSTER_ENCLAVE_…`
 */
export async function enclaveFiles(making: EnclaveMaking, base: BaseImage): Promise<EnclaveFiles> {
  const { gramine, python, files } = base;
  if (gramine === undefined) {
    throw new SealflowError({
      code: "CLUSTER_GRAMINE_MISSING",
      message: `base image ${base.reference}: expected Gramine (libsysdb.so, sgx/libpal.so), got none`,
      hint: "take a base image with Gramine, or --simulated for a trial without protection",
    });
  }
  const { sizing, productId, svn, edmm = false } = making;
  const manifest = gramineManifest({
    python,
    arguments: ["-I", "-B", INSIDE],
    environment: {},
    passthrough: [],
    libos: gramine.libos,
    runtimeDirectory: gramine.runtimeDirectory,
    trusted: trustedFiles(files, python),
    exchange: EXCHANGE_DIRECTORY,
    sizing,
    edmm,
    productId,
    svn,
  });
  const bytes = utf8(manifest);
  refuseFindings(lintManifest(bytes, { final: true }));
  const { mrenclave } = measureEnclave({ manifest: bytes, libpal: gramine.libpal });
  const signed = await signEnclave(signaturePlan(bytes, mrenclave, making.date), making.signer);
  return {
    entries: [
      { path: `${GRAMINE_APPLICATION}.manifest.sgx`, content: manifest },
      { path: `${GRAMINE_APPLICATION}.sig`, content: signed.sigstruct },
    ],
    manifest,
    identity: { mrenclave, mrsigner: signed.mrsigner, productId, svn },
    epc: sizing.epcLimit,
    parameters: {
      mrenclave,
      mrsigner: signed.mrsigner,
      productId,
      svn,
      enclaveSize: sizing.enclaveSize,
      maxThreads: sizing.maxThreads,
      edmm,
    },
  };
}

/** Our own manifest passes our own lint; a base image with code in odd places may still spoil it. */
function refuseFindings(findings: ReturnType<typeof lintManifest>): void {
  const [first] = findings;
  if (first === undefined) return;
  throw new SealflowError({
    code: "CLUSTER_MANIFEST_REFUSED",
    message: `manifest: ${first.path}: ${first.code}: ${first.message}`,
    data: { findings },
  });
}
