/** Icons: one stroke, 24 units, drawn for this UI. */
import type { JSX } from "preact";

const shapes = {
  check: <path d="M5 12.5l4.5 4.5L19 7.5" />,
  cross: <path d="M6.5 6.5l11 11m0-11l-11 11" />,
  dash: <path d="M6 12h12" />,
  circle: <circle cx="12" cy="12" r="7.5" stroke-dasharray="2.5 3.2" />,
  spinner: <path d="M12 4a8 8 0 1 1-8 8" />,
  stop: <rect x="6.5" y="6.5" width="11" height="11" rx="2" />,
  broken: <path d="M4 12h5l2-5 3 10 2-5h4" />,
  bolt: <path d="M13 3.500L5.500 13.500H12l-1 7L18.500 10.500H12z" />,
  search: <path d="M10.500 17.500a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM20.500 20.500l-5-5" />,
  sun: (
    <path d="M12 16.500a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9zM12 2.500v2m0 15v2M2.500 12h2m15 0h2M5.300 5.300l1.400 1.400m10.600 10.600l1.400 1.400M5.300 18.700l1.400-1.400M17.300 6.700l1.400-1.400" />
  ),
  moon: <path d="M20 14.500A8.500 8.500 0 1 1 9.500 4a6.800 6.800 0 0 0 10.500 10.500z" />,
  screen: <path d="M3.500 5h17v11.500h-17zM9 20h6m-3-3.500V20" />,
  sort: (
    <path d="M8 4.500v15m0 0l-3.500-3.500M8 19.500l3.500-3.500M16 19.500v-15m0 0l-3.500 3.500M16 4.500L19.500 8" />
  ),
  up: <path d="M12 19.500v-15m0 0L6 10.500m6-6l6 6" />,
  down: <path d="M12 4.500v15m0 0l-6-6m6 6l6-6" />,
  right: <path d="M9.500 6l6 6-6 6" />,
  expand: <path d="M6 9.500l6 6 6-6" />,
  plus: <path d="M12 5v14M5 12h14" />,
  minus: <path d="M5 12h14" />,
  fit: <path d="M4 9V4h5M20 9V4h-5M4 15v5h5m11-5v5h-5" />,
  again: <path d="M20 11.500a8 8 0 1 0-2.300 6M20 5v6.500h-6.500" />,
  trash: <path d="M4.500 7h15M10 7V4.500h4V7m-8 0l1 12.500h10L18 7M10.500 11v5m3-5v5" />,
  download: <path d="M12 4v11m0 0l-4.500-4.500M12 15l4.500-4.500M4.500 19.500h15" />,
  upload: <path d="M12 15.500V4.500m0 0L7.500 9M12 4.500L16.500 9M4.500 19.500h15" />,
  columns: <path d="M4 5h16v14H4zM10 5v14m5-14v14" />,
  loop: <path d="M17 4l3 3-3 3M4 11.500V10a3 3 0 0 1 3-3h13M7 20l-3-3 3-3m13-1.500V14a3 3 0 0 1-3 3H4" />,
  branch: <path d="M12 4v5m0 0l-6 5v6m6-11l6 5v6" />,
  nested: <path d="M3.500 4.500h17v15h-17zM8 9.500h8v6H8z" />,
  box: <path d="M4 8l8-4 8 4v8l-8 4-8-4zM4 8l8 4m0 0l8-4m-8 4v8" />,
  file: <path d="M6 3.500h8l4.500 4.500v12.500H6zM14 3.500V8h4.500" />,
  table: <path d="M4 5h16v14H4zM4 10h16M4 14.500h16M10 5v14" />,
  chart: <path d="M4.500 4.500v15h15M8 15l3.500-4.500 3 2.500L19 7" />,
  lock: <path d="M6 10.500h12v9H6zM8.500 10.500V8a3.500 3.500 0 0 1 7 0v2.500" />,
  shield: <path d="M12 3.500l7.500 2.500v6c0 4.500-3 7.500-7.500 9-4.500-1.500-7.500-4.500-7.500-9V6z" />,
  warning: <path d="M12 4.500l8.500 15h-17zM12 10.500v4m0 2.500v.1" />,
  info: <path d="M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17zM12 11v5.500m0-9v.1" />,
  clock: <path d="M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17zM12 7.500V12l3.500 2" />,
  play: <path d="M8 5.500l10.500 6.500L8 18.500z" />,
  compare: <path d="M9 4.500H4.500v15H9m6-15h4.500v15H15M12 3v18" />,
  menu: <path d="M5 7h14M5 12h14M5 17h14" />,
  out: <path d="M14 4.500h5.500V10m0-5.500L11 13m-1.500-6.500h-5v13h13v-5" />,
} as const;

/** Name of an icon. */
export type IconName = keyof typeof shapes;

/** An icon beside text that says the same: screen readers pass it over. */
export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {shapes[name]}
    </svg>
  );
}
