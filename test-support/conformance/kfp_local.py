"""Runs the conformance pipelines with kfp.local and prints, as Markdown, where it ends otherwise.

A run differs when it ends in another state or gives other outputs than is written beside the pipeline; states of
single tasks are not looked at, since kfp.local does not tell them.
"""

import json
import os
import pickle
import re
import signal
import sys
import tempfile
import warnings

os.environ["CONFORMANCE_LOCAL"] = "1"
os.environ["PATH"] = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
warnings.simplefilter("ignore")

import kfp
from kfp import local

import compile as compiling  # noqa: F401  registers the cases
from case import CASES, RUN_ID, RUN_NAME, SCRATCH, TIME

TIMEOUT_SECONDS = 60


def filled(value, scratch):
    return json.loads(json.dumps(value).replace(SCRATCH, scratch))


def attempt(case, run, scratch):
    """How kfp.local ends the run: a state, outputs and a reason."""
    local.init(
        runner=local.SubprocessRunner(use_venv=False), pipeline_root=f"{scratch}/root", raise_on_error=True
    )
    task = case["pipeline"](**filled(run["parameters"], scratch))
    outputs = {}
    for name, value in task.outputs.items():
        if hasattr(value, "path"):
            with open(value.path) as file:
                outputs[name] = file.read()
        elif isinstance(value, list) and value and hasattr(value[0], "path"):
            outputs[name] = [open(each.path).read() for each in value]
        else:
            outputs[name] = value
    return "SUCCEEDED", outputs, ""


def tidy(reason):
    """What is the same in each run: no colours, and not which of the iterations came first."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", reason)
    plain = re.sub(r"column \d+ \(char \d+\)", "column N", plain)
    return re.sub(r"iteration-\d+", "iteration-N", plain)


def in_a_process(case, run):
    """The attempt in a process of its own, whose output is thrown away."""
    with tempfile.TemporaryDirectory() as scratch:
        result = os.path.join(scratch, "result")
        pid = os.fork()
        if pid == 0:
            os.setpgid(0, 0)
            log = os.open(os.path.join(scratch, "log"), os.O_WRONLY | os.O_CREAT)
            os.dup2(log, 1)
            os.dup2(log, 2)
            signal.alarm(TIMEOUT_SECONDS)
            try:
                ended = attempt(case, run, scratch)
            except Exception as error:
                ended = ("ERROR", {}, f"{type(error).__name__}: {error}")
            with open(result, "wb") as file:
                pickle.dump(ended, file)
            os._exit(0)
        os.waitpid(pid, 0)
        if not os.path.exists(result):
            return "ERROR", {}, f"no end within {TIMEOUT_SECONDS} s"
        with open(result, "rb") as file:
            state, outputs, reason = pickle.load(file)
        with open(os.path.join(scratch, "log"), errors="replace") as file:
            log = re.sub(r"\x1b\[[0-9;]*m", "", file.read())
        if reason.startswith("RuntimeError: Pipeline ") or reason.startswith("RuntimeError: Task "):
            errors = [line for line in log.splitlines() if re.search(r"\w*(Error|Exception): ", line)]
            reason = errors[-1].strip() if errors else reason
        return state, outputs, tidy(reason.replace(scratch, "DIR"))


def comparable(value):
    text = json.dumps(value, sort_keys=True)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", TIME, text)
    return re.sub(r"(?<=: )(-?\d+)\.0(?=[,}\]])", r"\1", text)


def verdict(case, run):
    """None when kfp.local does as expected, else what it does instead."""
    state, outputs, reason = in_a_process(case, run)
    expected = {**run["outputs"], **run["artifacts"]}
    if run["state"] == "FAILED":
        if state == "SUCCEEDED":
            return "succeeds, and should fail"
        refused = re.search(r"not supported|only supports|must|Cannot|cannot", reason)
        return f"refuses: {reason}" if refused and state == "ERROR" else None
    if state != "SUCCEEDED":
        return f"fails: {reason}"
    marks = (SCRATCH, RUN_ID, RUN_NAME)
    if any(mark in json.dumps(expected) for mark in marks):
        return None
    if json.dumps(outputs, sort_keys=True) == json.dumps(expected, sort_keys=True):
        return None
    if comparable(outputs) == comparable(expected):
        return None
    return f"gives: {json.dumps(outputs, sort_keys=True)}, not {json.dumps(expected, sort_keys=True)}"


def cell(text):
    line = re.sub(r"\s+", " ", text).replace("|", "\\|")
    line = re.sub(r"\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-\d+", "…", line)
    return "`" + (line if len(line) <= 180 else f"{line[:180]}…").replace("`", "'") + "`"


HEAD = """# Differences from kfp.local

The conformance pipelines (`test-support/conformance`), run by `kfp.local` of kfp {version} with
`SubprocessRunner(use_venv=False)`: of {runs} runs, {good} end as is written beside the pipeline, with the same
outputs. Sealflow ends all of them so. The expectations follow
[what a run means](../decisions/0003-what-a-run-means.md). States of single tasks are not compared, since
`kfp.local` does not tell them. Container components need its `DockerRunner`, which is not measured here.

Written by `python test-support/conformance/kfp_local.py > docs/reference/kfp-local-differences.md` with the
tests' Python environment; a slow test says when it is out of date.
"""

REFUSED = """
## Specs that the Python SDK compiles wrongly

These compile without complaint and refer to what is not there, or to another type: the official backend finds out
when the task is about to start. Sealflow refuses them before anything runs.

| pipeline | refused with |
|---|---|"""


def main():
    rows, runs, good = [], 0, 0
    for case in CASES:
        for run in case["runs"]:
            runs += 1
            found = verdict(case, run)
            if found is None:
                good += 1
                continue
            parameters = cell(json.dumps(run["parameters"], ensure_ascii=False)) if run["parameters"] else ""
            kind, _, detail = found.partition(": ")
            rows.append((case["name"], parameters, kind, cell(detail)))
    print(HEAD.format(version=kfp.__version__, runs=runs, good=good))
    print("| pipeline | parameters | kfp.local | instead |\n|---|---|---|---|")
    for row in sorted(rows):
        print("| " + " | ".join(row) + " |")
    print(REFUSED)
    for case in sorted(CASES, key=lambda case: case["name"]):
        if case["refused"] is not None:
            print(f"| {case['name']} | {', '.join(f'`{code}`' for code in case['refused'])} |")


if __name__ == "__main__":
    main()
