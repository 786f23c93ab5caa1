/** What stands around every page: name, places, theme, and whether the server answers. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect } from "preact/hooks";
import { online } from "../api/live-runs.js";
import { Icon, type IconName } from "../parts/icon.js";
import { path } from "./router.js";
import { nextTheme, type Theme, theme } from "./theme.js";

const places: readonly { readonly href: string; readonly name: string; readonly also: RegExp }[] = [
  { href: "/", name: "Runs", also: /^\/(runs|compare)(\/|$)/ },
  { href: "/pipelines", name: "Pipelines", also: /^\/(pipelines|new)(\/|$)/ },
  { href: "/schedules", name: "Schedules", also: /^\/schedules/ },
  { href: "/verify", name: "Verify", also: /^\/verify/ },
];

const themes: Readonly<Record<Theme, { readonly icon: IconName; readonly text: string }>> = {
  system: { icon: "screen", text: "Theme: as the system. Change to light" },
  light: { icon: "sun", text: "Theme: light. Change to dark" },
  dark: { icon: "moon", text: "Theme: dark. Change to the system's" },
};

/** Says which page it is, in the window's title. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title === "" ? "Sealflow" : `${title} · Sealflow`;
  }, [title]);
}

/** The frame of all pages. */
export function Shell({ children }: { readonly children: ComponentChildren }): JSX.Element {
  const { icon, text } = themes[theme.value];
  return (
    <>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <header class="shell-head">
        <div class="shell-bar">
          <a class="brand" href="/" aria-label="Sealflow, all runs">
            <img src="/icon.svg" alt="" />
            <span>Sealflow</span>
          </a>
          <nav class="nav" aria-label="Places">
            {places.map(({ href, name, also }) => (
              <a key={href} href={href} aria-current={isHere(href, also) ? "page" : undefined}>
                {name}
              </a>
            ))}
          </nav>
          <button type="button" class="icon-button" onClick={nextTheme} aria-label={text} title={text}>
            <Icon name={icon} />
          </button>
        </div>
        {online.value ? undefined : (
          <div class="offline" role="status">
            The server does not answer. What is shown was loaded before; trying again …
          </div>
        )}
      </header>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

function isHere(href: string, also: RegExp): boolean {
  return path.value === href || also.test(path.value);
}
