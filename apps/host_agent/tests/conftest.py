"""An agent on a free port, and what systemd does for it: sockets, and a helper for each task that somebody asks for."""

from __future__ import annotations

import atexit
import contextlib
import http.client
import itertools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(APP))
TOKEN = "8f1d6c0b5a2e47938b7ad4c1e0f52a96"
OTHER = "0123456789abcdef0123456789abcdef"
_HELPER = (
    "import sys; sys.path.insert(0, {app!r}); import host_agent_task as t; sys.exit(t.main([{name!r}, {env!r}], {fd}))"
)


class Activator:
    """Listens for the tasks as systemd does, and starts one helper of each at a time."""

    def __init__(self, folder: Path, env: Path, names) -> None:
        folder.mkdir()
        self.helpers: list[subprocess.Popen[bytes]] = []
        self._env, self._over = env, threading.Event()
        self._listeners = {}
        for name in names:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(folder / f"{name}.sock"))
            listener.listen(128)
            self._listeners[name] = listener
        self._threads = [threading.Thread(target=self._watch, args=pair) for pair in self._listeners.items()]
        for thread in self._threads:
            thread.start()

    def _watch(self, name, listener) -> None:
        while not self._over.is_set():
            if select.select([listener], [], [], 0.05)[0]:
                code = _HELPER.format(app=str(APP), name=name, env=str(self._env), fd=listener.fileno())
                helper = subprocess.Popen(
                    [sys.executable, "-E", "-s", "-B", "-c", code],
                    pass_fds=(listener.fileno(),),
                    stdout=subprocess.DEVNULL,
                    env={"HOME": str(self._env.parents[1]), "PATH": os.environ["PATH"]},
                )
                self.helpers.append(helper)
                helper.wait()

    def close(self) -> None:
        self._over.set()
        for helper in self.helpers:
            if helper.poll() is None:
                helper.kill()
        for thread in self._threads:
            thread.join()
        for listener in self._listeners.values():
            listener.close()


class Agent:
    """The program as a process, in a checkout of its own."""

    def __init__(self, folder: Path, tasks=None, activator=Activator, **values: str) -> None:
        self.repo = folder / "platform"
        self.home = self.repo / "host-agent"
        self.home.mkdir(parents=True)
        self.port = free_port()
        self.backup("print('{}')")
        if tasks is not None:
            write(self.home / "tasks.json", json.dumps({"tasks": tasks}))
        wanted = {"HOST": "127.0.0.1", "PORT": str(self.port), "HOST_AGENT_BEARER_TOKEN": TOKEN, **values}
        self.env = write(self.home / ".env", "".join(f"{key}={value}\n" for key, value in wanted.items()), 0o600)
        self.state = folder / "state"
        self.state.mkdir()
        self.sockets = folder / "sockets"
        self.activator = activator(self.sockets, self.env, ["backup-n8n", "git-status", "git-pull", *(tasks or {})])
        self.log = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def backup(self, python: str) -> None:
        """Gives the checkout a backup script of a few lines."""
        write(self.repo / "backup-n8n-workflows.sh", f"#!{sys.executable}\n{python}\n", 0o755)

    def start(self) -> None:
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = self.state / "notify"
        address.unlink(missing_ok=True)
        notify.bind(str(address))
        notify.settimeout(120)
        more = {
            "STATE_DIRECTORY": str(self.state),
            "HOST_AGENT_TASKS": str(self.sockets),
            "NOTIFY_SOCKET": str(address),
        }
        with self.log.open("ab") as log, notify:
            argv = [sys.executable, "-E", "-s", "-B", str(APP / "host_agent.py"), "serve", str(self.env)]
            self.process = subprocess.Popen(argv, env={**os.environ, **more}, stdout=log, stderr=log)
            assert b"READY=1" == notify.recv(100), "it says when it listens"

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(120)

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.activator.close()

    def ask(self, method, path, **more):
        """Status and body of an answer."""
        status, _, text = self.whole(method, path, **more)
        return status, json.loads(text)

    def whole(self, method, path, *, token=TOKEN, headers=None, body=None, timeout=120, source="127.0.0.1"):
        """Status, headers and text of an answer."""
        wanted = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout, source_address=(source, 0))
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers=wanted)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()

    def raw(self, data: bytes, timeout=30, source="127.0.0.1") -> bytes:
        """What comes back for bytes that no client would send."""
        with socket.create_connection(("127.0.0.1", self.port), timeout, (source, 0)) as connection:
            with contextlib.suppress(OSError):
                connection.sendall(data)
            heard = b""
            with contextlib.suppress(OSError):
                while part := connection.recv(65536):
                    heard += part
            return heard

    def logged(self) -> str:
        return self.log.read_text()


def write(path: Path, text: str, mode: int = 0o644) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


_PORTS = itertools.count(20_000 + 40 * (os.getpid() % 280))


def free_port() -> int:
    """One below those that clients get, and nobody else's of all test runs of this machine until this process ends."""
    for port in _PORTS:
        taken = socket.socket(socket.AF_UNIX)
        atexit.register(taken.close)
        with socket.socket() as probe, contextlib.suppress(OSError):
            # A name that only one process has, and that is gone with it (unix(7), abstract).
            taken.bind(f"\0homeport-port-{port}")
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("unreachable: the range does not end")


@pytest.fixture
def make(tmp_path):
    """Makes agents; all of them end with the test."""
    made = []

    def _make(tasks=None, **values):
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(agent := Agent(folder, tasks, **values))
        return agent

    yield _make
    for agent in made:
        agent.close()


@pytest.fixture(scope="module")
def agent(tmp_path_factory):
    """One for all tests of a file that leave it as it is."""
    running = Agent(tmp_path_factory.mktemp("agent"), tasks={"date": {"argv": ["/bin/date", "+%Y"]}})
    yield running
    running.close()


@pytest.fixture
def settings_of():
    """Settings as they are read from variables."""
    import host_agent_settings

    def _read(repo, **values):
        wanted = {"HOST_AGENT_BEARER_TOKEN": TOKEN, "REPO_DIR": str(repo), **values}
        return host_agent_settings.settings(wanted, repo / "host-agent" / ".env")

    return _read
