import { defineConfig } from "vitest/config";

const conditions = ["@sealflow/source"];
const never = ["**/node_modules/**", "**/dist/**"];
const tests = (suffix: string) => [
  `packages/*/test/**/*${suffix}`,
  `examples/*/test/**/*${suffix}`,
  `tools/test/**/*${suffix}`,
];

/** Tests read the sources, never a stale build: the custom condition leads every workspace import to src. */
const shared = { resolve: { conditions }, ssr: { resolve: { conditions } } };
const limits = { testTimeout: 60_000, hookTimeout: 300_000, globalSetup: ["test-support/global-setup.ts"] };

export default defineConfig({
  test: {
    projects: [
      {
        ...shared,
        test: {
          ...limits,
          name: "base",
          include: tests(".test.ts"),
          exclude: [...never, ...tests(".browser.test.ts"), ...tests(".kubernetes.test.ts")],
        },
      },
      {
        // Once more on a newer Node.js: the rooms that depend on it, but for what takes long and is rather about Python.
        ...shared,
        test: {
          ...limits,
          name: "node24",
          include: tests(".test.ts"),
          exclude: [
            ...never,
            ...tests(".browser.test.ts"),
            ...tests(".kubernetes.test.ts"),
            "examples/**",
            "packages/{attest,azure,pipeline,trust,web}/**",
            "packages/*/test/crash/**",
            "packages/*/test/conformance/**",
            "packages/cli/test/install.test.ts",
          ],
        },
      },
      { ...shared, test: { ...limits, name: "browser", include: tests(".browser.test.ts"), exclude: never } },
      {
        ...shared,
        test: {
          ...limits,
          name: "kubernetes",
          include: tests(".kubernetes.test.ts"),
          exclude: never,
          // Each file has a cluster of its own, and waits for it most of the time: three at once keep two processors busy.
          maxWorkers: 3,
        },
      },
    ],
  },
});
