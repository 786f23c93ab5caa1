/** The versions of a pipeline. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { api } from "../api/client.js";
import { useReader } from "../api/resource.js";
import { formatAgo } from "../format.js";
import { Bones, Loaded } from "../parts/blank.js";
import { useNow } from "../parts/clock.js";
import { attempt } from "../parts/toast.js";

/** A list of versions, newest first, and a way to add one. */
export function Versions({ pipelineId }: { readonly pipelineId: string }): JSX.Element {
  const now = useNow();
  const input = useRef<HTMLInputElement>(null);
  const busy = useSignal(false);
  const reader = useReader(
    async () =>
      (await api.listPipelineVersions(pipelineId, { pageSize: 100, sortBy: "created_at desc" }))
        .pipeline_versions ?? [],
    [pipelineId],
  );
  const upload = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return;
    busy.value = true;
    const name = `${file.name.replace(/\.(ya?ml|json|zip|tar\.gz|tgz)$/i, "")} ${new Date().toISOString().slice(0, 19)}`;
    const request = { content: file, fileName: file.name, name };
    if (await attempt(() => api.uploadPipelineVersion(pipelineId, request), `Uploaded ${name}`))
      reader.reload();
    busy.value = false;
  };
  return (
    <div style={{ flexBasis: "100%" }} class="stack">
      <Loaded from={reader.now.value} reader={reader} waiting={<Bones rows={2} />}>
        {(versions) => (
          <ul class="files">
            {versions.map(({ pipeline_version_id, display_name, created_at }) => (
              <li key={pipeline_version_id}>
                <span>
                  {display_name} <span class="soft">{formatAgo(Date.parse(created_at), now.value)}</span>
                </span>
                <a
                  href={`/new?pipeline=${encodeURIComponent(pipelineId)}&version=${encodeURIComponent(pipeline_version_id)}`}
                >
                  Run this version
                </a>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
      <p>
        <input
          ref={input}
          type="file"
          hidden
          aria-label="New version"
          onChange={(event) => void upload(event.currentTarget.files?.[0])}
        />
        <button
          type="button"
          class="button small"
          disabled={busy.value}
          onClick={() => input.current?.click()}
        >
          Upload a new version
        </button>
      </p>
    </div>
  );
}
