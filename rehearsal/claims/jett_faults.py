"""Claims that take something away: one of the two firewalls, or the power. Everything is put back, also when a claim fails."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rehearsal.claims.claim import Claim
from rehearsal.claims.jett_doors import open_ports
from rehearsal.probes.box import Box, start
from rehearsal.probes.errors import ProbeError
from rehearsal.probes.scan import Scan, scan_from

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rehearsal.claims.view import View

SENSITIVE = (80, 443, 2375, 3000, 5432, 5678, 6333, 6334, 9000, 9443)
RATE = 20
"""SYNs a second and port (reliability.md, B-09)."""
HANDSHAKE, SERVICES = 15.0, 120.0
"""Seconds until the VPN (after the network) and the services (after the boot) must be back (reliability.md, F-02)."""
_BOOT = 180.0
_CLEAN = "database system was shut down at"
"""What PostgreSQL says at its start when it was ended in order; else it was interrupted, and recovers. Source: its StartupXLOG."""
_KEEP = "/run/claims"
_OFF = (
    f"mkdir -p {_KEEP}; for t in iptables ip6tables; do $t-save >{_KEEP}/$t; $t -P INPUT ACCEPT; for c in 'filter -F INPUT' 'mangle -F INPUT' "
    "'mangle -F FORWARD' 'filter -F DOCKER-USER'; do $t -t $c 2>/dev/null || true; done; done"
)
_ON = f"for t in iptables ip6tables; do $t-restore <{_KEEP}/$t; done; rm -r {_KEEP}"


@contextmanager
def without_cloud_firewall(view: View) -> Iterator[None]:
    """The server without the cloud's firewalls, as after a drift."""
    found = view.cloud("hcloud", "/firewalls")["firewalls"]
    attached = [
        (one["id"], row["server"]["id"]) for one in found for row in one["applied_to"] if row["type"] == "server"
    ]
    if not attached:
        raise ProbeError("emulated Hetzner", "no firewall is attached to the server", "make rehearse")

    def act(verb: str, key: str) -> None:
        for firewall, server in attached:
            about = {key: [{"type": "server", "server": {"id": server}}]}
            view.cloud("hcloud", f"/firewalls/{firewall}/actions/{verb}", "POST", about)
        time.sleep(2)

    act("remove_from_resources", "remove_from")
    try:
        yield
    finally:
        act("apply_to_resources", "apply_to")


@contextmanager
def without_host_firewall(view: View) -> Iterator[None]:
    """The host without any rule of its own for what comes in; Docker's own rules stay."""
    view.run("sh", "-c", _OFF)
    try:
        yield
    finally:
        view.run("sh", "-ec", _ON)


def one_layer(view: View) -> dict[str, dict[str, Any]]:
    """Scans from outside with either firewall alone, and that of the host without its own found more listeners than doors."""
    scans = [Scan(address=one) for one in view.addresses]
    with without_cloud_firewall(view):
        host_alone = scan_from(view.network, scans)
    with without_host_firewall(view):
        cloud_alone = scan_from(view.network, scans)
    return {"host alone": open_ports(host_alone), "cloud alone": open_ports(cloud_alone)}


def shut(view: View) -> dict[str, Any]:
    """What a scan finds at each address when only the declared doors are open and all else is silent."""
    return {one: {"open": list(view.tcp), "closed": 0, "refused": 0} for one in view.addresses}


def reboot(view: View, how: str = "reboot") -> dict[str, Any]:
    """A reboot by the cloud's API (`reboot`, or `reset` for the power switch), watched from outside: what was accepted, and how long all took."""
    servers = view.cloud("hcloud", "/servers")["servers"]
    boot = _Boot(view)
    with Box(view.network) as box:
        about = {"ports": [*view.tcp, *SENSITIVE], "rate": RATE}
        watches = [start(box.prefix, "watch", {"address": one, **about}) for one in view.addresses]
        for watch in watches:
            watch.wait_for(0)
        # A client notices after 15 s of traffic without an answer that its session is gone: there has to be traffic.
        traffic = view.peer.probes(view.vpn_address, view.tcp[0])
        began = time.monotonic()
        view.cloud("hcloud", f"/servers/{servers[0]['id']}/actions/{how}", "POST", {})
        booted = _until(boot.another, began)
        # The bar for the VPN counts from the network on; systemctl fails while it is not there.
        network = _until(lambda: view.run("systemctl", "is-active", "network-online.target"), began)
        vpn = _until(lambda: _fresh(view, boot.seen), began) - _age(view)
        services = _until(lambda: _healthy(view), began)
        seen = [watch.stop()[-1] for watch in watches]
        traffic.stop()
    return {
        "accepted": sorted({port for one in seen for port in one["accepted"]} - set(view.tcp)),
        "seconds": {"booted": booted, "network": network - booted, "vpn": vpn - network, "services": services - booted},
        "clean": how != "reboot" or _CLEAN in _last_start(view.run("sh", "-c", "docker logs postgres 2>&1")),
        "longest_gap": max(one["longest_gap"] for one in seen),
        "went down": all(
            "silent" in [state for _, state in one["ports"][str(port)]["changes"]] for one in seen for port in view.tcp
        ),
    }


def came_back(found: dict[str, Any]) -> dict[str, Any]:
    """The reboot's figures against their bars. A watch that paused for half a second saw too little."""
    seconds = found["seconds"]
    return {
        "accepted": found["accepted"], "watched": found["longest_gap"] < 0.5, "went down": found["went down"],  # noqa: PLR2004
        "clean": found["clean"],
        "vpn": seconds["vpn"] <= HANDSHAKE or seconds["vpn"], "services": seconds["services"] <= SERVICES or seconds["services"],
    }  # fmt: skip


def _until(there: Any, began: float) -> float:
    """Seconds since then until it is there; endless if it never is, so that no bar holds."""
    while time.monotonic() - began < _BOOT:
        try:
            if there():
                return time.monotonic() - began
        except ProbeError:
            pass
        time.sleep(0.25)
    return math.inf


class _Boot:
    """Which boot the host is in, and when the one before was seen last."""

    def __init__(self, view: View) -> None:
        self._view, self.seen = view, time.monotonic()
        self._before = self._id()

    def _id(self) -> str:
        """When the first process began. A machine of the rehearsal shares the kernel's boot id with this one. Source: proc(5), stat, field 22."""
        return self._view.run("cut", "-d", " ", "-f", "22", "/proc/1/stat").strip()

    def another(self) -> bool:
        """Whether the host has booted since."""
        now = self._id()
        if now == self._before:
            self.seen = time.monotonic()
        return now not in ("", self._before)


def _last_start(log: str) -> str:
    """What PostgreSQL said since it started last."""
    return log.rpartition("starting PostgreSQL")[2]


def _fresh(view: View, since: float) -> bool:
    view.peer.knock(view.vpn_address)
    return _age(view) < time.monotonic() - since


def _age(view: View) -> float:
    """Seconds since the member's last handshake, which was before the look that found it."""
    age = view.peer.link().handshake_age
    return math.inf if age is None else age


def _healthy(view: View) -> bool:
    found = view.containers().values()
    return len(found) > 0 and all(one["State"].get("Health", {}).get("Status", "healthy") == "healthy" for one in found)


CLAIMS: tuple[Claim[View, Any], ...] = (
    Claim(
        name="one-layer-alone",
        rows=("S2-32", "B-05"),
        says="with the cloud's firewall alone, and with the host's alone, an outside host finds the same doors as with both",
        look=one_layer,
        come_to=lambda found: found,
        expected=lambda view: {"host alone": shut(view), "cloud alone": shut(view)},
        broken="tests/rehearsal/probes/test_scan.py: a host without any firewall",
    ),
    Claim(
        name="reboot-opens-nothing",
        rows=("S2-13", "B-09", "F-02"),
        says="through a reboot no port but the declared ones ever accepts a connection; databases end in order, the VPN is back in 15 s, all services in 120 s",
        look=reboot,
        come_to=came_back,
        expected=lambda _: {
            "accepted": [],
            "watched": True,
            "went down": True,
            "clean": True,
            "vpn": True,
            "services": True,
        },
        spoil=lambda found: {**found, "accepted": [5432]},
    ),
)
