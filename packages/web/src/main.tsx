import { render } from "preact";
import { startLiveRuns } from "./api/live-runs.js";
import { App } from "./app/app.js";
import { startRouter } from "./app/router.js";
import { startTheme } from "./app/theme.js";
import "./style/base.css";
import "./style/shell.css";
import "./style/runs.css";

const root = document.getElementById("app");
if (root !== null) {
  startTheme();
  startRouter();
  startLiveRuns();
  render(<App />, root);
}
