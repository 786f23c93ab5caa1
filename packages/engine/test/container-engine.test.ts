import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { createEngine } from "../src/engine.js";
import { containerCommand, containerRuntime } from "../src/executors/container-engine.js";
import { openStore } from "../src/store/store.js";
import { documentOf, task } from "./pipelines.js";
import { temporaryDirectory } from "./temporary.js";

const path = process.env.PATH;
afterEach(() => {
  process.env.PATH = path;
});

/** A container engine that runs the command on this machine and notes how it was called. */
function fakeEngine(name: "podman" | "docker", answers = true): string {
  const directory = temporaryDirectory();
  const bin = join(directory, "bin");
  mkdirSync(bin);
  const script = `#!/bin/sh
printf '%s\\n' "$@" >> "${directory}/calls"
if [ "$1" != run ]; then exit ${answers ? 0 : 1}; fi
while [ "$1" != image:1 ]; do
  case "$1" in
    --entrypoint) entry="$2" ;;
    --env) export "$2" ;;
  esac
  shift
done
shift
exec "$entry" "$@"
`;
  writeFileSync(join(bin, name), script);
  chmodSync(join(bin, name), 0o755);
  process.env.PATH = `${bin}${delimiter}${path}`;
  return join(directory, "calls");
}

describe("container engines", () => {
  it("are used when they answer", async () => {
    fakeEngine("podman");
    expect(await containerRuntime("auto", "x")).toBe("podman");
    fakeEngine("docker", false);
    await expect(containerRuntime("docker", "x")).rejects.toMatchObject({
      code: "ENGINE_CONTAINERS_REFUSED",
    });
  });

  it("get paths, variables, limits and the command in the order that they read them", () => {
    const command = containerCommand({
      engine: "podman",
      name: "n",
      image: "image:1",
      command: ["sh", "-c"],
      args: ["echo"],
      env: { A: "1 2" },
      workingDirectory: "/w",
      mounts: [
        { path: "/w", writable: true },
        { path: "/data", writable: false },
      ],
      cpus: 1.5,
      memoryBytes: 1024,
    });
    expect(command.join(" ")).toBe(
      "podman run --rm --name n --workdir /w --volume /w:/w --volume /data:/data:ro --env A=1 2 --cpus 1.5 --memory 1024 --entrypoint sh image:1 -c echo",
    );
    const bare = {
      engine: "docker",
      name: "n",
      image: "i",
      command: [],
      args: ["x"],
      env: {},
      mounts: [],
    } as const;
    expect(containerCommand({ ...bare, workingDirectory: "/w" })).toEqual(
      "docker run --rm --name n --workdir /w i x".split(" "),
    );
  });

  it("run container components with their inputs, outputs, limits and workspace", async () => {
    const calls = fakeEngine("podman");
    const store = openStore(temporaryDirectory());
    const engine = createEngine({ store });
    const container = {
      image: "image:{{$.inputs.parameters['version']}}",
      command: ["sh", "-c", 'printf "%s %s" "$MODE" "$0" > "$1"; echo shared > "{{$.workspace_path}}/note"'],
      args: ["{{$.inputs.parameters['version']}}", "{{$.outputs.parameters['out'].output_file}}"],
      env: [{ name: "MODE", value: "v{{$.inputs.parameters['version']}}" }],
      resources: { resourceMemoryLimit: "64Mi", resourceCpuLimit: "500m" },
    };
    const summary = await engine.run(
      documentOf({
        components: {
          step: {
            source: "",
            inputs: { version: "STRING" },
            outputs: { out: "STRING" },
            executor: { container },
          },
        },
        tasks: { step: task("step", { parameters: { version: { constant: "1" } } }) },
        outputs: { out: ["step.out", "STRING"] },
      }),
      { runId: "mine" },
    );
    await engine.close();
    expect(summary).toMatchObject({ state: "SUCCEEDED", outputs: { out: "v1 1" } });
    expect(readFileSync(join(store.directory, "runs", "mine", "workspace", "note"), "utf8")).toBe("shared\n");
    const words = readFileSync(calls, "utf8").split("\n");
    expect(words).toEqual(
      expect.arrayContaining(["--memory", String(64 * 2 ** 20), "--cpus", "0.5", "MODE=v1"]),
    );
  });
});
