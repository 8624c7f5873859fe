from __future__ import annotations

import json
import os
import signal
import socket
import socketserver
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from toolchain.plugins.base import CheckFailed, ProviderError
from toolchain.plugins.docker.daemon import Daemon, DaemonError, Settings
from toolchain.plugins.docker.provider import provider, settings_of
from toolchain.plugins.docker.transport import ssh_command

pytestmark = pytest.mark.slow


class FakeDaemon(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    together, running, most = 0, 0, 0
    guard = threading.Condition()

    def _answer(self, status, body, headers=()):
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in (("Content-Length", str(len(content))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self):
        kind = type(self)
        if self.path == "/_ping":
            self._answer(200, "OK", [("Api-Version", "1.41")])
        elif self.path == "/v1.41/slow":
            with kind.guard:
                kind.running += 1
                kind.most = max(kind.most, kind.running)
                kind.guard.notify_all()
                kind.guard.wait_for(lambda: kind.most >= kind.together, 120)
                kind.running -= 1
            self._answer(200, {})
        else:
            self._answer(404, {"message": f"No such thing: {self.path}"})

    def address_string(self):
        return "client"

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = False
    request_queue_size = 64


@pytest.fixture
def connect():
    """Makes daemons whose connections end with the test."""
    sockets = []

    def start(**settings):
        sockets.append(Daemon(Settings(**settings)))
        return sockets[-1]

    yield start
    for daemon in sockets:
        daemon.close()


@pytest.fixture
def address(tmp_path, monkeypatch):
    for name in ("together", "running", "most"):
        monkeypatch.setattr(FakeDaemon, name, 0)
    server = Server(str(tmp_path / "d.sock"), FakeDaemon)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"unix://{tmp_path / 'd.sock'}"
    server.shutdown()
    server.server_close()


def test_the_version_of_the_daemon_is_spoken(address, connect):
    assert "1.41" == connect(host=address).version, "an older daemon is met at its own version"


def test_an_error_has_the_daemons_own_words(address, connect):
    with pytest.raises(DaemonError, match=r"Error response from daemon: No such thing: /v1\.41/nothing") as refused:
        connect(host=address).call("GET", "/nothing")
    assert 404 == refused.value.status, "the status tells what is gone"


def test_sixteen_operations_run_at_once(address, connect):
    FakeDaemon.together = 16
    daemon = connect(host=address)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: daemon.call("GET", "/slow"), range(48)))
    assert 48 == len(answers), "every call is answered"
    assert FakeDaemon.most == 16, "one client serves many operations side by side"


def test_a_daemon_that_is_not_there_fails_the_configuration():
    with socket.socket() as free, pytest.raises(ProviderError, match=r"failed to connect to any docker daemon$"):
        free.bind(("127.0.0.1", 0))  # nobody listens at it, and nobody else gets it
        provider().configure({"host": f"tcp://127.0.0.1:{free.getsockname()[1]}"})


def test_a_daemon_behind_ssh_is_not_asked_before_it_is_needed():
    provider().configure({"host": "ssh://deploy@host.example.com:2222"})


def test_lists_arrive_as_json_text():
    settings = settings_of(
        {
            "host": "ssh://h.example.com",
            "sshOpts": '["-o","StrictHostKeyChecking=yes"]',
            "registryAuth": '[{"address":"https://registry.example.com/v2/","username":"u","password":"p"}]',
        }
    )
    assert ("-o", "StrictHostKeyChecking=yes") == settings.ssh_opts, "options of ssh are a list again"
    assert "u" == settings.auth["registry.example.com"]["username"], "credentials are found by host"


def test_ssh_gets_the_options_as_given():
    command = ssh_command("ssh://deploy@host.example.com:2222", ("-i", "key", "-o", "StrictHostKeyChecking=yes"))
    expected = ["ssh", "-l", "deploy", "-p", "2222", "-i", "key", "-o", "StrictHostKeyChecking=yes"]
    expected += ["-o", "ConnectTimeout=30", "-T", "--", "host.example.com", "docker", "system", "dial-stdio"]
    assert expected == command, "docker's own client builds it like this"


def test_a_host_name_cannot_become_an_option():
    assert "--" in ssh_command("ssh://-oProxyCommand=x", ()), "everything behind the dashes is a host"


@pytest.fixture
def fake_ssh(tmp_path, monkeypatch):
    """An `ssh` that connects its standard input and output to a socket, and writes down how it was called."""
    script = tmp_path / "ssh"
    script.write_text(
        "#!/usr/bin/env python3\n"
        "import os, socket, sys, threading\n"
        "open(os.environ['CALLS'], 'a').write(' '.join(sys.argv[1:]) + '\\n')\n"
        "open(os.environ['PIDS'], 'w').write(str(os.getpid())) if 'PIDS' in os.environ else None\n"
        "if not os.environ['SOCKET']:\n"
        "    sys.exit('Host key verification failed.')\n"
        "s = socket.socket(socket.AF_UNIX); s.connect(os.environ['SOCKET'])\n"
        "def up():\n"
        "    while data := os.read(0, 65536): s.sendall(data)\n"
        "    s.shutdown(socket.SHUT_WR)\n"
        "threading.Thread(target=up, daemon=True).start()\n"
        "while data := s.recv(65536): os.write(1, data)\n",
        encoding="utf-8",
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return tmp_path / "calls"


def test_calls_through_ssh_share_their_connections(address, fake_ssh, monkeypatch, connect):
    monkeypatch.setenv("SOCKET", address.removeprefix("unix://"))
    daemon = connect(host="ssh://deploy@host.example.com", ssh_opts=("-o", "BatchMode=yes"))
    for _ in range(5):
        assert {} == daemon.call("GET", "/slow"), "the daemon answers through ssh"
    calls = Path(fake_ssh).read_text(encoding="utf-8").splitlines()
    assert 1 == len(calls), "five calls one after the other need one connection (D1)"
    assert calls[0].startswith("-l deploy -o BatchMode=yes "), "options come before the host"


def test_a_connection_that_ssh_lost_is_made_again(address, fake_ssh, monkeypatch, connect):
    monkeypatch.setenv("SOCKET", address.removeprefix("unix://"))
    monkeypatch.setenv("PIDS", str(fake_ssh.with_name("pids")))
    daemon = connect(host="ssh://deploy@host.example.com")
    daemon.call("GET", "/slow")
    killed = int(fake_ssh.with_name("pids").read_text(encoding="utf-8"))
    os.kill(killed, signal.SIGKILL)
    os.waitid(os.P_PID, killed, os.WEXITED | os.WNOWAIT)
    assert {} == daemon.call("GET", "/slow"), "the next call opens another one"
    assert 2 == len(Path(fake_ssh).read_text(encoding="utf-8").splitlines()), "ssh was called again"


@pytest.fixture
def dying_ssh(fake_ssh):
    """The same, but the connection dies over the second request that comes through it."""
    script = fake_ssh.with_name("ssh")
    text = script.read_text(encoding="utf-8").replace(
        "    while data := os.read(0, 65536): s.sendall(data)\n",
        "    seen = 0\n"
        "    while data := os.read(0, 65536):\n"
        "        seen += 1\n"
        "        os._exit(255) if seen == 3 else s.sendall(data)\n",
    )
    script.write_text(text, encoding="utf-8")
    return fake_ssh


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_only_what_reads_is_asked_again_when_a_kept_connection_dies(address, dying_ssh, monkeypatch, connect, method):
    again = method == "GET"
    monkeypatch.setenv("SOCKET", address.removeprefix("unix://"))
    daemon = connect(host="ssh://deploy@host.example.com")
    daemon.call("GET", "/slow")
    if again:
        assert {} == daemon.call(method, "/slow"), "as Go's client does, over a new connection"
    else:
        with pytest.raises(DaemonError, match="exit status 255"):
            daemon.call(method, "/slow")
    opened = len(Path(dying_ssh).read_text(encoding="utf-8").splitlines())
    assert 1 + again == opened, "a change may have been made: nobody asks for it twice"


def test_the_ambient_address_is_written_down(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")
    checked = provider().check_config("urn:pulumi:t::t::pulumi:providers:docker::p", {}, {"version": "5.2.0"})
    assert "tcp://192.0.2.1:2375" == checked["host"], "state tells where the containers are (D6)"


def test_a_setting_that_does_not_exist_is_refused():
    with pytest.raises(CheckFailed, match=r"Invalid or unknown key. Examine values at 'p.hots'"):
        provider().check_config("urn:pulumi:t::t::pulumi:providers:docker::p", {}, {"hots": "x"})


def test_calls_side_by_side_have_a_connection_each_and_sixteen_are_kept(address, fake_ssh, monkeypatch, connect):
    monkeypatch.setenv("SOCKET", address.removeprefix("unix://"))
    daemon = connect(host="ssh://deploy@host.example.com")
    daemon.ping()
    at_once = 24
    FakeDaemon.together = at_once  # nobody is done before all have begun
    for _ in range(2):
        FakeDaemon.most = 0
        with ThreadPoolExecutor(at_once) as pool:
            assert at_once == len(list(pool.map(lambda _: daemon.call("GET", "/slow"), range(at_once))))
    opened = len(Path(fake_ssh).read_text(encoding="utf-8").splitlines())
    assert 16 < opened <= 2 * at_once - 16 + 1, "the official plugin has no limit (D1); what is kept is used again"


def test_what_ssh_says_is_shown(fake_ssh, monkeypatch, connect):
    monkeypatch.setenv("SOCKET", "")
    with pytest.raises(DaemonError, match="Host key verification failed"):
        connect(host="ssh://deploy@host.example.com").ping()
    assert fake_ssh.exists(), "ssh was called"
