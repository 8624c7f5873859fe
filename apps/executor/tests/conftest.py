"""Copies of the program to run and to break, workers to start and to kill, and nothing in place of the real thing."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parents[1]
CASES = Path(__file__).resolve().parent / "cases"
sys.path[:0] = [str(APP), str(Path(__file__).resolve().parent)]

from executor_containers import as_n8n, executor, mounts  # noqa: E402, F401  # fixtures


def pytest_generate_tests(metafunc):
    """A test that asks for ``<kind>_case`` runs once per file in ``cases/<kind>``."""
    for kind in ("api", "limits", "spool", "escape"):
        if f"{kind}_case" in metafunc.fixturenames:
            files = sorted((CASES / kind).glob("*.json"))
            assert files, f"no cases of {kind}: nothing would be tested"
            metafunc.parametrize(
                f"{kind}_case", [json.loads(file.read_text()) for file in files], ids=[f.stem for f in files]
            )


@pytest.fixture(scope="session")
def build():
    """Bytes from a case's list of parts: ``text``, ``hex``, or ``repeat`` with ``times``."""

    def bytes_of(parts):
        made = b""
        for part in parts:
            made += bytes.fromhex(part["hex"]) if "hex" in part else b""
            made += part.get("text", "").encode("utf-8")
            made += part.get("repeat", "").encode("utf-8") * part.get("times", 0)
        return made

    return bytes_of


@pytest.fixture
def workspace(tmp_path):
    """A copy of the program, as the container has it: the plain files side by side."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    for file in APP.glob("*.py"):
        shutil.copy(file, folder)
    return folder


@pytest.fixture
def mutate():
    """Change one line of a copy; the pattern must be there exactly once, so that no change is lost silently."""

    def change(file: Path, pattern: str, replacement: str):
        text, count = re.subn(pattern, lambda _: replacement, file.read_text(), flags=re.MULTILINE)
        assert count == 1, f"{pattern!r} is {count} times in {file.name}"
        file.write_text(text)

    return change


@pytest.fixture(scope="session")
def run_api():
    """Run executor_api.py as a process; gives exit status, output and error output."""

    def run(stdin: bytes, folder: Path = APP, **kwargs):
        argv = [sys.executable, "-B", str(folder / "executor_api.py")]
        done = subprocess.run(argv, input=stdin, capture_output=True, timeout=180, check=False, **kwargs)
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture(scope="session")
def processes_of():
    """The processes whose command line names a folder."""

    def found(folder):
        processes = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError):
                    if str(folder).encode() in (entry / "cmdline").read_bytes():
                        processes.append(int(entry.name))
        return processes

    return found


@dataclasses.dataclass
class LiveWorker:
    """A running worker and its exchange folder."""

    process: subprocess.Popen
    root: Path
    log: Path

    def request(self, identity, task, *, envelope=None):
        file = self.root / "requests" / f"{identity}.json"
        file.write_text(json.dumps({"id": identity, "task": task} if envelope is None else envelope))
        return file

    def result(self, identity, wait_s=180.0):
        file = self.root / "results" / f"{identity}.json"
        assert self.wait(file.exists, wait_s), f"no result of {identity} within {wait_s} s; log: {self.log.read_text()}"
        return json.loads(file.read_bytes())

    def wait(self, condition, wait_s=180.0):
        deadline = time.monotonic() + wait_s
        while not condition():
            if time.monotonic() > deadline or self.process.poll() is not None:
                return condition()
            time.sleep(0.02)
        return True

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(180)

    def events(self, kind=None):
        # What has no end yet is being written.
        whole, _, _ = self.log.read_text().rpartition("\n")
        lines = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
        return [line for line in lines if kind in (None, line["event"])]


@pytest.fixture
def start_worker(tmp_path):
    """Start a worker on a folder; every one is ended with the test."""
    started = []

    def start(folder: Path = APP, root: Path | None = None, *, ready=True):
        root = root or tmp_path / "exchange"
        root.mkdir(exist_ok=True)
        log = tmp_path / "worker.log"
        with log.open("a") as output:
            argv = [sys.executable, "-B", str(folder / "worker.py"), str(root)]
            process = subprocess.Popen(argv, stdout=output, stderr=subprocess.STDOUT, env={"PATH": os.environ["PATH"]})
        worker = LiveWorker(process, root, log)
        started.append(worker)
        if ready:
            assert worker.wait((root / ".alive").exists), f"the worker did not start: {log.read_text()}"
        return worker

    yield start
    for worker in started:
        if worker.process.poll() is None:
            worker.process.kill()
        worker.process.wait()
