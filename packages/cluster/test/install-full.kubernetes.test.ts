/**
 * The whole community distribution on a real API server. Its manifests are not here: SEALFLOW_KUBEFLOW_MANIFESTS names a file that
 * they were rendered to (docs/guide/install-kubeflow.md). Its images can't be had here either: somebody stands for its controllers.
 */
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type TestCluster } from "../../../test-support/kubernetes/cluster.js";
import { cli, type FakeOptions } from "../../cli/test/support/fake-context.js";
import { connect, type KubeClient, releases } from "../src/index.js";
import { type Controllers, startControllers } from "./support/controllers.js";

const manifests = process.env.SEALFLOW_KUBEFLOW_MANIFESTS ?? "";
if (!existsSync(manifests))
  console.warn("SKIPPED: SEALFLOW_KUBEFLOW_MANIFESTS names no rendered manifests of the full distribution");

describe.skipIf(!existsSync(manifests))("installing the full distribution", () => {
  let cluster: TestCluster;
  let client: KubeClient;
  let controllers: Controllers | undefined;
  beforeAll(async () => {
    cluster = await startCluster({ node: false });
    client = connect({ kubeconfig: cluster.kubeconfig }, {});
  });
  afterAll(async () => {
    controllers?.stop();
    client?.transport.close();
    await cluster?.stop();
  });

  const sealflow = (args: readonly string[], onContext: FakeOptions["onContext"] = () => {}) =>
    cli(["cluster", ...args, "--kubeconfig", cluster.kubeconfig], {
      ...{ cwd: cluster.directory, env: process.env as Record<string, string>, now: Date.now, onContext },
    });
  const source = ["--profile", "kubeflow", "--manifests", manifests];
  const install = ["install", ...source, "--skip-preflight", "--timeout", "0s", "--json"];

  it("waits for webhooks that do not answer yet, says for which, and may be broken off", async () => {
    let interrupt = () => {};
    let told = "";
    const pinned = ["--digest", `${releases.kubeflow.digest}`];
    const running = sealflow([...install, ...pinned], (context) => {
      interrupt = () => context.interrupt();
      const { stderr } = context.process;
      const { write } = stderr;
      Object.assign(stderr, {
        write: (text: string) => {
          write.call(stderr, text);
          told += text;
        },
      });
    });
    await expect.poll(() => told, { timeout: 240_000 }).toMatch(/retrying {3}.*failed calling webhook/);
    interrupt();
    const { exitCode, stderr } = await running;
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain("CLUSTER_INSTALL_INTERRUPTED");
    expect(stderr).toMatch(/shown this once: \S{20}/);
    expect((await sealflow(["status"])).stdout).toContain("not wholly installed");
  }, 300_000);

  it("goes on where it was broken off once they answer, and ends with all objects", async () => {
    const started = await startControllers(client, cluster.hostIp);
    controllers = started;
    let going = true;
    const looking = (async () => {
      while (going) {
        await started.look();
        await sleep(500);
      }
    })();
    const outcome = await sealflow(install);
    going = false;
    await looking;
    expect(outcome.exitCode, outcome.stderr.slice(-3000)).toBe(0);
    const { counts } = JSON.parse(outcome.stdout);
    expect(counts.created + counts.changed + counts.unchanged).toBe(677);
    expect([...started.asked.keys()]).toEqual(expect.arrayContaining(["/validate", "/inject"]));
    expect(outcome.stderr).not.toContain("shown this once");
  }, 600_000);

  it("changes nothing the second time, although controllers have completed what is theirs", async () => {
    const outcome = await sealflow(install);
    expect(outcome.exitCode, outcome.stderr.slice(-3000)).toBe(0);
    expect(outcome.stderr.split("\n").filter((line) => /^(changed|created) /.test(line))).toEqual([]);
    expect(JSON.parse(outcome.stdout)).toMatchObject({ counts: { created: 0, changed: 0, unchanged: 677 } });
    const diff = await sealflow(["diff", ...source, "--json"]);
    expect(JSON.parse(diff.stdout)).toEqual({ differences: [] });
  }, 600_000);

  it("keeps users' namespaces when it goes, unless told otherwise", async () => {
    const { stdout, exitCode, stderr } = await sealflow(["uninstall", "--yes", "--json"]);
    expect(exitCode, stderr.slice(-3000)).toBe(0);
    expect(JSON.parse(stdout).kept).toEqual(
      expect.arrayContaining(["Profile kubeflow-user-example-com", "Namespace kubeflow"]),
    );
    expect((await sealflow(["uninstall", "--yes", "--delete-data"])).exitCode).toBe(0);
  }, 600_000);
});
