import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeSgxNode, startCluster, type TestCluster } from "../../../test-support/kubernetes/cluster.js";
import { connect, forwardPort, type KubeClient, type KubeObject } from "../src/kube/index.js";

let cluster: TestCluster;
let client: KubeClient;
beforeAll(async () => {
  cluster = await startCluster();
  client = connect({ kubeconfig: cluster.kubeconfig }, {});
});
afterAll(async () => {
  client?.transport.close();
  await cluster?.stop();
});

interface Pod extends KubeObject {
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly message?: string }[];
    readonly containerStatuses?: readonly {
      readonly state: { readonly terminated?: { readonly exitCode: number } };
    }[];
  };
}

const pod = (name: string, program: string, more: object = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "default" },
  spec: {
    restartPolicy: "Never",
    containers: [
      { name: "main", image: "localhost/python:3.11", command: ["python3", "-uc", program], ...more },
    ],
  },
});
const ref = (name: string) => ({ apiVersion: "v1", kind: "Pod", name, namespace: "default" });

async function until(name: string, holds: (pod: Pod) => boolean): Promise<Pod> {
  for (let tries = 0; tries < 300; tries++) {
    const found = await client.get<Pod>(ref(name));
    if (holds(found)) return found;
    await sleep(100);
  }
  throw new Error(`pod ${name}: ${JSON.stringify((await client.get<Pod>(ref(name))).status)}`);
}

const ended = ({ status }: Pod) => status?.phase === "Succeeded" || status?.phase === "Failed";

describe("a cluster with a node", () => {
  it("runs programs in pods, gives their output while they run, and their exit codes", async () => {
    await client.create(
      pod("counts", "import time,sys\nfor i in range(5): print(i); time.sleep(0.1)\nsys.exit(3)"),
    );
    await until("counts", ({ status }) => status?.phase !== "Pending");
    let text = "";
    for await (const chunk of client.logs({ namespace: "default", name: "counts" }, { follow: true }))
      text += chunk;
    expect(text).toBe("0\n1\n2\n3\n4\n");
    const { status } = await until("counts", ended);
    expect(status?.containerStatuses?.[0]?.state.terminated?.exitCode).toBe(3);
  });

  it("lets pods reach this machine and the API, and this machine a port of a pod", async () => {
    const here = createServer((_, response) => response.end("from outside"));
    await new Promise<void>((done) => here.listen(0, cluster.hostIp, done));
    const port = (here.address() as { port: number }).port;
    const program = `
import http.server, urllib.request
said = urllib.request.urlopen("http://${cluster.hostIp}:${port}/", timeout=10).read()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(said * 1000)
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()`;
    await client.create(pod("serves", program));
    await until("serves", ({ status }) => status?.phase === "Running");
    const forward = await forwardPort(client, { namespace: "default", pod: "serves", port: 8080 });
    try {
      const ask = async () => (await fetch(`http://127.0.0.1:${forward.localPort}/`)).text();
      for (let tries = 0; tries < 50 && (await ask().catch(() => "")) === ""; tries++) await sleep(100);
      const answers = await Promise.all([ask(), ask(), ask()]);
      for (const answer of answers) expect(answer).toBe("from outside".repeat(1000));
    } finally {
      await forward.close();
      here.close();
    }
    await client.delete(ref("serves"), { graceSeconds: 0 });
  });

  it("places pods on nodes with the label, the taint's toleration and enough EPC, and nowhere else", async () => {
    await makeSgxNode(client, cluster.nodeName, "64Mi");
    const wants = (name: string, epc: string, tolerates: boolean, selector = { intelvm: "sgx" }) => {
      const made = pod(name, "print('in')", { resources: { limits: { "sgx.intel.com/epc": epc } } });
      const tolerations = tolerates ? [{ key: "sgx", operator: "Exists", effect: "NoSchedule" }] : [];
      return { ...made, spec: { ...made.spec, nodeSelector: selector, tolerations } };
    };
    await client.create(wants("fits", "10Mi", true));
    await client.create(wants("too-large", "100Mi", true));
    await client.create(wants("intolerant", "10Mi", false));
    await client.create(wants("elsewhere", "10Mi", true, { intelvm: "none" }));
    expect((await until("fits", ended)).status?.phase).toBe("Succeeded");
    const reasons = [];
    for (const name of ["too-large", "intolerant", "elsewhere"]) {
      const { status } = await until(name, (each) => (each.status?.conditions?.length ?? 0) > 0);
      reasons.push(status?.conditions?.find(({ type }) => type === "PodScheduled")?.message);
    }
    expect(reasons[0]).toContain("Insufficient sgx.intel.com/epc");
    expect(reasons[1]).toContain("untolerated taint");
    expect(reasons[2]).toContain("node affinity/selector");
  });
});
