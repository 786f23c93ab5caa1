"""Where a task stands in its run, from what Argo calls its pod's node. A locator: nobody believes it."""

from __future__ import annotations

import re

_ITERATION = re.compile(r"^iteration-iterations\((\d+):.*\)$")
_EXECUTOR = re.compile(r"^executor(\(\d+\))?$")


def task_path(node: str) -> str:
    """The task's path, for example ``for-loop-1[2]/add``, of a node such as
    ``run-x.root.for-loop-1.iteration-iterations(2:2).iteration-item.add.executor``.

    Source: the workflows that Kubeflow Pipelines 2.16 and 2.17 compile. A loop is a task with an iterator
    inside, an exit task a hook behind the task that it waits for, a retried executor has a number.
    Raises ValueError.
    """
    _, root, rest = node.partition(".root.")
    if not root:
        raise ValueError(f"workflow node: expected NAME.root.TASK.executor, got {node!r}")
    path: list[str] = []
    *parts, last = _segments(rest)
    if not _EXECUTOR.match(last):
        raise ValueError(f"workflow node: expected an executor at its end, got {node!r}")
    for part in parts:
        iteration = _ITERATION.match(part)
        if iteration and path:
            path[-1] += f"[{iteration.group(1)}]"
        elif part == "onExit" and path:
            # A hook stands behind the task that it waits for; its own task is that one's neighbour.
            path.pop()
        elif part != "iteration-item":
            path.append(part)
    if not path:
        raise ValueError(f"workflow node: expected a task, got {node!r}")
    return "/".join(path)


def _segments(text: str) -> list[str]:
    """Parts between dots; a dot in an iteration's parentheses is no end."""
    parts, depth = [""], 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "." and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts
