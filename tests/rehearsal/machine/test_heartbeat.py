"""jett's heartbeat as a unit of its user, on a machine with systemd: the local machine that has one."""

from __future__ import annotations

import json

import pytest

from rehearsal.machine.daemon import docker
from tests.support.checkout import ROOT
from tests.support.waits import until

pytestmark = pytest.mark.docker
APP = ROOT / "apps" / "heartbeat"

SERVER = """
import json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
waiting = [{"id": 7, "source": "s", "payload": "x"}]
class Answer(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        print(json.dumps([self.path, body, self.headers["X-API-Key"]]), flush=True)
        if self.path == "/webhook/queue/ack":
            waiting.clear()
        answer = {"ok": True, "queued": len(waiting), "items": waiting}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())
    def log_message(self, *_):
        pass
Thread(target=ThreadingHTTPServer(("127.0.0.1", 8377), Answer).serve_forever).start()
ThreadingHTTPServer(("10.0.0.2", 5678), Answer).serve_forever()
"""
"""n8n at the address of the VPN, and the local handler; what they are asked is their journal."""


@pytest.fixture
def jane(server):
    """A machine whose user has the program where its README puts it, and a server at the address of the VPN."""
    _, machine = server

    def put(text: str, path: str) -> None:
        machine.run("sh", "-c", 'mkdir -p "${0%/*}" && printf %s "$1" >"$0"', path, text)

    machine.run("useradd", "--create-home", "--home-dir", "/opt/jane", "jane")
    machine.run("ip", "address", "add", "10.0.0.2/32", "dev", "lo")
    put(SERVER, "/opt/webhooks.py")
    machine.run("systemd-run", "--quiet", "--unit=webhooks", "python3", "/opt/webhooks.py")
    docker("cp", str(APP), f"{machine.container}:/opt/jane/heartbeat")
    put((APP / "units" / "heartbeat.service").read_text(), "/opt/jane/.config/systemd/user/heartbeat.service")
    put("key of the webhooks", "/opt/jane/.config/heartbeat/api_key")
    machine.run("chown", "-R", "jane:", "/opt/jane")
    yield machine
    machine.run("loginctl", "disable-linger", "jane")
    machine.run("systemctl", "stop", "webhooks", f"user@{machine.run('id', '-u', 'jane').strip()}")
    machine.run("ip", "address", "del", "10.0.0.2/32", "dev", "lo")
    machine.run("userdel", "--remove", "jane")


@pytest.mark.req("S2-45", "S2-50")
def test_its_unit_beats_at_the_usual_address_empties_the_queue_and_comes_back_after_a_kill(jane):
    def control(*argv: str) -> str:
        bus = f"XDG_RUNTIME_DIR=/run/user/{jane.run('id', '-u', 'jane').strip()}"
        return jane.run("runuser", "-u", "jane", "--", "env", bus, "systemctl", "--user", *argv)

    def asked() -> list[list]:
        lines = jane.run("journalctl", "--unit=webhooks", "--output=cat", "--no-pager").splitlines()
        return [json.loads(line) for line in lines if line.startswith("[")]

    beat, key = ["/webhook/heartbeat", {"status": "online"}, None], "key of the webhooks"
    jane.run("loginctl", "enable-linger", "jane")
    jane.run("systemctl", "start", f"user@{jane.run('id', '-u', 'jane').strip()}")
    control("daemon-reload")
    control("enable", "--now", "heartbeat")
    until(lambda: "/webhook/queue/ack" in [path for path, _, _ in asked()], "the queue is never emptied")
    before = len(asked())
    control("kill", "--signal=KILL", "heartbeat")
    until(lambda: beat in asked()[before:], "nobody starts it again")
    control("stop", "heartbeat")

    assert beat == asked()[0]
    assert ["/requests", {"id": 7, "source": "s", "payload": "x"}, None] in asked(), "the handler gets no key"
    assert ["/webhook/queue/ack", {"id": 7}, key] in asked()
    assert {"status": "offline"} == asked()[-1][1], "told to stop, it says so"
    assert "enabled" == control("is-enabled", "heartbeat").strip(), "so that it starts when she signs in, or at boot"
