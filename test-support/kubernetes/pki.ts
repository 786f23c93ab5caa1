/** Certificates of a test cluster: an authority, and one certificate per component. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Makes all keys and kubeconfigs in a directory. */
export function makePki(
  directory: string,
  { server, nodeName, nodeIp }: { server: string; nodeName: string; nodeIp: string },
): void {
  mkdirSync(directory, { recursive: true });
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: directory, stdio: "pipe" });
  openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ca.key");
  openssl("req", "-x509", "-new", "-key", "ca.key", "-subj", "/CN=test", "-days", "2", "-out", "ca.crt");
  openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "sa.key");
  openssl("ec", "-in", "sa.key", "-pubout", "-out", "sa.pub");
  const sign = (name: string, subject: string, names = "") => {
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", `${name}.key`);
    openssl("req", "-new", "-key", `${name}.key`, "-subj", subject, "-out", `${name}.csr`);
    writeFileSync(
      join(directory, `${name}.ext`),
      names === "" ? "basicConstraints=CA:FALSE\n" : `subjectAltName=${names}\n`,
    );
    openssl(
      ..."x509 -req -CA ca.crt -CAkey ca.key -CAcreateserial -days 2".split(" "),
      "-in",
      `${name}.csr`,
      "-extfile",
      `${name}.ext`,
      "-out",
      `${name}.crt`,
    );
  };
  sign(
    "apiserver",
    "/CN=kube-apiserver",
    `DNS:kubernetes.default.svc,IP:${nodeIp},IP:10.96.0.1,IP:127.0.0.1`,
  );
  sign("kubelet-server", `/CN=${nodeName}`, `DNS:${nodeName},IP:${nodeIp}`);
  const users: [string, string][] = [
    ["admin", "/O=system:masters/CN=admin"],
    ["controller-manager", "/CN=system:kube-controller-manager"],
    ["scheduler", "/CN=system:kube-scheduler"],
    ["kubelet", `/O=system:nodes/CN=system:node:${nodeName}`],
  ];
  for (const [name, subject] of users) {
    sign(name, subject);
    writeFileSync(join(directory, `${name}.conf`), kubeconfig(directory, server, name));
  }
}

function kubeconfig(directory: string, server: string, name: string): string {
  const data = (file: string) => readFileSync(join(directory, file)).toString("base64");
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    clusters: [{ name: "test", cluster: { server, "certificate-authority-data": data("ca.crt") } }],
    users: [
      {
        name,
        user: { "client-certificate-data": data(`${name}.crt`), "client-key-data": data(`${name}.key`) },
      },
    ],
    contexts: [{ name: "test", context: { cluster: "test", user: name, namespace: "default" } }],
  });
}
