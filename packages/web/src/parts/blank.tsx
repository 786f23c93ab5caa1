/** What stands where nothing is: empty, loading, failed. */
import type { ComponentChildren, JSX } from "preact";
import { isMissing, isUnreachable, messageOf } from "../api/client.js";
import type { Reader, Resource } from "../api/resource.js";
import { Icon, type IconName } from "./icon.js";

/** A page or panel without content, and what to do about it. */
export function Blank(props: {
  readonly icon: IconName;
  readonly title: string;
  readonly children?: ComponentChildren;
}): JSX.Element {
  return (
    <div class="blank">
      <Icon name={props.icon} />
      <h2>{props.title}</h2>
      {props.children}
    </div>
  );
}

/** Lines of a text that is on its way. */
export function Bones({ rows = 6 }: { readonly rows?: number }): JSX.Element {
  const widths = ["92%", "74%", "85%", "60%", "79%", "68%"];
  return (
    <div class="stack pad" role="status">
      <span class="hidden">Loading</span>
      {Array.from({ length: rows }, (_, index) => (
        <span class="bone" key={index} style={{ width: widths[index % widths.length], height: "16px" }} />
      ))}
    </div>
  );
}

/** Why there is nothing. */
export function Failed({
  error,
  retry,
}: {
  readonly error: unknown;
  readonly retry?: () => void;
}): JSX.Element {
  if (isUnreachable(error)) {
    return (
      <Blank icon="warning" title="The server does not answer">
        <p>It is asked again every two seconds. If it was stopped, start it with</p>
        <pre>sealflow ui</pre>
      </Blank>
    );
  }
  return (
    <Blank icon="warning" title={isMissing(error) ? "Not found" : "This could not be read"}>
      <p>{messageOf(error)}</p>
      {retry === undefined ? undefined : (
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      )}
    </Blank>
  );
}

/** Shows a resource when it is there, and its state until then. */
export function Loaded<T>(props: {
  readonly from: Resource<T>;
  readonly reader?: Reader<T>;
  readonly waiting?: ComponentChildren;
  readonly children: (value: T) => ComponentChildren;
}): JSX.Element {
  const { from, reader, waiting = <Bones />, children } = props;
  if (from.state === "loading") return <>{waiting}</>;
  if (from.state === "failed") return <Failed error={from.error} {...(reader && { retry: reader.reload })} />;
  return <>{children(from.value)}</>;
}
