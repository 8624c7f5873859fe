"""How the claims see a rehearsed system: from outside, from its VPN, through the edge, and from inside a host."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rehearsal.probes import device
from rehearsal.probes.box import inside, run
from rehearsal.probes.errors import ProbeError
from rehearsal.probes.peer import Peer
from rehearsal.probes.scan import Scan, scan_from

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rehearsal.claims.expected import ExpectedSystem

_AGAIN = "make rehearse"
_HTTPS = 443
_PROBED = 120.0
"""Seconds in which Docker has looked at every container that has just started."""


@dataclass(kw_only=True)
class View:
    """One host of a stack that is up, and its surroundings.

    Attributes:
        expected: What the system must be.
        network: Docker network of the outside.
        peer: A host of the outside; where there is a VPN, a member of it whose tunnel is up, set up by nothing but the
            stack's output.
        edge: URL of the emulated edge.
        domain: The zone of the public names.
        clouds: Name to the URL and the headers of an emulated API: `hcloud`, `cloudflare`. Secret.
        ids: What the emulated Cloudflare calls `account_id`, `zone_id` and `team`.
        host: Command that leads into the host as root: `docker exec -i MACHINE`, or `ssh … sudo`.
        addresses: The host's public addresses.
        peer_config: The text of the stack's output for that member. Secret.
        tokens: Names of routes to the headers of the service token that the stack made for each. Secret.
        secrets: Name to value of all that the stack made or was given.
        edge_tls: URL of the emulated edge over TLS.
        edge_ca: File of the certificate that its visitors trust.
        member: Command that leads into another member of the mesh, as root; empty: there is none.
        mesh: Member of the mesh to its address there.
        machines: Host to the command that leads into it, and its public addresses; where one is alone in a mesh, also
            the device that joins it.
        name: The host's name, where there are several or there is a mesh.
        systems: Each host of the stack, this one too, to what is expected of it.
        authority: Roots (PEM) of the world's own authority, by which its names' certificates are trusted; empty: there
            is none.
        second_preview: What Pulumi said of a second update: `empty` or `changes`; empty where nobody asked it.
    """

    expected: ExpectedSystem
    network: str
    peer: Peer
    edge: str
    domain: str
    clouds: Mapping[str, tuple[str, Mapping[str, str]]] = field(repr=False)
    ids: Mapping[str, str]
    host: list[str] = field(default_factory=list)
    addresses: tuple[str, ...] = ()
    peer_config: str = field(repr=False, default="")
    tokens: Mapping[str, Mapping[str, str]] = field(repr=False, default_factory=dict)
    secrets: Mapping[str, str] = field(repr=False, default_factory=dict)
    edge_tls: str = ""
    edge_ca: str = ""
    member: list[str] = field(default_factory=list)
    mesh: Mapping[str, str] = field(default_factory=dict)
    machines: Mapping[str, tuple[list[str], tuple[str, ...]]] = field(default_factory=dict)
    name: str = ""
    systems: Mapping[str, ExpectedSystem] = field(default_factory=dict)
    authority: str = ""
    second_preview: str = ""
    _scans: list[dict[str, Any]] = field(default_factory=list, repr=False)

    @property
    def vpn_address(self) -> str:
        """The host's address in the VPN."""
        return self.expected.vpn_address

    @property
    def hostnames(self) -> dict[str, str]:
        """Public names by the name of their route."""
        return self.names_of(self.expected)

    def names_of(self, system: ExpectedSystem) -> dict[str, str]:
        """The same of another host."""
        return {name: route.host or f"{name}.{self.domain}" for name, route in system.routes.items()}

    def run(self, *argv: str, seconds: float = 120) -> str:
        """What a command prints on the host, as root.

        Raises:
            ProbeError: it failed; with its last line.
        """
        done = subprocess.run(
            [*self.host, *argv], capture_output=True, check=False, timeout=seconds, stdin=subprocess.DEVNULL
        )
        if done.returncode:
            lines = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
            raise ProbeError(f"`{argv[0]}` on the host", lines[-1] if lines else f"ended with {done.returncode}")
        return done.stdout.decode(errors="replace")

    def containers(self) -> dict[str, dict[str, Any]]:
        """Running containers: service (or name, where it is no service's) to what `docker inspect` says."""
        ids = self.run("docker", "ps", "--quiet", "--no-trunc").split()
        several: list[dict[str, Any]] = json.loads(self.run("docker", "inspect", *ids)) if ids else []
        return {
            container["Config"]["Labels"].get("homeport.service") or container["Name"].lstrip("/"): container
            for container in several
        }

    def settled(self) -> dict[str, dict[str, Any]]:
        """The same, once Docker has probed each of them: its first look comes an interval after a start."""
        end = time.monotonic() + _PROBED
        while True:
            there = self.containers()
            waits = [
                name for name, item in there.items() if item["State"].get("Health", {}).get("Status") == "starting"
            ]
            if not waits or time.monotonic() > end:
                return there
            time.sleep(1)

    def outside(self) -> list[dict[str, Any]]:
        """Full scans of all public addresses from an outside host; made once for all claims that look at them."""
        if not self._scans:
            self._scans = scan_from(self.network, [Scan(address=address) for address in self.addresses])
        return self._scans

    def visit(
        self, hostname: str, path: str = "/", *, method: str = "GET", body: str = "", **headers: str
    ) -> dict[str, Any]:
        """A visitor's request: `status`, `headers`, `body`. In names of headers `_` stands for `-`.

        At Cloudflare's edge, or, where the names lead to the server, at its own proxy.
        """
        sent = {"Host": hostname, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.expected.exposure == "tunnel":
            return _ask(self.edge, method, path, sent, body)
        url = f"https://{self.addresses[0]}{path}"
        return self.peer.fetch(url, server_name=hostname, method=method, body=body, headers=sent)

    def visit_all(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The answers to a visitor's requests, as `inside/fetch.py` is told them, wherever they go."""
        return run(self.peer.prefix, "fetch", {"requests": requests})

    def visit_as_member(self, hostname: str, path: str = "/") -> dict[str, Any]:
        """The same from another member of the mesh, at the host's address there: what the name leads to."""
        about = {"url": f"https://{self.mesh[self.name]}{path}", "server_name": hostname, "headers": {"Host": hostname}}
        return run(self.member, "fetch", about)[0]

    def visit_securely(self, hostname: str) -> int:
        """The status of a visitor's request over TLS, verified as a browser does; 0 where the handshake fails."""
        url, context = urlsplit(self.edge_tls), ssl.create_default_context(cafile=self.edge_ca)
        with socket.create_connection((url.hostname or "", url.port or 0), 60) as plain:
            try:
                secured = context.wrap_socket(plain, server_hostname=hostname)
            except ssl.SSLError:
                return 0
            with closing(http.client.HTTPConnection(hostname)) as connection:
                connection.sock = secured
                connection.request("GET", "/")
                return connection.getresponse().status

    def log_in(self, hostname: str, email: str) -> str:
        """The cookie of a person who has logged in, empty where the person may not come in."""
        team = f"{self.ids['team']}.cloudflareaccess.com"
        apps = [app for app in self.applications() if app["domain"] == hostname and app.get("allowed_idps")]
        login = json.dumps({"email": email, "idp": apps[0]["allowed_idps"][0] if apps else ""})
        answer = self.visit(team, f"/cdn-cgi/access/login/{hostname}", method="POST", body=login)
        cookies = SimpleCookie(answer["headers"].get("Set-Cookie", ""))
        return "; ".join(f"{name}={cookie.value}" for name, cookie in cookies.items())

    def applications(self) -> list[dict[str, Any]]:
        """All Access applications of the account."""
        rows: list[dict[str, Any]] = self.cloud("cloudflare", f"/accounts/{self.ids['account_id']}/access/apps")[
            "result"
        ]
        return rows

    def dns_records(self) -> list[dict[str, Any]]:
        """All DNS records of the zone."""
        rows: list[dict[str, Any]] = self.cloud("cloudflare", f"/zones/{self.ids['zone_id']}/dns_records")["result"]
        return rows

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


@contextmanager
def rehearsed(
    system: ExpectedSystem, world: Mapping[str, Any], outputs: Mapping[str, Any], host: str = ""
) -> Iterator[View]:
    """The rehearsed system, with its peer as a container in its VPN, where it has one, and a device in its mesh.

    Args:
        system: What is expected of it.
        world: What `python -m rehearsal.world up` printed.
        host: Which of its hosts, where it has several.
        outputs: The stack's outputs, secret ones in plain: `client_configs`, `service_tokens`, `credentials`.

    Raises:
        ProbeError: Something is missing, or the tunnel does not come up.
    """
    network, cloudflare = world["network"]["name"], world["cloudflare"]
    clouds = {
        "hcloud": (world["hcloud"]["endpoint"], {"Authorization": f"Bearer {world['hcloud']['token']}"}),
        "cloudflare": (cloudflare["api"], {"Authorization": f"Bearer {cloudflare['token']}"}),
    }
    with Peer(network) as peer, ExitStack() as more:
        config = _output(outputs, "client_configs", system.vpn_peer) if system.vpn_peer else ""
        view = View(
            expected=system,
            network=network,
            peer=peer,
            edge=cloudflare["edge"],
            edge_tls=cloudflare["edge_tls"],
            edge_ca=cloudflare["edge_ca"],
            domain=world["domain"],
            clouds=clouds,
            ids=cloudflare["ids"],
            peer_config=config,
            tokens={
                name: {"CF-Access-Client-Id": token["client_id"], "CF-Access-Client-Secret": token["client_secret"]}
                for name, token in (outputs.get("service_tokens") or {}).items()
            },
            secrets=outputs.get("credentials") or {},
        )
        view.machines = _machines(view, world)
        view.name, view.mesh = host, outputs.get("mesh") or {}
        view.systems = {host: system}
        view.authority = world.get("ovh", {}).get("authority", {}).get("roots", "")
        view.host, view.addresses = _machine(view, host)
        if device.NAME in system.mesh_tcp:
            (view.name,) = view.mesh
            box, address = more.enter_context(
                device.joined(network, view.name, view.host, view.addresses[0], lambda name: _control(view, name))
            )
            view.machines = {**view.machines, device.NAME: (box.prefix, ())}
            view.mesh = {**view.mesh, device.NAME: address}
        asking = [name for name, ports in system.mesh_tcp.items() if _HTTPS in ports]
        view.member = view.machines[asking[0]][0] if asking else []
        if config:
            peer.up(config)
        yield view


def _output(outputs: Mapping[str, Any], name: str, key: str) -> Any:
    values = outputs.get(name) or {}
    if key not in values:
        listed = ", ".join(sorted(values)) or "nothing"
        raise ProbeError(f"stack output {name}", f"has no {key}; it has: {listed}", _AGAIN)
    return values[key]


def _control(view: View, hostname: str) -> list[str]:
    """The command `headscale` of the control server that has this public name."""
    service = next(route.service for name, route in view.expected.routes.items() if view.hostnames[name] == hostname)
    return [*view.host, "docker", "exec", view.containers()[service]["Id"], "headscale"]


def _machines(view: View, world: Mapping[str, Any]) -> dict[str, tuple[list[str], tuple[str, ...]]]:
    """Host to the command that leads into it and to its addresses: those that run already, and rented ones."""
    found: dict[str, tuple[list[str], tuple[str, ...]]] = {
        name: (inside(about["container"]), (about["address"], about["address6"]))
        for name, about in world.get("adopted", {}).items()
    }
    for server in view.cloud("hcloud", "/servers")["servers"]:
        public = server["public_net"]
        ipv4, ipv6 = (public[family] and public[family]["ip"] for family in ("ipv4", "ipv6"))
        addresses = tuple(filter(None, (ipv4, ipv6 and ipv6.replace("::/64", "::1"))))
        host = server["labels"].get("homeport.host", server["name"])
        found[host] = (inside(f"homeport-{world['id']}-{server['id']}"), addresses)
    return found


def _machine(view: View, host: str) -> tuple[list[str], tuple[str, ...]]:
    if host in view.machines:
        return view.machines[host]
    if host or len(view.machines) != 1:
        there = ", ".join(sorted(view.machines)) or "none"
        raise ProbeError("the world", f"has the machines {there}, and {host or 'one'} is expected", _AGAIN)
    (machine,) = view.machines.values()
    return machine


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
