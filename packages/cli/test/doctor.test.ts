import { describe, expect, it } from "vitest";
import { reportChecks } from "../src/commands/doctor.js";
import { type Check, examine } from "../src/doctor/checks.js";
import type { Probe } from "../src/doctor/probe.js";
import { cli, fakeContext } from "./support/fake-context.js";

const healthy: Readonly<Record<string, string>> = {
  python3: "3.12.4 /usr/bin/python3 True",
  uv: "uv 0.9.1",
  az: '{ "azure-cli": "2.80.0" }',
  kubectl: "Client Version: v1.34.1",
  kustomize: "v5.7.1",
};

function machine(commands: Readonly<Record<string, string>>, changes: Partial<Probe> = {}): Probe {
  return {
    nodeVersion: "20.19.0",
    env: {},
    cwd: "/project",
    home: "/home/someone",
    output: async (command) => commands[command],
    freeBytes: async () => 50 * 2 ** 30,
    ...changes,
  };
}

async function check(name: string, probe: Probe): Promise<Check | undefined> {
  return (await examine(probe, { cloud: true })).find((each) => each.name === name);
}

describe("the doctor", () => {
  it("finds nothing to mend on a machine that has everything", async () => {
    const checks = await examine(machine(healthy), { cloud: true });
    expect(checks.map(({ name, state }) => `${name} ${state}`)).toEqual([
      "node ok",
      "python ok",
      "uv ok",
      "disk ok",
      "az ok",
      "kubectl ok",
      "kustomize ok",
    ]);
    expect(checks.every((each) => each.mend === undefined)).toBe(true);
  });

  it("looks at cloud tools only when asked", async () => {
    const checks = await examine(machine({}), { cloud: false });
    expect(checks.map((each) => each.name)).toEqual(["node", "python", "uv", "disk"]);
  });

  it("asks for a newer Node", async () => {
    expect(await check("node", machine(healthy, { nodeVersion: "20.18.3" }))).toMatchObject({
      state: "missing",
    });
    expect(await check("node", machine(healthy, { nodeVersion: "24.0.0" }))).toMatchObject({ state: "ok" });
  });

  it("goes on to a newer Python when the first is too old", async () => {
    const probe = machine({
      python3: "3.9.2 /usr/bin/python3 True",
      "python3.11": "3.11.2 /usr/bin/python3.11 True",
    });
    expect(await check("python", probe)).toEqual({
      name: "python",
      state: "ok",
      found: "Python 3.11.2 (/usr/bin/python3.11)",
    });
  });

  it("says that a Python lacks venv, and what to install", async () => {
    const found = await check("python", machine({ python3: "3.11.2 /usr/bin/python3 False" }));
    expect(found).toMatchObject({ state: "missing", found: "Python 3.11.2 (/usr/bin/python3) without venv" });
    expect(found?.mend).toContain("python3-venv");
  });

  it("looks only at the Python named in the environment", async () => {
    const probe = machine(healthy, { env: { SEALFLOW_PYTHON: "/opt/none" } });
    expect(await check("python", probe)).toMatchObject({ state: "missing", found: "/opt/none does not run" });
  });

  it("advises uv without asking for it", async () => {
    expect(await check("uv", machine({}))).toMatchObject({ state: "advice" });
  });

  it("warns below 4 GiB and fails below 1 GiB of disk", async () => {
    const withFree = (gib: number) => machine(healthy, { freeBytes: async () => gib * 2 ** 30 });
    expect(await check("disk", withFree(3))).toMatchObject({ state: "advice", found: "3.0 GiB free" });
    expect(await check("disk", withFree(0.5))).toMatchObject({ state: "missing", found: "512.0 MiB free" });
  });

  it("ends with 1 only when something required is missing", async () => {
    const { context, written } = fakeContext();
    const flags = { cloud: false, json: false };
    expect(
      reportChecks(context, flags, [{ name: "uv", state: "advice", found: "none", mend: "get it" }]),
    ).toBe(0);
    expect(
      reportChecks(context, flags, [{ name: "node", state: "missing", found: "old", mend: "new" }]),
    ).toBe(1);
    expect(written.stdout).toBe(
      "advice   uv         none\n         hint: get it\nmissing  node       old\n         hint: new\n",
    );
  });

  it("prints one JSON object about this machine", async () => {
    const { stdout } = await cli(["doctor", "--json"], { cwd: process.cwd(), env: process.env });
    const report = JSON.parse(stdout);
    expect(report.checks[0]).toEqual({
      name: "node",
      state: "ok",
      found: `Node.js ${process.versions.node}`,
    });
  });
});
