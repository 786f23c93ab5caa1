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
          exclude: [...never, ...tests(".browser.test.ts")],
        },
      },
      { ...shared, test: { ...limits, name: "browser", include: tests(".browser.test.ts"), exclude: never } },
    ],
  },
});
