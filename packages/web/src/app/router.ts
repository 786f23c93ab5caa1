/** The address is the state of what is looked at: pages read it, and change it instead of keeping a state of their own. */
import { computed, signal } from "@preact/signals";

const address = signal(new URL(globalThis.location?.href ?? "http://localhost/"));

/** The path of the page that is shown. */
export const path = computed(() => address.value.pathname);

/** The query of the address. */
export const query = computed(() => address.value.searchParams);

/** A change of the query: undefined and empty values are taken out. */
export type QueryChange = Readonly<Record<string, string | undefined>>;

/** The address of this page with its query changed. */
export function hrefWith(change: QueryChange): string {
  const next = new URL(address.value);
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined || value === "") next.searchParams.delete(name);
    else next.searchParams.set(name, value);
  }
  return `${next.pathname}${next.search}`;
}

/** Goes to an address of this UI. `replace`: without a step in the browser's history, for what changes with every key. */
export function navigate(href: string, { replace = false }: { replace?: boolean } = {}): void {
  const from = address.peek().pathname;
  const next = new URL(href, address.peek());
  if (next.href === address.peek().href) return;
  if (replace) history.replaceState(null, "", next);
  else history.pushState(null, "", next);
  address.value = next;
  if (next.pathname !== from) window.scrollTo(0, 0);
}

/** Changes the query of this page. */
export function setQuery(change: QueryChange, options: { replace?: boolean } = {}): void {
  navigate(hrefWith(change), options);
}

/** Follows the browser's buttons and the links of this UI, without loading the page anew. */
export function startRouter(): void {
  window.addEventListener("popstate", () => {
    address.value = new URL(location.href);
  });
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (link === null || !isPlain(event) || !isOurs(link)) return;
    event.preventDefault();
    navigate(link.href);
  });
}

function isPlain(event: MouseEvent): boolean {
  const held = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
  return event.button === 0 && !held && !event.defaultPrevented;
}

function isOurs(link: HTMLAnchorElement): boolean {
  if (link.target !== "" || link.hasAttribute("download")) return false;
  return link.origin === location.origin && !/^\/(apis?\/|openapi\.json)/.test(link.pathname);
}
