/** All routes. Only flag specifications are loaded here: what a command does comes when it is used. */
import { buildRouteMap } from "@stricli/core";
import type { CliContext } from "../context.js";
import { attestRoutes } from "./attest.js";
import { brokerRoutes } from "./broker.js";
import { bundleCommand } from "./bundle.js";
import { cloudRoutes } from "./cloud.js";
import { clusterRoutes } from "./cluster.js";
import { compileCommand } from "./compile.js";
import { completionCommand } from "./completion.js";
import { componentRoutes } from "./component.js";
import { componentsRoutes } from "./components.js";
import { confidentialCommand } from "./confidential.js";
import { contextsRoutes } from "./contexts.js";
import { doctorCommand } from "./doctor.js";
import { imageRoutes } from "./image.js";
import { initCommand } from "./init.js";
import { keysRoutes } from "./keys.js";
import { lintCommand } from "./lint.js";
import { policyRoutes } from "./policy.js";
import { reportCommand } from "./report.js";
import { resumeCommand, retryCommand, runCommand } from "./run.js";
import { runsRoutes } from "./runs.js";
import { exportCommand, openCommand, sealCommand } from "./seal.js";
import { serveCommand } from "./serve.js";
import { uiCommand } from "./ui.js";
import { verifyCommand } from "./verify.js";

export const root = buildRouteMap<string, CliContext>({
  routes: {
    init: initCommand,
    run: runCommand,
    resume: resumeCommand,
    retry: retryCommand,
    runs: runsRoutes,
    cluster: clusterRoutes,
    contexts: contextsRoutes,
    report: reportCommand,
    serve: serveCommand,
    ui: uiCommand,
    compile: compileCommand,
    lint: lintCommand,
    image: imageRoutes,
    confidential: confidentialCommand,
    components: componentsRoutes,
    component: componentRoutes,
    keys: keysRoutes,
    seal: sealCommand,
    open: openCommand,
    export: exportCommand,
    bundle: bundleCommand,
    verify: verifyCommand,
    broker: brokerRoutes,
    attest: attestRoutes,
    policy: policyRoutes,
    cloud: cloudRoutes,
    doctor: doctorCommand,
    completion: completionCommand,
  },
  docs: {
    brief:
      "Confidential machine-learning pipelines: write them in TypeScript, run them anywhere, verify the run",
  },
});
