"""Claims that take something away: one of the two firewalls, or the power.

Everything is put back, also when a claim fails.
"""

from __future__ import annotations

import math
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from rehearsal.claims.claim import Claim
from rehearsal.claims.containers import health
from rehearsal.claims.network import only_declared, open_ports
from rehearsal.probes.box import Box, start
from rehearsal.probes.errors import ProbeError
from rehearsal.probes.scan import Scan, scan_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rehearsal.claims.view import View

_SENSITIVE = (80, 443, 2375, 3000, 6334, 9443)
"""Watched through a reboot, beside what is declared and what services publish."""
_RATE = 20
"""SYNs a second and port (docs/requirements.md, B-09)."""
_HANDSHAKE, _SERVICES = 15.0, 120.0
"""Seconds until the VPN (after the network) and the services (after the boot) must be back (requirement F-02).

They are meant for a machine that does nothing else; see `_slowness`."""
_LONGEST_GAP = 0.5
"""Seconds without a probe after which a watch has seen too little."""
_BOOT = 900.0
"""Seconds after which nobody waits for a boot any more."""
_KEEP = "/run/claims"
_OFF = (
    f"mkdir -p {_KEEP}; for t in iptables ip6tables; do $t-save >{_KEEP}/$t; $t -P INPUT ACCEPT; "
    "for c in 'filter -F INPUT' 'mangle -F INPUT' 'mangle -F FORWARD' 'filter -F DOCKER-USER'; do "
    "$t -t $c 2>/dev/null || true; done; done"
)
_ON = f"for t in iptables ip6tables; do $t-restore <{_KEEP}/$t; done; rm -r {_KEEP}"


@contextmanager
def without_cloud_firewall(view: View) -> Iterator[None]:
    """The server without the cloud's firewalls, as after a drift."""
    firewalls = view.cloud("hcloud", "/firewalls")["firewalls"]
    attached = [
        (firewall["id"], target["server"]["id"])
        for firewall in firewalls
        for target in firewall["applied_to"]
        if target["type"] == "server"
    ]
    if not attached:
        raise ProbeError("emulated Hetzner", "no firewall is attached to the server", "make rehearse")

    def act(verb: str, key: str) -> None:
        for firewall, server in attached:
            body = {key: [{"type": "server", "server": {"id": server}}]}
            view.cloud("hcloud", f"/firewalls/{firewall}/actions/{verb}", "POST", body)
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


def with_either_firewall(view: View) -> dict[str, dict[str, Any]]:
    """Scans from outside with either firewall alone."""
    scans = [Scan(address=address) for address in view.addresses]
    with without_cloud_firewall(view):
        host_alone = scan_from(view.network, scans)
    with without_host_firewall(view):
        cloud_alone = scan_from(view.network, scans)
    return {"host alone": open_ports(host_alone), "cloud alone": open_ports(cloud_alone)}


def reboot(view: View, how: str = "reboot") -> dict[str, Any]:
    """A reboot by the cloud's API, watched from outside: what was accepted, and how long all took.

    Args:
        view: The system.
        how: `reboot`, or `reset` for the power switch, of which no program on the host is told.
    """
    figures = _watched(view, how)
    # A computer that stood still meanwhile has seen too little to say anything.
    return figures if figures["longest_gap"] < _LONGEST_GAP else _watched(view, how)


def _watched(view: View, how: str) -> dict[str, Any]:
    declared, boot = view.expected.tcp, _Boot(view)
    with Box(view.network) as box:
        ports = sorted({*declared, *_SENSITIVE, *view.expected.ports().values()})
        order = {"ports": ports, "rate": _RATE}
        watches = [start(box.prefix, "watch", {"address": address, **order}) for address in view.addresses]
        for watch in watches:
            watch.wait_for(0)
        # A client notices after 15 s of traffic without an answer that its session is gone: there has to be traffic.
        traffic = view.peer.probes(view.vpn_address or view.addresses[0], declared[0])
        _in_services(view, "write")
        began = time.monotonic()
        _restart(view, how)
        booted = _until(boot.is_another, began)
        # The bar for the VPN counts from the network on; systemctl fails while it is not there.
        network = _until(lambda: view.run("systemctl", "is-active", "network-online.target"), began)
        vpn = _until(lambda: _fresh(view, boot.last_seen), began) - _age(view) if view.vpn_address else network
        services = _until(lambda: _healthy(view), began)
        seen = [watch.stop()[-1] for watch in watches]
        traffic.stop()
    return {
        "accepted": sorted({port for watch in seen for port in watch["accepted"]} - set(declared)),
        "seconds": {"booted": booted, "network": network - booted, "vpn": vpn - network, "services": services - booted},
        "clean": how != "reboot" or all(_stopped_clean(view)),
        "lost": _lost(view),
        "longest_gap": max(watch["longest_gap"] for watch in seen),
        "slowness": _slowness(),
        "went down": all(
            "silent" in [state for _, state in watch["ports"][str(port)]["changes"]]
            for watch in seen
            for port in declared
        ),
    }


def _restart(view: View, how: str) -> None:
    """By the cloud's API; a machine that no cloud knows restarts by itself."""
    if not view.expected.rented:
        with suppress(ProbeError):  # the command ends with the machine
            view.run("systemctl", "reboot")
        return
    servers = view.cloud("hcloud", "/servers")["servers"]
    own = next(server for server in servers if view.name in ("", server["labels"].get("homeport.host")))
    view.cloud("hcloud", f"/servers/{own['id']}/actions/{how}", "POST", {})


def within_bars(figures: dict[str, Any]) -> dict[str, Any]:
    """The reboot's figures against their bars."""
    # Rounded up to whole times: the load is an average of the last minute.
    seconds, slowness = figures["seconds"], math.ceil(figures["slowness"])
    return {
        "accepted": figures["accepted"],
        "watched": figures["longest_gap"] < _LONGEST_GAP,
        "went down": figures["went down"],
        "clean": figures["clean"],
        "lost": figures["lost"],
        "vpn": seconds["vpn"] <= _HANDSHAKE * slowness or seconds["vpn"],
        "services": seconds["services"] <= _SERVICES * slowness or seconds["services"],
    }


ALL_WITHIN_BARS = {
    "accepted": [],
    "watched": True,
    "went down": True,
    "clean": True,
    "lost": [],
    "vpn": True,
    "services": True,
}


def _slowness() -> float:
    """How many times longer all takes than on a machine of its own: what wants a processor, by processors."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def _until(condition: Callable[[], object], began: float) -> float:
    """Seconds since `began` until the condition holds; endless if it never does, so that no bar holds."""
    while time.monotonic() - began < _BOOT:
        try:
            if condition():
                return time.monotonic() - began
        except ProbeError:
            pass
        time.sleep(0.25)
    return math.inf


class _Boot:
    """Which boot the host is in, and when the one before was seen last."""

    def __init__(self, view: View) -> None:
        self._view, self.last_seen = view, time.monotonic()
        self._before = self._id()

    def _id(self) -> str:
        """When the first process began (proc(5), stat, field 22): machines share the kernel's boot id with this one."""
        return self._view.run("cut", "-d", " ", "-f", "22", "/proc/1/stat").strip()

    def is_another(self) -> bool:
        """Whether the host has booted since."""
        now = self._id()
        if now == self._before:
            self.last_seen = time.monotonic()
        return now not in ("", self._before)


def _stopped_clean(view: View) -> Iterator[bool]:
    """For each service that tells at its start whether it was ended in order before: whether it was."""
    for name, service in view.expected.services.items():
        if service.clean_stop:
            log = view.run("sh", "-c", f"docker logs {view.containers()[name]['Id']} 2>&1")
            yield service.clean_stop["says"] in log.rpartition(service.clean_stop["start"])[2]


def _in_services(view: View, what: str) -> dict[str, str]:
    """What is printed in each service that keeps something, where it is written or read; why not, else."""
    printed = {}
    for name, service in view.expected.services.items():
        if service.kept:
            try:
                there = view.containers()[name]["Id"]
                printed[name] = view.run("docker", "exec", there, *service.kept[what]).strip()
            except (ProbeError, KeyError) as problem:
                printed[name] = str(problem)
    return printed


def _lost(view: View) -> list[str]:
    """The services that have not kept what was written into them before."""
    expected = view.expected.services
    return sorted(name for name, said in _in_services(view, "read").items() if said != expected[name].kept["says"])


def _fresh(view: View, since: float) -> bool:
    view.peer.knock(view.vpn_address)
    return _age(view) < time.monotonic() - since


def _age(view: View) -> float:
    """Seconds since the member's last handshake, which was before the look that found it."""
    age = view.peer.link().handshake_age
    return math.inf if age is None else age


def _healthy(view: View) -> bool:
    states = health(view.containers())
    if view.mesh:
        view.run("tailscale", "status", "--peers=false")
    return bool(states or not view.expected.services) and set(states.values()) <= {"healthy", "running"}


CLAIMS: tuple[Claim[View, Any], ...] = (
    Claim(
        name="one-layer-alone",
        rows=("S2-32", "B-03", "B-05"),
        needs=frozenset({"rented"}),
        says="with either firewall alone, the cloud's or the host's, an outside host finds the same ports as with both",
        observe=with_either_firewall,
        expected=lambda view: {"host alone": only_declared(view), "cloud alone": only_declared(view)},
        broken="tests/rehearsal/probes/test_scan.py: a host without any firewall",
    ),
    Claim(
        name="reboot-opens-nothing",
        rows=("S2-13", "B-09", "F-02"),
        says="through a reboot only declared ports accept connections; databases end in order, all is back in time",
        observe=reboot,
        value=within_bars,
        expected=lambda _: ALL_WITHIN_BARS,
        spoil=lambda figures: {**figures, "accepted": [5432]},
    ),
)
