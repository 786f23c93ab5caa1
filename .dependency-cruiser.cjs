/**
 * The import arrows of the house (ARCHITECTURE.md). A room may import only the rooms listed here,
 * and only through their public entry.
 */
const rooms = {
  core: [],
  pipeline: ["core"],
  attest: ["core"],
  seal: ["core"],
  trust: ["core", "pipeline", "attest", "seal"],
  kfp: ["core"],
  engine: ["core", "pipeline", "seal", "trust"],
  cluster: ["core", "pipeline", "seal", "trust", "kfp", "engine"],
  azure: ["core"],
  server: ["core", "pipeline", "trust", "kfp", "engine"],
  web: ["core", "pipeline", "attest", "seal", "trust", "kfp"],
};
const pure = ["core", "pipeline", "attest", "seal", "trust"];

const arrows = Object.entries(rooms).map(([room, allowed]) => ({
  name: `arrows-of-${room}`,
  comment: `packages/${room} may import only: ${allowed.join(", ") || "nothing"}`,
  severity: "error",
  from: { path: `^packages/${room}/src/` },
  to: {
    path: "^packages/[^/]+/",
    pathNot: `^packages/(${[room, ...allowed].join("|")})/`,
  },
}));

module.exports = {
  forbidden: [
    ...arrows,
    {
      name: "public-entries-only",
      comment: "Another room is imported by its package name, never by a path into its files",
      severity: "error",
      from: { path: "^packages/([^/]+)/src/" },
      to: {
        path: "^packages/[^/]+/",
        pathNot: [
          "^packages/$1/",
          "^packages/[^/]+/(src|dist)/(index|node|browser|interpreter|head-start|sealed)\\.(ts|js|d\\.ts)$",
        ],
      },
    },
    {
      name: "pure-rooms",
      comment: "Pure rooms run in a browser: no Node modules, but in the entry @sealflow/seal/node",
      severity: "error",
      from: { path: `^packages/(${pure.join("|")})/src/`, pathNot: "^packages/seal/src/node(/|\\.ts$)" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "no-cycles",
      severity: "error",
      from: { path: "^packages/[^/]+/src/" },
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "no-undeclared",
      comment: "What is imported is declared in the package's own package.json",
      severity: "error",
      from: { path: "^packages/[^/]+/src/" },
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown", "npm-dev"] },
    },
    {
      name: "no-unresolvable",
      severity: "error",
      from: { path: "^packages/[^/]+/src/" },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: ["node_modules", "dist"] },
    exclude: { path: ["(^|/)dist/", "/testdata/"] },
    tsPreCompilationDeps: true,
    combinedDependencies: false,
    tsConfig: { fileName: "tsconfig.base.json" },
    enhancedResolveOptions: {
      conditionNames: ["@sealflow/source", "import", "types", "default"],
      exportsFields: ["exports"],
      extensions: [".ts", ".tsx", ".js", ".mjs", ".json", ".d.ts"],
    },
  },
};
