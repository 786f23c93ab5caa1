import { execFile } from "node:child_process";

/** Interpreter of the tests' environment (kfp, kfp-kubernetes, pytest), set by the global setup. */
export function testPython(): string {
  const python = process.env.SEALFLOW_TEST_PYTHON;
  if (!python) throw new Error("SEALFLOW_TEST_PYTHON is not set: run through vitest's global setup");
  return python;
}

/** Runs a Python program in the tests' environment and returns its standard output. */
export function runPython(args: readonly string[], input = ""): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(testPython(), [...args], { maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.message}\n${stderr}`));
      else resolve(stdout);
    });
    child.stdin?.end(input);
  });
}
