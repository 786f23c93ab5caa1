/** Builds what the `kubernetes` lane runs: Kubernetes itself and object stores from the Go module proxy, images from Debian. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { must, output, start } from "../run.mjs";
import { commands, kubernetesCache } from "./cache.mjs";
import { writeImage } from "./image.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const version = "v1.34.4";

/** Module, packages, linker flags. */
const builds = [
  [
    "cluster",
    ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kubectl"].map(
      (name) => `k8s.io/kubernetes/cmd/${name}`,
    ),
    `-X k8s.io/component-base/version.gitVersion=${version}`,
  ],
  ["servers", ["github.com/versity/versitygw/cmd/versitygw", "github.com/fsouza/fake-gcs-server"], ""],
];

/** Installs missing Debian packages, then builds what is not in the cache. */
export async function installKubernetes() {
  installPackages();
  const cache = kubernetesCache();
  if (!cache.made) {
    mkdirSync(join(cache.directory, "images"), { recursive: true });
    mkdirSync(cache.binaries, { recursive: true });
    // What waits for the network goes beside what computes.
    await Promise.all([buildAll(cache), makeImages(cache), installAzurite(cache)]);
    writeFileSync(join(cache.directory, ".complete"), "");
  }
  if (!cache.complete) await build(cache.enforcer, "policies", ["."], "");
}

async function buildAll(cache) {
  await Promise.all(
    builds.map(([module]) => needed("go", ["mod", "download"], { cwd: join(here, module), env: goEnv })),
  );
  for (const [module, packages, flags] of builds) await build(`${cache.binaries}/`, module, packages, flags);
}

/** Azure's storage emulator, as its lock says; in the cache rather than among the packages that everybody installs. */
async function installAzurite(cache) {
  const directory = join(cache.directory, "azurite");
  mkdirSync(directory, { recursive: true });
  for (const file of ["package.json", "package-lock.json"]) {
    copyFileSync(join(here, "azurite", file), join(directory, file));
  }
  await needed("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"], { cwd: directory });
}

/** As `must`, beside other work. */
async function needed(command, args, options) {
  const code = await start(command, args, options);
  if (code === 0) return;
  console.error(`\n${[command, ...args].join(" ")} ended with exit code ${code}`);
  process.exit(code);
}

function installPackages() {
  const missing = Object.entries(commands).filter(([command]) => !output("which", [command]));
  const packages = new Set([...missing.map(([, name]) => name), "containernetworking-plugins"]);
  if (missing.length === 0 && output("ls", ["/usr/lib/cni/ptp"])) return;
  must("apt-get", ["update", "-qq"]);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  must("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], { env });
}

/**
 * The compiler collects its garbage less often, which costs memory and saves time, and writes no debugging information, which
 * the linker would leave out again.
 */
const goEnv = { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-mod=readonly", GOGC: "400" };

async function build(to, module, packages, flags) {
  const names = packages.map((name) => name.split("/").at(-1)).join(", ");
  console.log(`Building ${names === "." ? module : names} …`);
  const args = ["-n", "10", "go", "build", "-p", "2", "-trimpath", "-buildvcs=false"];
  const output = ["-gcflags=all=-dwarf=false", "-ldflags", `-s -w ${flags}`.trim(), "-o", to];
  await needed("nice", [...args, ...output, ...packages], { cwd: join(here, module), env: goEnv });
}

async function makeImages({ directory, images: [pause, python] }) {
  const work = mkdtempSync(join(directory, "work-"));
  const small = join(work, "pause");
  mkdirSync(small);
  must(
    "go",
    ["build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", join(small, "pause"), "."],
    {
      cwd: join(here, "pause"),
      env: { ...process.env, CGO_ENABLED: "0" },
    },
  );
  await writeImage(small, pause, { name: "localhost/pause:1", config: { Entrypoint: ["/pause"] } });
  console.log("Making the image with Python …");
  const root = join(work, "python");
  const include = "--include=python3,ca-certificates";
  const mirror = "http://deb.debian.org/debian";
  await needed("nice", ["-n", "10", "debootstrap", "--variant=minbase", include, "bookworm", root, mirror], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  for (const unneeded of [
    "var/cache/apt",
    "var/lib/apt/lists",
    "usr/share/doc",
    "usr/share/locale",
    "usr/share/man",
  ])
    rmSync(join(root, unneeded), { recursive: true, force: true });
  const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  await writeImage(root, python, {
    name: "localhost/python:3.11",
    config: { Env: [`PATH=${PATH}`], Cmd: ["python3"] },
  });
  rmSync(work, { recursive: true, force: true });
}
