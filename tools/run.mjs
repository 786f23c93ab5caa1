import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Root of the checkout. */
export const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** Runs a command with its output shown; ends this process with the command's exit code when it fails. */
export function must(command, args, options = {}) {
  const code = run(command, args, options);
  if (code !== 0) {
    console.error(`\n${[command, ...args].join(" ")} ended with exit code ${code}`);
    process.exit(code);
  }
}

/** Runs a command with its output shown and returns its exit code. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
  if (error) console.error(`${command}: ${error.message}`);
  return status ?? 1;
}

/** Runs a command quietly; its standard output, or undefined when it fails. */
export function output(command, args, options = {}) {
  const { status, stdout } = spawnSync(command, args, { cwd: root, encoding: "utf8", ...options });
  return status === 0 ? stdout.trim() : undefined;
}

/** Starts a command and resolves with its exit code. */
export function start(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: "inherit", ...options });
    child.on("error", (error) => {
      console.error(`${command}: ${error.message}`);
      resolve(1);
    });
    child.on("exit", (code, signal) => resolve(signal ? 130 : (code ?? 1)));
  });
}
