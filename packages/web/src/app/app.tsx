/** Which page an address shows. All but the list of runs load when they are opened. */
import type { ComponentType, JSX } from "preact";
import { tokenNeeded } from "../api/client.js";
import { Blank } from "../parts/blank.js";
import { Lazy } from "../parts/lazy.js";
import { Toasts } from "../parts/toast.js";
import { RunsPage } from "../runs/page.js";
import { path } from "./router.js";
import { Shell } from "./shell.js";
import { TokenGate } from "./token-gate.js";

/** A page; its parameters are what the path holds in its variable places. */
type Page = ComponentType<{ readonly id: string }>;

interface Route {
  readonly pattern: RegExp;
  readonly load: () => Promise<Page>;
}

const routes: readonly Route[] = [
  { pattern: /^\/(?:runs)?\/?$/, load: async () => RunsPage },
  { pattern: /^\/runs\/([^/]+)\/?$/, load: async () => (await import("../run/page.js")).RunPage },
  { pattern: /^\/verify\/?$/, load: async () => (await import("../trust/verify-page.js")).VerifyPage },
  { pattern: /^\/compare\/?$/, load: async () => (await import("../compare/page.js")).ComparePage },
  { pattern: /^\/new\/?$/, load: async () => (await import("../forms/new-page.js")).NewPage },
  { pattern: /^\/pipelines\/?$/, load: async () => (await import("../pipelines/page.js")).PipelinesPage },
  { pattern: /^\/schedules\/?$/, load: async () => (await import("../schedules/page.js")).SchedulesPage },
];

/** The whole UI. */
export function App(): JSX.Element {
  if (tokenNeeded.value) return <TokenGate />;
  return (
    <Shell>
      <Place />
      <Toasts />
    </Shell>
  );
}

function Place(): JSX.Element {
  const here = path.value;
  const found = routes
    .map((route) => ({ route, match: route.pattern.exec(here) }))
    .find(({ match }) => match);
  if (found === undefined) {
    return (
      <Blank icon="search" title="There is no such page">
        <p>
          <a href="/">All runs</a>
        </p>
      </Blank>
    );
  }
  const id = decodeURIComponent(found.match?.[1] ?? "");
  return <Lazy load={found.route.load} props={{ id }} identity={id} />;
}
