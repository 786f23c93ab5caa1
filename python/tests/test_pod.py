"""The runtime of a task's pod, against a small store on loopback."""

import hashlib
import io
import json
import os
import signal
import socket
import sys
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sealflow import pod, transfer

Json = dict[str, Any]


class Store:
    """Objects by path; a PUT with If-None-Match only makes new ones. `failures` answers come first."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.failures: list[int | tuple[int, str]] = []
        store = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = store.objects.get(self.path)
                self.answer(200 if content is not None else 404, content or b"")

            def do_PUT(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                taken = self.headers.get("If-None-Match") == "*" and self.path in store.objects
                if store.failures:
                    failure = store.failures.pop(0)
                    code, text = failure if isinstance(failure, tuple) else (failure, "")
                    self.answer(code, text.encode())
                elif taken:
                    self.answer(412)
                else:
                    store.objects[self.path] = content
                    self.answer(200)

            def answer(self, code: int, content: bytes = b"") -> None:
                self.send_response(code)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def once(self, *keys: str) -> list[Json]:
        """Places that are each written once."""
        return [self.place(key, **{"If-None-Match": "*"}) for key in keys]

    def place(self, key: str, **headers: str) -> Json:
        url = f"http://127.0.0.1:{self.server.server_port}/{key}?signature=hush"
        return {"url": url, "uri": f"s3://bucket/{key}", "headers": headers}

    def get(self, key: str) -> bytes:
        return self.objects[f"/{key}?signature=hush"]

    def put(self, key: str, content: bytes) -> None:
        self.objects[f"/{key}?signature=hush"] = content


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(transfer.time, "sleep", lambda _: None)
    made = Store()
    handler, directory = signal.getsignal(signal.SIGTERM), os.getcwd()
    yield made
    signal.signal(signal.SIGTERM, handler)
    os.chdir(directory)
    made.server.shutdown()
    made.server.server_close()


def job(tmp_path: Path, store: Store, **more: Any) -> Json:
    work = str(tmp_path)
    out = f"{work}/outputs"
    return {
        "attempt": 1,
        "directory": work,
        "directories": [out],
        "inputs": [],
        "outputs": [
            {
                "name": "made",
                "path": f"{out}/made",
                "plain": store.once("1/made", "1.2/made"),
                "packed": store.once("1/made.dir.tar", "1.2/made.dir.tar"),
                "absent": "s3://bucket/absent/made",
            }
        ],
        "recorded": store.place("result.json"),
        "records": store.once("result.json", "result.2.json"),
        "executorInput": {
            "outputs": {
                "outputFile": f"{work}/executor_output.json",
                "parameters": {"said": {"outputFile": f"{out}/said"}},
            }
        },
        **more,
    }


def run(tmp_path: Path, description: Json) -> int:
    path = tmp_path / "task.json"
    path.write_text(json.dumps(description))
    return pod.main(str(path))


def shell(script: str) -> list[str]:
    return ["sh", "-c", script]


def result(store: Store, key: str = "result.json") -> Json:
    return json.loads(store.get(key))  # type: ignore[no-any-return]


def packed(**members: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content.encode()))
    return buffer.getvalue()


def test_a_command_gets_its_inputs_and_its_outputs_are_recorded(tmp_path: Path, store: Store) -> None:
    store.put("in", b"hello")
    item = {
        **store.place("in"),
        "path": f"{tmp_path}/inputs/a/0",
        "packed": False,
        "digest": f"sha256:{hashlib.sha256(b'hello').hexdigest()}",
    }
    command = shell("cat inputs/a/0 > outputs/made; printf 3 > outputs/said")
    assert run(tmp_path, job(tmp_path, store, inputs=[item], command=command)) == 0
    assert store.get("1/made") == b"hello"
    assert result(store) == {
        "version": 1,
        "attempt": 1,
        "pod": socket.gethostname(),
        "parameters": {"said": "3"},
        "report": {
            "artifacts": {"made": {"artifacts": [{"uri": "s3://bucket/1/made", "digest": item["digest"]}]}}
        },
    }


def test_directories_travel_as_archives_that_depend_on_content_alone(tmp_path: Path, store: Store) -> None:
    script = "mkdir -p outputs/made/deep; echo 1 > outputs/made/deep/b; echo 2 > outputs/made/a"
    assert run(tmp_path, job(tmp_path, store, command=shell(script))) == 0
    first = store.get("1/made.dir.tar")
    again = tmp_path / "again"
    again.mkdir()
    script = "mkdir -p outputs/made/deep; echo 2 > outputs/made/a; echo 1 > outputs/made/deep/b"
    script += "; touch -d 2001-01-01 outputs/made/a"
    del store.objects["/result.json?signature=hush"]
    assert run(again, job(again, store, command=shell(script))) == 0
    assert store.get("1.2/made.dir.tar") == first
    back = str(tmp_path / "back" / "made")
    pod.fetch({**store.place("1/made.dir.tar"), "path": back, "packed": True})
    assert Path(back, "deep", "b").read_text() == "1\n"


def test_what_has_finished_elsewhere_does_not_run_again(tmp_path: Path, store: Store, capfd: Any) -> None:
    for number in (1, 2):
        command = shell(f"printf {number} > outputs/said; touch ran-{number}")
        assert run(tmp_path, {**job(tmp_path, store, command=command), "attempt": number}) == 0
    assert result(store)["parameters"] == {"said": "1"}
    assert not (tmp_path / "ran-2").exists()
    assert "another pod of this task has finished" in capfd.readouterr().err


def twin(tmp_path: Path, store: Store, **more: Any) -> str:
    """A command in whose midst another pod of the attempt runs from its beginning to its end."""
    other = tmp_path / "other"
    other.mkdir()
    description = job(other, store, command=shell("echo other > outputs/made; printf 1 > outputs/said"))
    (other / "task.json").write_text(json.dumps({**description, **more}))
    program = f"from sealflow.pod import main; import sys; sys.exit(main('{other}/task.json'))"
    return f'{sys.executable} -c "{program}" && echo own > outputs/made && printf 2 > outputs/said'


def test_two_pods_of_an_attempt_write_nothing_over_and_the_first_to_finish_counts(
    tmp_path: Path, store: Store, capfd: Any
) -> None:
    assert run(tmp_path, job(tmp_path, store, command=shell(twin(tmp_path, store)))) == 0
    assert "another pod of this task finished first" in capfd.readouterr().err
    assert [store.get("1/made"), store.get("1.2/made")] == [b"other\n", b"own\n"]
    records = [result(store), result(store, "result.2.json")]
    assert [each["parameters"]["said"] for each in records] == ["1", "2"]
    uris = [each["report"]["artifacts"]["made"]["artifacts"][0]["uri"] for each in records]
    assert uris == ["s3://bucket/1/made", "s3://bucket/1.2/made"]


def test_outputs_without_a_free_place_end_the_attempt(tmp_path: Path, store: Store, capfd: Any) -> None:
    for key in ("1/made", "1.2/made"):
        store.put(key, b"theirs")
    assert run(tmp_path, job(tmp_path, store, command=shell("echo 1 > outputs/made"))) == pod.OUTPUTS_FAILED
    assert "expected a free place" in capfd.readouterr().err
    assert "/result.json?signature=hush" not in store.objects


def test_a_record_whose_answer_was_lost_is_no_other_pods(tmp_path: Path, store: Store, capfd: Any) -> None:
    class Lossy(dict[str, bytes]):
        """Keeps what is written first, and loses the answer."""

        def __setitem__(self, key: str, content: bytes) -> None:
            super().__setitem__(key, content)
            if "result" in key:
                raise ConnectionAbortedError

    store.objects = Lossy()
    store.server.handle_error = lambda *_: None  # type: ignore[method-assign]
    assert run(tmp_path, job(tmp_path, store, command=shell("true"))) == 0
    assert "another pod" not in capfd.readouterr().err
    assert list(store.objects) == ["/result.json?signature=hush"]


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        ((409, "<Error><Code>ConditionalRequestConflict</Code></Error>"), 0),
        ((409, "<Error><Code>BlobAlreadyExists</Code></Error>"), 0),
        ((409, "<Error><Code>ContainerBeingDeleted</Code></Error>"), pod.OUTPUTS_FAILED),
    ],
)
def test_a_conflict_is_what_the_store_says_it_is(
    tmp_path: Path, store: Store, failure: tuple[int, str], code: int
) -> None:
    store.failures = [failure]
    assert run(tmp_path, job(tmp_path, store, command=shell("echo 1 > outputs/made"))) == code
    taken = "BlobAlreadyExists" in failure[1]
    assert ("/1.2/made?signature=hush" in store.objects) == taken
    assert ("/1/made?signature=hush" in store.objects) == (code == 0 and not taken)


def test_an_artifact_that_was_not_written_has_a_place_and_no_content(tmp_path: Path, store: Store) -> None:
    assert run(tmp_path, job(tmp_path, store, command=shell("true"))) == 0
    artifacts = result(store)["report"]["artifacts"]
    assert artifacts == {"made": {"artifacts": [{"uri": "s3://bucket/absent/made"}]}}


def test_failures_leave_no_record(tmp_path: Path, store: Store) -> None:
    assert run(tmp_path, job(tmp_path, store, command=shell("exit 7"))) == 7
    assert run(tmp_path, job(tmp_path, store, command=shell("kill -9 $$"))) == 137
    assert run(tmp_path, job(tmp_path, store, command=["no-such-program"])) == 127
    assert store.objects == {}


@pytest.mark.parametrize("failures", [[500], [503, 429, 500]])
def test_a_busy_store_is_asked_again(tmp_path: Path, store: Store, failures: list[int]) -> None:
    store.failures = list(failures)
    assert run(tmp_path, job(tmp_path, store, command=shell("echo 1 > outputs/made"))) == 0
    assert store.get("1/made") == b"1\n"


def test_a_store_that_refuses_ends_the_attempt_without_showing_its_address(
    tmp_path: Path, store: Store, capfd: Any
) -> None:
    store.failures = [403]
    code = run(tmp_path, job(tmp_path, store, command=shell("echo 1 > outputs/made")))
    assert code == pod.OUTPUTS_FAILED
    said = capfd.readouterr().err
    assert "s3://bucket/1/made: the store answered 403" in said
    assert "hush" not in said


@pytest.mark.parametrize(
    ("content", "more", "reason"),
    [
        (None, {}, "the store answered 404"),
        (b"other", {"digest": f"sha256:{'0' * 64}"}, "expected sha256:000"),
        (packed(**{"../out": "x"}), {"packed": True}, "leads out of its directory"),
        (packed(**{"/etc/out": "x"}), {"packed": True}, "leads out of its directory"),
        (b"no archive", {"packed": True}, "file could not be opened"),
    ],
)
def test_inputs_that_are_not_what_was_meant_end_the_attempt(
    tmp_path: Path, store: Store, capfd: Any, content: bytes | None, more: Json, reason: str
) -> None:
    if content is not None:
        store.put("in", content)
    item = {**store.place("in"), "path": f"{tmp_path}/inputs/a", "packed": False, **more}
    command = shell("touch ran")
    assert run(tmp_path, job(tmp_path, store, inputs=[item], command=command)) == pod.INPUTS_FAILED
    assert reason in capfd.readouterr().err
    assert not (tmp_path / "ran").exists()


def test_links_that_lead_out_of_the_directory_are_refused(tmp_path: Path, store: Store) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("link")
        entry.type = tarfile.SYMTYPE
        entry.linkname = "../../etc/passwd"
        archive.addfile(entry)
    store.put("in", buffer.getvalue())
    with pytest.raises(transfer.TransferError, match="leads out"):
        pod.fetch({**store.place("in"), "path": f"{tmp_path}/inputs/a", "packed": True})


def test_only_exact_versions_are_known_to_be_installed() -> None:
    from importlib import metadata

    version = metadata.version("pytest")
    assert pod._is_installed(f"pytest=={version}")
    for other in (
        "pytest",
        "pytest>=1",
        "pytest==0.1",
        f"pytest=={version}; python_version > '3'",
        "no-such==1",
    ):
        assert not pod._is_installed(other)
