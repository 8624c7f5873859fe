"""The local machine of the rehearsed jett: the real client of apps/heartbeat, and a handler, in a member of the VPN."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rehearsal.probes.box import docker
from tests.support.checkout import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rehearsal.claims.view import View
    from rehearsal.probes.box import Running

FOLDER = "/run/heartbeat"
HANDLER = 8377
HOOK = "/webhook/request"


class Local:
    """What runs on the local machine, and who asks it for something."""

    def __init__(self, view: View) -> None:
        self.view, self.key = view, view.secrets["n8n-webhook-api-key"]
        self._inside("umask 077; mkdir -p /run/heartbeat")
        for path in sorted((ROOT / "apps" / "heartbeat").glob("*.py")):
            self._inside(f"cat >{FOLDER}/{path.name}", path.read_text())
        self._inside(f"umask 077; cat >{FOLDER}/api_key", self.key)
        self.handler: Running | None = None

    def _inside(self, script: str, stdin: str = "") -> str:
        return docker("exec", "--interactive", self.view.peer.name, "sh", "-euc", script, stdin=stdin.encode())

    def _client(self, how: str) -> str:
        settings = f"INTERVAL=1 HANDLER_URL=http://127.0.0.1:{HANDLER}/requests API_KEY_FILE={FOLDER}/api_key"
        return f"{settings} exec python3 -E -s -B {FOLDER}/heartbeat.py {how}"

    def start(self) -> None:
        """The client, until it is stopped or killed. Its only address is the one that it has without being told."""
        script = f"echo $$ >{FOLDER}/pid; {self._client('')} >{FOLDER}/log 2>&1"
        docker("exec", "--detach", self.view.peer.name, "sh", "-c", script)

    def end(self, signal: str) -> None:
        """Ends the client: `TERM` lets it say so, `KILL` does not."""
        self._inside(f"p=$(cat {FOLDER}/pid); kill -{signal} $p; while kill -0 $p 2>/dev/null; do sleep 0.05; done")

    def once(self) -> None:
        """One beat, and the queue until it is empty."""
        self._inside(self._client("--once"))

    @contextmanager
    def handling(self) -> Iterator[Running]:
        """The handler for as long as the block lasts."""
        running = self.view.peer.sink(HANDLER)
        self.handler = running
        try:
            yield running
        finally:
            running.stop()

    def through_the_vpn(self, number: int, **more: object) -> dict:
        """A request of a member: status and body."""
        url = f"http://{self.view.vpn_address}:5678{HOOK}"
        headers = {"Content-Type": "application/json", "X-API-Key": self.key}
        return self.view.peer.fetch(url, method="POST", body=_body(number, **more), headers=headers, seconds=30)

    def through_the_tunnel(self, number: int, *, token: bool = True, **more: object) -> dict:
        """A request of a program on the internet, with the service token that the stack made for it."""
        headers = {
            "Content-Type": "application/json",
            "X-API-Key": self.key,
            **(self.view.tokens["n8n"] if token else {}),
        }
        return self.view.visit(self.view.hostnames["n8n"], HOOK, method="POST", body=_body(number, **more), **headers)

    def queue(self) -> str:
        """How many items of each status are in the database."""
        asked = "SELECT status || ' ' || count(*) FROM offline_queue GROUP BY status ORDER BY 1"
        return " ".join(self.sql(asked).split())

    def sql(self, text: str) -> str:
        """What PostgreSQL answers over its own socket."""
        container = self.view.containers()["postgres"]["Id"]
        return self.view.run("docker", "exec", container, "psql", "-XAtq", "-U", "jett", "-d", "jett", "-c", text)


def handled(running: Running) -> list[tuple[str, int]]:
    """Source and number of each item that the handler got, in order, each as often as it came."""
    items = [json.loads(answer["body"]) for answer in running.answers[1:]]
    return [(item["source"], item["payload"]["number"]) for item in items]


def _body(number: int, source: str = "test") -> str:
    return json.dumps({"source": source, "payload": {"number": number}, "dedupe_key": f"{source}-{number}"})
