/**
 * A real Kubernetes for tests: etcd, API server, controllers, scheduler, kubelet with containerd and runc, in namespaces of
 * their own. When the test's process ends, however it ends, the kernel ends them all.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { makePki } from "./pki.js";

/** A running cluster. */
export interface TestCluster {
  /** Path of the administrator's kubeconfig; its context is `test`. */
  readonly kubeconfig: string;
  readonly server: string;
  /** Empty without a node. */
  readonly nodeName: string;
  /** This machine, as pods reach it. */
  readonly hostIp: string;
  /** The cluster's own address, as this machine reaches it. */
  readonly nodeIp: string;
  /** Logs and data; removed with the cluster. */
  readonly directory: string;
  stop(): Promise<void>;
}

/** Settings of a cluster. */
export interface ClusterOptions {
  /** With a kubelet; without, only the control plane runs. Default: true. */
  readonly node?: boolean;
  /** Enforces network policies on the node. Default: false. */
  readonly policies?: boolean;
  /** Archives of images for containerd. */
  readonly images?: readonly string[];
  /** Settings of a registry that containerd may pull from without TLS, as `HOST:PORT`. */
  readonly registries?: readonly string[];
  /** Port of such a registry that will listen on `hostIp`. */
  readonly registryPort?: number;
}

const script = fileURLToPath(new URL("inside.sh", import.meta.url));

/** Starts a cluster and waits until it serves, and until its node is ready. */
export async function startCluster(options: ClusterOptions = {}): Promise<TestCluster> {
  const { binaries, images, enforcer } = await lane();
  const directory = mkdtempSync(join(tmpdir(), `sealflow-kubernetes-${process.pid}-`));
  removeStaleCgroups();
  removeStaleDirectories();
  const { network: net, release } = await claimNetwork();
  const node = options.node ?? true;
  const nodeName = node ? "sgx-0" : "";
  const server = `https://${net.nodeIp}:6443`;
  makePki(join(directory, "pki"), { server, nodeName: nodeName || "none", nodeIp: net.nodeIp });
  const all = [...(node ? images : []), ...(options.images ?? [])];
  const own = options.registryPort === undefined ? [] : [`${net.hostIp}:${options.registryPort}`];
  const registries = [...(options.registries ?? []), ...own];
  writeSettings(directory, { ...net, binaries, nodeName, images: all, registries });
  if (options.policies === true) writeEnforcer(directory, enforcer, nodeName);
  const flags = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const child = spawn("unshare", [...flags, "bash", script, directory], {
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += chunk));
  const cluster: TestCluster = {
    ...{ kubeconfig: join(directory, "pki", "admin.conf"), server, nodeName, directory },
    ...{ hostIp: net.hostIp, nodeIp: net.nodeIp },
    stop: () => stop(child, directory).finally(release),
  };
  try {
    await connectNetwork(child, directory, net);
    await until(
      "the API server",
      60,
      () => kubectl(binaries, cluster, "get", "--raw", "/readyz") === "ok",
      () => output + tail(directory),
    );
    if (node)
      await until(
        "the node",
        90,
        () => nodeReady(binaries, cluster),
        () => output + tail(directory),
      );
    await until(
      "the default service account",
      30,
      () => kubectl(binaries, cluster, "get", "sa", "default") !== "",
    );
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

/** What is needed of a client here. */
interface Patches {
  patch(
    ref: { apiVersion: string; kind: string; name: string },
    patch: object,
    subresource?: string,
  ): Promise<unknown>;
}

/** Makes a node look as those of the SGX pool: label, taint, and enclave page cache as a resource. */
export async function makeSgxNode(client: Patches, name: string, epc: string): Promise<void> {
  const node = { apiVersion: "v1", kind: "Node", name };
  await client.patch(node, {
    metadata: { labels: { intelvm: "sgx" } },
    spec: { taints: [{ key: "sgx", value: "true", effect: "NoSchedule" }] },
  });
  const resources = { "sgx.intel.com/epc": epc };
  await client.patch(node, { status: { capacity: resources, allocatable: resources } }, "status");
}

/** Archives of the lane's images: a pause program, and Debian with Python 3.11. */
export async function laneImages(): Promise<readonly string[]> {
  return (await lane()).images;
}

interface Lane {
  readonly binaries: string;
  readonly images: readonly string[];
  readonly enforcer: string;
  readonly made: boolean;
}

async function lane(): Promise<Lane> {
  const { kubernetesCache } = (await import(
    new URL("../../tools/kubernetes/cache.mjs", import.meta.url).href
  )) as { kubernetesCache: () => Lane };
  const cache = kubernetesCache();
  if (!cache.made) throw new Error("kubernetes: npm run setup -- --lane kubernetes builds it");
  return cache;
}

interface Network {
  readonly hostIp: string;
  readonly nodeIp: string;
  readonly podCidr: string;
  readonly device: string;
}

/** How many clusters can stand beside each other on one machine. */
const NETWORKS = 256;

/** A name that only one process has at a time; the kernel takes it back when that one ends. */
interface Claim {
  readonly network: Network;
  release(): void;
}

/** Addresses that no other cluster has, whichever process started it. */
async function claimNetwork(): Promise<Claim> {
  for (let number = process.pid % NETWORKS, tries = 0; tries < NETWORKS; tries++) {
    const claim = createServer();
    const free = await new Promise<boolean>((resolve) => {
      claim.once("error", () => resolve(false));
      // A socket without a file, as Linux has them.
      claim.listen(`\0sealflow-kubernetes-${number}`, () => resolve(true));
    });
    if (free && !existsSync(`/sys/class/net/${deviceOf(number)}`)) {
      claim.unref();
      return { network: networkOf(number), release: () => claim.close() };
    }
    claim.close();
    number = (number + 1) % NETWORKS;
  }
  throw new Error(`${NETWORKS} clusters stand already`);
}

const deviceOf = (number: number) => `sealflow${number}`;

function networkOf(number: number): Network {
  return {
    hostIp: `10.213.${number}.1`,
    nodeIp: `10.213.${number}.2`,
    podCidr: `10.214.${number}.0/24`,
    device: deviceOf(number),
  };
}

async function connectNetwork(
  child: ChildProcess,
  directory: string,
  { device, hostIp, nodeIp, podCidr }: Network,
): Promise<void> {
  await until("the namespaces", 20, () => existsSync(join(directory, "ready")));
  const ip = (...args: string[]) => execFileSync("ip", args, { stdio: "pipe" });
  const inner = innerPid(child.pid ?? 0);
  ip("link", "add", device, "type", "veth", "peer", "name", "inside", "netns", String(inner));
  ip("addr", "add", `${hostIp}/30`, "dev", device);
  ip("link", "set", device, "up");
  // Goes with the device when the namespaces end.
  ip("route", "add", podCidr, "via", nodeIp);
}

/** `unshare` waits; the process in the new namespaces is its child. */
function innerPid(outer: number): number {
  return Number(readFileSync(`/proc/${outer}/task/${outer}/children`, "utf8").trim().split(" ")[0]);
}

interface Settings extends Network {
  readonly binaries: string;
  readonly nodeName: string;
  readonly images: readonly string[];
  readonly registries: readonly string[];
}

function writeSettings(directory: string, settings: Settings): void {
  const { nodeIp, hostIp, binaries, nodeName, images, podCidr } = settings;
  const put = (name: string, text: string) => writeFileSync(join(directory, name), text);
  put(
    "settings.sh",
    `NODE_IP=${nodeIp}\nHOST_IP=${hostIp}\nBINARIES=${binaries}\nNODE_NAME=${nodeName}\nWITH_NODE=${nodeName}\nIMAGES="${images.join(" ")}"\n`,
  );
  put("kubelet.yaml", kubeletConfig(directory, nodeIp));
  put("containerd.toml", containerdConfig(settings.registries));
  put("cni.conflist", cniConfig(podCidr));
}

/** Starts in the namespaces as the last; the node is not known at once. */
function writeEnforcer(directory: string, program: string, nodeName: string): void {
  if (!existsSync(program)) throw new Error("network policies: npm run setup -- --lane kubernetes builds it");
  const kubeconfig = join(directory, "pki", "admin.conf");
  const command = `"${program}" -kubeconfig "${kubeconfig}" -node ${nodeName} -services 10.96.0.0/16`;
  mkdirSync(join(directory, "extra"));
  writeFileSync(join(directory, "extra", "policies.sh"), `until ${command}; do sleep 0.5; done\n`);
}

/** Root of the cgroups of a cluster's pods: its process, so that those of dead ones are known. */
const cgroupRoot = `sealflow-test-${process.pid}`;

function kubeletConfig(directory: string, nodeIp: string): string {
  for (const hierarchy of hierarchies()) mkdirSync(join(hierarchy, cgroupRoot), { recursive: true });
  return JSON.stringify({
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address: nodeIp,
    healthzBindAddress: "127.0.0.1",
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: join(directory, "pki", "ca.crt") },
    },
    authorization: { mode: "Webhook" },
    tlsCertFile: join(directory, "pki", "kubelet-server.crt"),
    tlsPrivateKeyFile: join(directory, "pki", "kubelet-server.key"),
    cgroupDriver: "cgroupfs",
    cgroupRoot: `/${cgroupRoot}`,
    failCgroupV1: false,
    failSwapOn: false,
    makeIPTablesUtilChains: false,
    oomScoreAdj: 0,
    localStorageCapacityIsolation: false,
    enforceNodeAllocatable: ["pods"],
    evictionHard: {
      "memory.available": "50Mi",
      "nodefs.available": "1%",
      "imagefs.available": "1%",
      "nodefs.inodesFree": "1%",
    },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    resolvConf: "",
    containerRuntimeEndpoint: "unix:///run/containerd/containerd.sock",
    nodeStatusUpdateFrequency: "5s",
    syncFrequency: "5s",
    maxPods: 60,
  });
}

function containerdConfig(registries: readonly string[]): string {
  const mirrors = registries.map(
    (host) =>
      `[plugins."io.containerd.grpc.v1.cri".registry.mirrors."${host}"]\n  endpoint = ["http://${host}"]\n`,
  );
  return `version = 2
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  disable_apparmor = true
  sandbox_image = "localhost/pause:1"
  stream_server_address = "127.0.0.1"
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "/etc/cni/net.d"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
${mirrors.join("")}`;
}

function cniConfig(podCidr: string): string {
  const ipam = { type: "host-local", ranges: [[{ subnet: podCidr }]], routes: [{ dst: "0.0.0.0/0" }] };
  return JSON.stringify({
    cniVersion: "0.4.0",
    name: "pods",
    plugins: [{ type: "ptp", ipMasq: false, ipam }],
  });
}

function kubectl(
  binaries: string,
  { kubeconfig }: Pick<TestCluster, "kubeconfig">,
  ...args: string[]
): string {
  try {
    const all = ["--kubeconfig", kubeconfig, "--request-timeout=5s", ...args];
    return execFileSync(join(binaries, "kubectl"), all, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
  } catch {
    return "";
  }
}

function nodeReady(binaries: string, cluster: TestCluster): boolean {
  const path = '{.status.conditions[?(@.type=="Ready")].status}';
  return kubectl(binaries, cluster, "get", "node", cluster.nodeName, "-o", `jsonpath=${path}`) === "True";
}

function tail(directory: string): string {
  return ["kubelet", "containerd", "apiserver"]
    .map((name) => join(directory, `${name}.log`))
    .filter((file) => existsSync(file))
    .map((file) => `\n${file}:\n${readFileSync(file, "utf8").split("\n").slice(-15).join("\n")}`)
    .join("");
}

async function until(
  what: string,
  seconds: number,
  holds: () => boolean,
  more: () => string = () => "",
): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`${what}: not ready after ${seconds} s\n${more()}`);
    await sleep(200);
  }
}

async function stop(child: ChildProcess, directory: string): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.stdin?.end();
  const killer = setTimeout(() => child.kill("SIGKILL"), 5000);
  if (child.exitCode === null && child.signalCode === null) await ended;
  clearTimeout(killer);
  await sleep(200);
  removeStaleCgroups(cgroupRoot);
  rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

function hierarchies(): string[] {
  const root = "/sys/fs/cgroup";
  if (existsSync(join(root, "cgroup.controllers"))) return [root];
  return readdirSync(root)
    .map((name) => join(root, name))
    .filter((path) => statSync(path).isDirectory() && existsSync(join(path, "cgroup.procs")));
}

/** So do directories. */
function removeStaleDirectories(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = /^sealflow-kubernetes-(\d+)-/.exec(name)?.[1];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    rmSync(join(tmpdir(), name), { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** Cgroups outlive the processes of a cluster that was killed. */
function removeStaleCgroups(own?: string): void {
  for (const hierarchy of hierarchies()) {
    for (const name of readdirSync(hierarchy)) {
      const pid = /^sealflow-test-(\d+)$/.exec(name)?.[1];
      if (pid === undefined || (name !== own && existsSync(`/proc/${pid}`))) continue;
      removeCgroup(join(hierarchy, name));
    }
  }
}

function removeCgroup(path: string): void {
  try {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) removeCgroup(join(path, entry.name));
    }
    rmdirSync(path);
  } catch {
    // Somebody is still in it, or it is gone.
  }
}
