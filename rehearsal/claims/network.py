"""Claims on the network, scanned from outside and inside: listeners, firewalls, and the VPN."""

from __future__ import annotations

import re
from typing import Any, Final

from rehearsal.claims.claim import Claim
from rehearsal.claims.view import View
from rehearsal.probes.box import Box, run
from rehearsal.probes.peer import Peer, with_strange_key
from rehearsal.probes.scan import VPN_RATE, Scan, scan_patiently

_KEY_FILES = ("/etc/wireguard/private.key", "/etc/wireguard/wg0.conf")
_RESTART_VPN = (
    "for i in 1 2 3 4 5; do systemctl reset-failed wg-quick@wg0; systemctl restart wg-quick@wg0; done; "
    "iptables -S FORWARD"
)
_FRESH = 180
"""Seconds after which WireGuard makes a new handshake at the latest, when there is traffic."""
_USUAL_UDP: Final = frozenset(
    int(port)
    for port in [
        "7",
        "9",
        "17",
        "19",
        "49",
        "53",
        "67",
        "68",
        "69",
        "80",
        "88",
        "111",
        "120",
        "123",
        "135",
        "136",
        "137",
        "138",
        "139",
        "158",
        "161",
        "162",
        "177",
        "427",
        "443",
        "445",
        "497",
        "500",
        "514",
        "515",
        "518",
        "520",
        "593",
        "623",
        "626",
        "631",
        "996",
        "997",
        "998",
        "999",
        "1022",
        "1023",
        "1025",
        "1026",
        "1027",
        "1028",
        "1029",
        "1030",
        "1433",
        "1434",
        "1645",
        "1646",
        "1701",
        "1718",
        "1719",
        "1812",
        "1813",
        "1900",
        "2000",
        "2048",
        "2049",
        "2222",
        "2223",
        "3283",
        "3456",
        "3703",
        "4444",
        "4500",
        "5000",
        "5060",
        "5353",
        "5632",
        "7946",
        "8472",
        "9200",
        "10000",
        "11211",
        "17185",
        "20031",
        "30718",
        "31337",
        "32768",
        "32769",
        "32771",
        "32815",
        "33281",
        "49152",
        "49153",
        "49154",
        "49156",
        "49181",
        "49182",
        "49185",
        "49186",
        "49188",
        "49190",
        "49191",
        "49192",
        "49193",
    ]
)
"""What scanners ask first."""
_METADATA = ("169.254.169.254", "fd00:ec2::254")
_ASK_METADATA = """
import socket, sys
for host in sys.argv[1:]:
    try:
        socket.create_connection((host, 80), 2).close()
        print(host, "answered")
    except OSError:
        print(host, "silent")
"""


def listeners(text: str) -> list[str]:
    """Local addresses of `ss -H -l -t -n` that are neither loopback nor inside a container's own network."""
    local = [line.split()[3] for line in text.splitlines() if line.split()]
    return sorted({address for address in local if not address.startswith(("127.", "[::1]"))})


def public(view: View, listening: list[str]) -> list[str]:
    """Ports of all listeners that an address of the outside leads to."""
    everywhere = {"0.0.0.0", "*", "[::]"}  # noqa: S104  # compared, not bound
    outside = everywhere.union(view.addresses, (f"[{address}]" for address in view.addresses))
    pairs = [address.rpartition(":") for address in listening]
    return sorted({port for host, _, port in pairs if host.partition("%")[0] in outside}, key=int)


def ufw_rules(text: str) -> tuple[str, ...]:
    """`ufw status verbose`: state, default policies, and all that is allowed, once for both families."""
    state = re.search(r"^Status: (\w+)", text, re.MULTILINE)
    policies = re.search(r"^Default: (\w+) \(incoming\), (\w+) \(outgoing\)", text, re.MULTILINE)
    rules = re.findall(
        r"^(\S+)(?: \(v6\))?(?: on \S+)?\s+((?:ALLOW|LIMIT|DENY|REJECT) \w+)\s+(\S+)", text, re.MULTILINE
    )
    allowed = {f"{port} {act} {source}" for port, act, source in rules if act.startswith(("ALLOW IN", "LIMIT IN"))}
    return (state[1] if state else "?", *(policies.groups() if policies else ("?", "?")), *sorted(allowed))


def open_ports(scans: list[dict[str, Any]]) -> dict[str, Any]:
    """Of each scanned address what was open, what was not even silent, and whether some service said something."""
    return {
        scan["address"]: {
            "open": scan["open"],
            "closed": scan["counts"]["closed"],
            "refused": scan["counts"]["rejected"],
        }
        for scan in scans
    }


def only_declared(view: View) -> dict[str, Any]:
    """What a scan finds at each address when only the declared ports are open and all else is silent.

    The ports that Docker publishes are there for IPv4; the firewall lets IPv6 come to them too, where nothing listens.
    A proxy in the host's own network listens in both families; at the owner's ports nobody does.
    """
    proxy = _published(view, "tcp") & {*view.expected.tcp}
    others = [port for port in view.expected.tcp if port not in proxy]
    nobody = len(view.expected.owners_tcp)
    return {
        address: {"open": others, "closed": len(proxy) + nobody, "refused": 0}
        if ":" in address
        else {"open": list(view.expected.tcp), "closed": nobody, "refused": 0}
        for address in view.addresses
    }


def _published(view: View, protocol: str) -> set[int]:
    """The ports of a protocol that containers publish to everybody."""
    every = [each.rpartition("/") for service in view.expected.services.values() for each in service.published]
    return {int(port.partition("->")[0].rpartition(":")[2]) for port, _, kind in every if kind == protocol}


def _nobody_at_udp(view: View) -> dict[str, int]:
    """What `ask_udp` finds: silence; and at IPv6 the ports that Docker publishes for IPv4, where nothing listens.

    Nothing does at the owner's ports either, in both families.
    """
    proxied = len(_published(view, "udp")) * sum(":" in address for address in view.addresses)
    return {"answered": 0, "closed": proxied + len(view.expected.owners_udp) * len(view.addresses)}


def ask_udp(view: View) -> list[dict[str, Any]]:
    """The most usual UDP ports and those declared, of all public addresses, from an outside host."""
    ports = sorted({*_USUAL_UDP, *view.expected.udp, *view.expected.owners_udp})
    with Box(view.network) as box:
        asked = {"ports": ports, "tries": 2, "patience": 1}
        return [run(box.prefix, "udp", {"address": address, **asked})[0] for address in view.addresses]


def scan_from_vpn(view: View) -> dict[str, Any]:
    """A full scan through the tunnel, its declared ports as the control."""
    control = {"address": view.vpn_address, "open": list(view.expected.all_vpn_tcp()), "closed": []}
    return scan_patiently(view.peer.prefix, Scan(address=view.vpn_address, rate=VPN_RATE), control)


def with_other_key(view: View) -> tuple[bool, int, bool]:
    """A client whose key nobody knows: whether it had a handshake, bytes that came back, and whether it tried."""
    with Peer(view.network) as peer:
        peer.up(with_strange_key(view.peer_config))
        peer.knock(view.vpn_address)
        run(peer.prefix, "udp", {"address": view.vpn_address, "ports": [9], "tries": 6, "patience": 1})
        link = peer.link()
        return link.handshake_age is not None, link.received, link.sent > 0


def handshake(view: View) -> tuple[bool, bool]:
    """Whether the client's handshake is fresh, and whether the host says the same of that client."""
    view.peer.knock(view.vpn_address)
    view.peer.until_handshake()
    times = [int(line.split("\t")[1]) for line in view.run("wg", "show", "wg0", "latest-handshakes").splitlines()]
    now = int(view.run("date", "+%s"))
    age = view.peer.link().handshake_age
    return age is not None and age < _FRESH, any(now - moment < _FRESH for moment in times if moment)


def answering(view: View) -> dict[int, str]:
    """How each service answers a member of the VPN: `open`, or not."""
    ports = view.expected.all_vpn_tcp()
    request = Scan(address=view.vpn_address, ports=tuple((port, port) for port in ports)).told(None)
    scan = run(view.peer.prefix, "scan", request)[0]
    return {port: "open" if port in scan["open"] else "not open" for port in ports}


def metadata(view: View) -> dict[str, dict[str, str]]:
    """What each container gets from the metadata service's addresses, asked from its own network namespace.

    In the host's own network a container asks as any program of the host does.
    """
    answers = {}
    for name, container in view.containers().items():
        if view.expected.services[name].listens:
            continue
        namespace = ("nsenter", "--target", str(container["State"]["Pid"]), "--net")
        lines = view.run(*namespace, "python3", "-c", _ASK_METADATA, *_METADATA).splitlines()
        answers[name] = dict(line.split() for line in lines)
    return answers


_FORWARDED = """export PATH="$PATH:/usr/sbin"
cut -d: -f1 /etc/passwd | while read -r user; do
  sshd -T -C "user=$user,host=a,addr=192.0.2.1,laddr=192.0.2.2,lport=22" | sed -n "s/^/$user /p"
done | grep -E ' (disableforwarding|allowtcpforwarding|permitopen|permitlisten|gatewayports|permittunnel) '
"""
_SHUT = {"allowtcpforwarding": "no", "disableforwarding": "yes", "gatewayports": "no", "permittunnel": "no"}


def forwarded(text: str) -> dict[str, dict[str, str]]:
    """What sshd says of forwarding that it does not say of somebody without any, by user (`sshd -T -C user=…`)."""
    users: dict[str, dict[str, str]] = {}
    for user, name, value in (line.split(" ", 2) for line in text.splitlines() if line):
        users.setdefault(user, {})[name] = value
    shut = _SHUT | {"permitopen": "any", "permitlisten": "any"}
    return {user: more for user, said in users.items() if (more := dict(said.items() - shut.items()))}


def one_port(view: View) -> list[dict[str, str]]:
    """What is said of the one user for whom a port is forwarded."""
    open_ = {"disableforwarding": "no", "allowtcpforwarding": "local"}
    port = view.expected.ssh_forward
    return [open_ | {"permitopen": f"127.0.0.1:{port}"}] if port else []


METADATA: Claim[View, Any] = Claim(
    name="metadata-unreachable",
    rows=("B-06", "B-08"),
    says="no container reaches the metadata service, where the user data of the server can be read",
    observe=metadata,
    expected=lambda view: {
        name: dict.fromkeys(_METADATA, "silent")
        for name, service in view.expected.services.items()
        if not service.listens
    },
    spoil=lambda answers: {**answers, min(answers): dict.fromkeys(_METADATA, "answered")},
)

CLAIMS: tuple[Claim[View, Any], ...] = (
    Claim(
        name="ssh-forwards-declared-port-alone",
        rows=("S1-35",),
        says="of all users of the host sshd forwards something for one at most: the one declared port of its loopback",
        observe=lambda view: view.run("sh", "-c", _FORWARDED),
        value=lambda text: [*forwarded(text).values()],
        expected=one_port,
        spoil=lambda text: f"{text}\nsomebody permitopen 127.0.0.1:22\n",
    ),
    Claim(
        name="nothing-on-public-ip",
        rows=("S2-55", "S2-23"),
        says="no process of the host listens at a public address, but at the declared ports and those for containers",
        observe=lambda view: (view, listeners(view.run("ss", "-H", "-l", "-t", "-n"))),
        value=lambda seen: public(*seen),
        expected=lambda view: sorted(
            {*map(str, (*view.expected.tcp, *view.expected.members_tcp)), *view.expected.bridged}, key=int
        ),
        spoil=lambda seen: (seen[0], [*seen[1], "0.0.0.0:5432"]),
    ),
    Claim(
        name="ufw-only-ssh-and-wg",
        rows=("S2-55", "S2-28", "S2-30", "S1-06", "S1-08"),
        says="UFW is on, denies what comes in, and allows the declared ports alone: SSH, WireGuard, the public proxy's,"
        " and to containers those of the host's programs",
        observe=lambda view: view.run("ufw", "status", "verbose"),
        value=ufw_rules,
        expected=lambda view: (
            "active",
            "deny",
            "allow",
            *sorted([*(f"{port} ALLOW IN Anywhere" for port in _ports(view)), *_bridged(view)]),
        ),
        spoil=lambda text: f"{text}\n5432/tcp                   ALLOW IN    Anywhere\n",
    ),
    Claim(
        name="outside-sees-declared-ports",
        rows=("S2-31", "B-01"),
        says="of 65,535 TCP ports an outside host finds the declared ones open and all others silent, in both families",
        observe=View.outside,
        value=open_ports,
        expected=only_declared,
        broken="tests/rehearsal/probes/test_scan.py: a host without a firewall; claim one-layer-alone",
    ),
    Claim(
        name="udp-is-silent",
        rows=("S2-31", "B-01"),
        says="no UDP port answers a stranger, WireGuard's own among them",
        observe=ask_udp,
        value=lambda scans: {
            "answered": sum(len(scan["answered"]) for scan in scans),
            "closed": sum(len(scan["closed"]) + len(scan["unsent"]) for scan in scans),
        },
        expected=_nobody_at_udp,
        broken="tests/rehearsal/probes/test_scan.py: a port that answers, and one that nobody has",
    ),
    Claim(
        name="vpn-sees-declared-ports",
        rows=("S2-44", "S2-57", "B-02"),
        needs=frozenset({"vpn"}),
        says="of 65,535 TCP ports a member of the VPN finds the declared ones open, and no other",
        observe=scan_from_vpn,
        value=lambda scan: scan["open"],
        expected=lambda view: list(view.expected.all_vpn_tcp()),
        broken="tests/rehearsal/probes/test_peer.py: a scan through a tunnel finds what listens",
    ),
    Claim(
        name="handshake",
        rows=("S2-10", "S2-12"),
        needs=frozenset({"vpn"}),
        says="a client that has nothing but the stack's output has a fresh handshake, and the host says the same",
        observe=handshake,
        expected=lambda _: (True, True),
        broken="claim strange-key-gets-silence",
    ),
    Claim(
        name="strange-key-gets-silence",
        rows=("S2-43",),
        needs=frozenset({"vpn"}),
        says="a client with another key gets no handshake and not one byte, though it tries",
        observe=with_other_key,
        expected=lambda _: (False, 0, True),
        broken="claim handshake: the same text with its own key",
    ),
    Claim(
        name="services-in-the-vpn",
        rows=("S2-44", "S2-57"),
        needs=frozenset({"vpn"}),
        says="a member of the VPN reaches every service that publishes a port",
        observe=answering,
        expected=lambda view: dict.fromkeys(view.expected.all_vpn_tcp(), "open"),
        spoil=lambda ports: {**ports, max(ports): "not open"},
    ),
    Claim(
        name="private-key-files",
        rows=("S2-07", "S2-08"),
        needs=frozenset({"vpn"}),
        says="the VPN's keys and configuration are root's alone",
        observe=lambda view: view.run("stat", "-c", "%a %U:%G %n", *_KEY_FILES),
        value=lambda text: sorted(text.splitlines()),
        expected=lambda _: sorted(f"600 root:root {path}" for path in _KEY_FILES),
        spoil=lambda text: text.replace("600", "644", 1),
    ),
    Claim(
        name="forward-rules-stay-one",
        rows=("S2-60",),
        needs=frozenset({"vpn"}),
        says="five restarts of the VPN leave exactly one rule for what comes out of it",
        observe=lambda view: view.run("sh", "-ec", _RESTART_VPN, seconds=300),
        value=lambda text: len(re.findall(r"^-A \S+ -i wg0 .*-j ACCEPT", text, re.MULTILINE)),
        expected=lambda _: 1,
        spoil=lambda text: f"{text}\n-A FORWARD -i wg0 -j ACCEPT\n",
    ),
    METADATA,
)


def _bridged(view: View) -> list[str]:
    subnets = view.expected.bridged.items()
    return [f"{port}/tcp ALLOW IN {subnet}" for port, several in subnets for subnet in several or ["Anywhere"]]


def _ports(view: View) -> list[str]:
    tcp = (*view.expected.tcp, *view.expected.owners_tcp, *view.expected.members_tcp)
    udp = (*view.expected.udp, *view.expected.owners_udp)
    return [*(f"{port}/tcp" for port in tcp), *(f"{port}/udp" for port in udp)]
