#!/usr/bin/env node
// Committed, so that npm can link it before anything is built; the program itself is the bundle.
const program = new URL("../dist/bundle/bin.js", import.meta.url);
try {
  await import(program.href);
} catch (error) {
  if (error?.code !== "ERR_MODULE_NOT_FOUND" || error.url !== program.href) throw error;
  console.error(
    "error[CLI_NOT_BUILT]: sealflow: expected its built program, got a checkout that was not built",
  );
  console.error("hint: run `npm run build` in the checkout");
  process.exitCode = 1;
}
