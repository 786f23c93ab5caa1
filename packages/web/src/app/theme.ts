/** Light, dark, or as the system says. The choice stays in this browser. */
import { effect, signal } from "@preact/signals";

/** What was chosen. */
export type Theme = "system" | "light" | "dark";

const KEY = "sealflow.theme";
const order: readonly Theme[] = ["system", "light", "dark"];

/** The choice that holds. */
export const theme = signal<Theme>(stored());

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return order.find((each) => each === value) ?? "system";
  } catch {
    return "system";
  }
}

/** Goes on to the next choice. */
export function nextTheme(): void {
  const at = order.indexOf(theme.value);
  theme.value = order[(at + 1) % order.length] ?? "system";
}

/** The theme that is seen. */
export function seenTheme(): "light" | "dark" {
  if (theme.value !== "system") return theme.value;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Puts the choice into effect, now and when it changes. */
export function startTheme(): void {
  effect(() => {
    const { value } = theme;
    if (value === "system") document.documentElement.removeAttribute("data-theme");
    else document.documentElement.dataset.theme = value;
    try {
      localStorage.setItem(KEY, value);
    } catch {
      // A browser that keeps nothing still shows the choice.
    }
  });
}
