/** Opens an address in the user's browser, where there is one. */
import { spawn } from "node:child_process";
import type { Environment } from "../context.js";

/** The program that opens addresses here; undefined where there is no screen. */
export function browserCommand(
  platform: NodeJS.Platform,
  env: Environment,
): readonly [program: string, ...args: string[]] | undefined {
  if (platform === "darwin") return ["open"];
  if (platform === "win32") return ["cmd", "/c", "start", ""];
  return env.DISPLAY || env.WAYLAND_DISPLAY ? ["xdg-open"] : undefined;
}

/** Opens an address. True when something was started for it. */
export function openBrowser(url: string, env: Environment): Promise<boolean> {
  const [program, ...args] = browserCommand(process.platform, env) ?? [];
  if (program === undefined) return Promise.resolve(false);
  return new Promise((resolve) => {
    const child = spawn(program, [...args, url], { detached: true, stdio: "ignore" });
    child.on("error", () => resolve(false));
    child.on("spawn", () => {
      child.unref();
      resolve(true);
    });
  });
}
