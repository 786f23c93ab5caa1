/** Parts of a page whose program loads when they are first shown. */
import { signal } from "@preact/signals";
import type { ComponentType, JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { Bones, Failed } from "./blank.js";

type Loaded<Props> = { readonly part: ComponentType<Props> } | { readonly error: unknown };

interface LazyProps<Props> {
  /** Loads the part; the same function for the same part. */
  readonly load: () => Promise<ComponentType<Props>>;
  readonly props: Props;
  /** Another identity is another instance of the part, with none of the earlier one's state. */
  readonly identity?: string;
}

/** Shows a placeholder until the part is there, and what went wrong when it can't be had. */
export function Lazy<Props extends object>({ load, props, identity }: LazyProps<Props>): JSX.Element {
  const loaded = useMemo(() => signal<Loaded<Props> | undefined>(undefined), [load]);
  useEffect(() => {
    load().then(
      (part) => {
        loaded.value = { part };
      },
      (error: unknown) => {
        loaded.value = { error };
      },
    );
  }, [loaded]);
  const { value } = loaded;
  if (value === undefined) return <Bones />;
  if ("error" in value) return <Failed error={value.error} retry={() => location.reload()} />;
  const Part = value.part;
  return <Part key={identity} {...props} />;
}
