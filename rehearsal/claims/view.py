"""How the claims see a rehearsed system: from an outside host, from a member of its VPN, through the edge, and from inside a host."""

from __future__ import annotations

import http.client
import json
import subprocess
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rehearsal.probes.errors import ProbeError
from rehearsal.probes.scan import Scan, scan_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.probes.peer import Peer


@dataclass
class View:
    """One host of a stack that is up, and its surroundings.

    Attributes:
        host: Command that leads into the host as root: `docker exec -i MACHINE`, or `ssh … sudo`.
        network: Docker network of the outside.
        addresses: The host's public addresses.
        vpn_address: Its address in the VPN.
        peer: A member of the VPN whose tunnel is up, set up by nothing but the stack's output.
        peer_address: That member's address in the VPN.
        hostnames: Route to its public name.
        edge: URL of the emulated edge.
        clouds: Name to the URL and the headers of an emulated API: `hcloud`, `cloudflare`. Secret.
        ids: What the emulated Cloudflare calls `account_id`, `zone_id` and `team`.
        tcp: Ports that are declared open to the outside.
        udp: The same for UDP.
        vpn_tcp: Ports that are declared open to members of the VPN.
        peer_config: The text of the stack's output for that member. Secret.
        token: Headers of a service token that the stack made. Secret.
        secrets: Name to value of all that the stack made or was given.
    """

    host: list[str]
    network: str
    addresses: tuple[str, ...]
    vpn_address: str
    peer: Peer
    peer_address: str
    hostnames: Mapping[str, str]
    edge: str
    clouds: Mapping[str, tuple[str, Mapping[str, str]]] = field(repr=False)
    ids: Mapping[str, str]
    tcp: tuple[int, ...]
    udp: tuple[int, ...]
    vpn_tcp: tuple[int, ...]
    peer_config: str = field(repr=False, default="")
    token: Mapping[str, str] = field(repr=False, default_factory=dict)
    secrets: Mapping[str, str] = field(repr=False, default_factory=dict)
    _scans: dict[str, list[dict[str, Any]]] = field(default_factory=dict, repr=False)

    def run(self, *argv: str, seconds: float = 120) -> str:
        """What a command prints on the host, as root.

        Raises:
            ProbeError: it failed; with its last line.
        """
        done = subprocess.run(
            [*self.host, *argv], capture_output=True, check=False, timeout=seconds, stdin=subprocess.DEVNULL
        )
        if done.returncode:
            said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
            raise ProbeError(f"`{argv[0]}` on the host", said[-1] if said else f"ended with {done.returncode}")
        return done.stdout.decode(errors="replace")

    def containers(self) -> dict[str, dict[str, Any]]:
        """All containers that run on the host: their service (or name, where no service is theirs) to what `docker inspect` says."""
        names = self.run("docker", "ps", "--quiet", "--no-trunc").split()
        found: list[dict[str, Any]] = json.loads(self.run("docker", "inspect", *names)) if names else []
        return {one["Config"]["Labels"].get("homeport.service") or one["Name"].lstrip("/"): one for one in found}

    def outside(self) -> list[dict[str, Any]]:
        """Full scans of all public addresses from an outside host; made once for all claims that look at them."""
        if "outside" not in self._scans:
            self._scans["outside"] = scan_from(self.network, [Scan(address=one) for one in self.addresses])
        return self._scans["outside"]

    def visit(
        self, hostname: str, path: str = "/", *, method: str = "GET", body: str = "", **headers: str
    ) -> dict[str, Any]:
        """A visitor's request at the edge: `status`, `headers`, `body`. In names of headers `_` stands for `-`."""
        sent = {"Host": hostname, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return _ask(self.edge, method, path, sent, body)

    def log_in(self, hostname: str, email: str) -> str:
        """The cookie of a person who has logged in, empty where the person may not come in."""
        team = f"{self.ids['team']}.cloudflareaccess.com"
        apps = self.cloud("cloudflare", f"/accounts/{self.ids['account_id']}/access/apps")["result"]
        idp = next(
            (one["allowed_idps"][0] for one in apps if one["domain"] == hostname and one.get("allowed_idps")), ""
        )
        told = json.dumps({"email": email, "idp": idp})
        answer = self.visit(team, f"/cdn-cgi/access/login/{hostname}", method="POST", body=told)
        cookies = SimpleCookie(answer["headers"].get("Set-Cookie", ""))
        return "; ".join(f"{name}={one.value}" for name, one in cookies.items())

    def cloud(self, name: str, path: str, method: str = "GET", body: object = None) -> Any:
        """What an emulated cloud's API answers, parsed.

        Raises:
            ProbeError: it refused.
        """
        base, headers = self.clouds[name]
        sent = {**headers, "Content-Type": "application/json"} if body is not None else dict(headers)
        answer = _ask(
            base, method, urlsplit(base).path.rstrip("/") + path, sent, json.dumps(body) if body is not None else ""
        )
        if answer["status"] >= http.HTTPStatus.BAD_REQUEST:
            raise ProbeError(f"{name} {method} {path}", f"answered {answer['status']}: {answer['body'][:200]}")
        return json.loads(answer["body"] or "null")


def _ask(base: str, method: str, path: str, headers: Mapping[str, str], body: str) -> dict[str, Any]:
    url = urlsplit(base)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)
    try:
        connection.request(method, path, body.encode() or None, dict(headers))
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        return {"status": answer.status, "headers": dict(answer.getheaders()), "body": text}
    finally:
        connection.close()
