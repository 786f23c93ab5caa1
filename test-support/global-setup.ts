/** Builds (once) the Python environment that tests compare with, and names it to the workers. */
export default async function setup(): Promise<void> {
  if (process.env.SEALFLOW_TEST_PYTHON) return;
  const { ensureTestPython } = (await import(new URL("../tools/install.mjs", import.meta.url).href)) as {
    ensureTestPython: () => string;
  };
  process.env.SEALFLOW_TEST_PYTHON = ensureTestPython();
}
