"""One sealed task from its keys to its commit."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from sealflow.errors import InputsError, OutputsError
from sealflow.executor import Invocation
from sealflow.seal.canonical import canonical_json
from sealflow.seal.dsse import public_bytes
from sealflow.seal.keys import Identity
from sealflow.sealed import answers
from sealflow.sealed.client import BrokerClient
from sealflow.sealed.errors import Refused, Unreachable
from sealflow.sealed.evidence import EvidenceProvider
from sealflow.sealed.grant import digest_of, open_grant
from sealflow.sealed.inputs import executor_input, open_inputs
from sealflow.sealed.logs import allow_log
from sealflow.sealed.outputs import publish, released, seal_outputs
from sealflow.sealed.statements import Attempt, TaskResult, commit_of, failure_of
from sealflow.sealed.transcript import Transcript

Json = dict[str, Any]

_CHALLENGES = 3
"""So often a task asks anew when another process of it is faster each time."""


@dataclass(frozen=True)
class SealedSetting:
    """Where a task runs. All of it comes from the untrusted outside and decides nothing that is computed."""

    path: str
    component: str
    """The digest of the component that this process was made with."""
    inputs: Mapping[str, str]
    """Files of sealed artifacts, by digest."""
    outputs: Path
    """Directory for sealed outputs while they are written; exists."""
    store: Path
    """Where they go before they are committed, under their digests; on the same file system."""
    memory: Path
    """Directory in memory-backed storage; exists, and is empty but for the log."""
    deposit: Callable[[Mapping[str, list[str]]], None] | None = None
    """Has sealed outputs, digests by output, kept beyond this process; returns when they are."""


class TaskFailed(Exception):
    """The component failed, and the broker knows; only the code may leave."""

    def __init__(self, code: str, *, final: bool) -> None:
        super().__init__(code)
        self.code = code
        self.final = final


def component_digest(
    source: bytes, function: str, environment: str, runtime: str, env: Mapping[str, str]
) -> str:
    """What a component is: its source, its function, its environment, the runtime, its variables."""
    return digest_of(
        canonical_json(
            {
                "version": "sealflow.component/v1",
                "source": f"sha256:{hashlib.sha256(source).hexdigest()}",
                "function": function,
                "environment": environment,
                "runtime": runtime,
                "env": dict(env),
            }
        )
    )


class SealedTask:
    """Runs a component under a broker's grant."""

    def __init__(self, broker: BrokerClient, evidence: EvidenceProvider, setting: SealedSetting) -> None:
        self._broker = broker
        self._evidence = evidence
        self._setting = setting

    def run(self, component: Callable[[], Callable[..., Any]]) -> Json:
        """The result as it may leave: what is committed, and what is released.

        `component` loads the function. Raises TaskFailed when it failed, Refused when the broker, the grant
        or an input is not what it must be.
        """
        opened = self._granted()
        if not isinstance(opened, Attempt):
            return {"committed": opened, "released": {}}
        return self._compute(opened, component)

    def _granted(self) -> Attempt | Json:
        """The grant, or the result of an attempt that was faster."""
        for more in reversed(range(_CHALLENGES)):
            answer = self._broker.challenge(self._setting.path)
            if answer.get("kind") == "committed":
                return answers.committed(answer, self._setting.path)
            try:
                return self._open(answer)
            except Refused as error:
                # Another process of this task was faster with the same attempt: the next one is free.
                if error.code != "TRUST_ATTEMPT_TAKEN" or more == 0:
                    raise
        raise AssertionError

    def _open(self, challenge: Json) -> Attempt | Json:
        """The grant, or the result of an attempt that committed meanwhile."""
        _require_own(challenge, self._setting)
        identity, signing_key = Identity(X25519PrivateKey.generate()), Ed25519PrivateKey.generate()
        transcript = Transcript.of_challenge(challenge, identity.recipient, public_bytes(signing_key))
        evidence = self._evidence.evidence(transcript.report_data())
        answer = self._broker.request(transcript.message(), evidence)
        envelope, committed = answers.granted(answer, transcript.path)
        if committed is not None:
            return committed
        grant = open_grant(envelope, transcript, identity, time.time())
        return Attempt(transcript, signing_key, grant, digest_of(canonical_json(evidence)))

    def _compute(self, attempt: Attempt, component: Callable[[], Callable[..., Any]]) -> Json:
        memory = self._setting.memory
        transcript, grant = attempt.transcript, attempt.grant
        lineage = {
            "run": grant.content["runId"],
            "path": transcript.path,
            "attempt": str(transcript.attempt),
            "registration": transcript.registration,
        }
        allow_log(memory, grant.recipients(), lineage | {"content": "log"})
        artifacts = open_inputs(grant, self._setting.inputs, memory / "inputs")
        try:
            for name in ("outputs", "parameters"):
                (memory / name).mkdir()
            report = Invocation(component(), executor_input(grant, artifacts, memory)).run()
            result, files = seal_outputs(grant, transcript, report, memory, self._setting.outputs)
            statement, secrets = commit_of(attempt, result)
            publish(files, self._setting.store)
            self._deposit(result)
        except Unreachable:
            # Nobody's failure: the next attempt computes it again.
            raise
        except BaseException as error:
            return {"committed": self._failed(attempt, error), "released": {}}
        answer = self._broker.commit(transcript.path, transcript.attempt, statement, secrets)
        committed = answers.committed(answer, transcript.path)
        mine = committed.get("attempt") == transcript.attempt
        return {
            "committed": committed,
            "released": released(grant, result) if mine else {},
        }

    def _deposit(self, result: TaskResult) -> None:
        """A commit stands for ever, so that what it names must outlive this process before it is made."""
        if self._setting.deposit is not None:
            self._setting.deposit(
                {name: [each.digest for each in listed] for name, listed in result.artifacts.items()}
            )

    def _failed(self, attempt: Attempt, error: BaseException) -> Json:
        """What another attempt has committed meanwhile; raises TaskFailed when there is nothing."""
        code = failure_code(error)
        transcript = attempt.transcript
        answer = self._broker.fail(transcript.path, transcript.attempt, failure_of(attempt, code))
        end = answers.failed(answer, transcript.path)
        if isinstance(end, bool):
            raise TaskFailed(code, final=end) from error
        return end


def _require_own(challenge: Json, setting: SealedSetting) -> None:
    if challenge.get("kind") != "challenge":
        raise Refused("SEALED_CHALLENGE", "challenge: expected one, or what is committed, got another answer")
    if challenge.get("component") != setting.component:
        raise Refused(
            "SEALED_COMPONENT",
            f"task {setting.path}: expected component {challenge.get('component')}, got {setting.component}",
            "code, environment or runtime differ from what the policy allows",
        )
    if challenge.get("path") != setting.path:
        raise Refused("SEALED_CHALLENGE", f"challenge: expected one for {setting.path}, got another")


def failure_code(error: BaseException) -> str:
    """All that may be said of an error."""
    if isinstance(error, MemoryError):
        return "TASK_OUT_OF_MEMORY"
    if isinstance(error, InputsError):
        return "TASK_INPUTS"
    if isinstance(error, OutputsError):
        return "TASK_OUTPUTS"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "TASK_STORAGE_FULL"
    if isinstance(error, SystemExit):
        return "TASK_EXITED"
    return "TASK_RAISED"


def write_result(path: str, result: Json) -> None:
    """Hand the result to the outside, whole or not at all."""
    partial = f"{path}.partial"
    with open(partial, "w", encoding="utf-8") as file:
        json.dump(result, file)
    os.replace(partial, path)
