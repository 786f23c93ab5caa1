/** A podman that keeps all it has in one directory, and needs neither a network of its own nor systemd. */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A podman of a test's own. */
export interface TestPodman {
  /** Variables under which `podman` is this one. */
  readonly environment: Readonly<Record<string, string>>;
  run(...args: string[]): string;
  /** Removes containers, images and the directory. */
  remove(): void;
}

/**
 * Sets podman up in a directory.
 *
 * @param insecureRegistry `HOST:PORT` that speaks plain HTTP.
 */
export function testPodman(directory: string, insecureRegistry?: string): TestPodman {
  mkdirSync(join(directory, "run"), { recursive: true });
  const put = (name: string, text: string) => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const environment = {
    CONTAINERS_CONF: put(
      "containers.conf",
      `[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
netns = "host"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "runc"
`,
    ),
    CONTAINERS_STORAGE_CONF: put(
      "storage.conf",
      `[storage]
driver = "overlay"
graphroot = "${join(directory, "graph")}"
runroot = "${join(directory, "run")}"
`,
    ),
    ...(insecureRegistry === undefined
      ? {}
      : {
          CONTAINERS_REGISTRIES_CONF: put(
            "registries.conf",
            `[[registry]]\nlocation = "${insecureRegistry}"\ninsecure = true\n`,
          ),
        }),
  };
  const run = (...args: string[]) =>
    execFileSync("podman", args, { encoding: "utf8", env: { ...process.env, ...environment } });
  return {
    ...{ environment, run },
    remove: () => {
      run("rm", "--all", "--force");
      run("rmi", "--all", "--force");
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
