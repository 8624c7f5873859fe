"""UFW's own files: the rules as a whole, so that one that left the settings leaves the host.

Format: user.rules as ufw 0.36.2 writes it (backend_iptables.py, ``_write_rules``): the ``### tuple ###`` lines are what
``ufw status`` reads. A list of ``ufw allow`` commands would only ever add.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from homeport.model.firewall import CONTAINERS, ContainerWays
from homeport.model.host import HostFile
from homeport.render import host_text, netfilter
from homeport.render.netfilter import RULE_FILES, UNIT

if TYPE_CHECKING:
    from homeport.model.firewall import FirewallRule

_ANYWHERE = ContainerWays()
SERVICE = "ufw.service"
_ANY = {4: "0.0.0.0/0", 6: "::/0"}
_HEADS = (
    "user-input",
    "user-output",
    "user-forward",
    "before-logging-input",
    "before-logging-output",
    "before-logging-forward",
    "user-logging-input",
    "user-logging-output",
    "user-logging-forward",
    "after-logging-input",
    "after-logging-output",
    "after-logging-forward",
    "logging-deny",
    "logging-allow",
    "user-limit",
    "user-limit-accept",
)
_LIMIT = "-m limit --limit 3/min --limit-burst 10"


def files(
    rules: tuple[FirewallRule, ...], chains: tuple[str, ...] = (), ways: ContainerWays = _ANYWHERE
) -> tuple[HostFile, ...]:
    """Everything that a host's firewall consists of.

    Args:
        rules: What is let in.
        ways: Where containers may open connections to.
        chains: Of iptables, filled by other layers of the host: the jumps to them stay, and are nobody's trespass.
    """
    return (
        HostFile(path="/etc/default/ufw", content=host_text.text("firewall/ufw.default")),
        HostFile(path="/etc/ufw/ufw.conf", content=host_text.text("firewall/ufw.conf")),
        HostFile(path="/etc/ufw/user.rules", content=user_rules(rules, 4), mode=0o640),
        HostFile(path="/etc/ufw/user6.rules", content=user_rules(rules, 6), mode=0o640),
        HostFile(path=RULE_FILES[4], content=netfilter.restore(rules, 4, ways), mode=0o640),
        HostFile(path=RULE_FILES[6], content=netfilter.restore(rules, 6, ways), mode=0o640),
        *netfilter.scripts(chains),
        HostFile(path=f"/etc/systemd/system/{UNIT}", content=netfilter.SERVICE),
    )


def apply() -> str:
    """Shell: makes the kernel's rules what the files say. The gate comes first: while UFW reloads, nothing is open."""
    return host_text.text("firewall/apply.sh")


def remove() -> str:
    """Shell, once the files are gone, or those from before homeport are back.

    The kernel's rules are again what UFW's files say.

    A first change that cut homeport off is undone by this. Files of UFW's that are missing come from its package: it is
    off then.
    """
    return host_text.text("firewall/remove.sh")


def user_rules(rules: tuple[FirewallRule, ...], version: int) -> str:
    """``user.rules`` (version 4) or ``user6.rules``."""
    prefix = "ufw" if version == 4 else "ufw6"  # noqa: PLR2004
    known = netfilter.ordered(netfilter.own(rules))
    inner = [line for rule in known if rule.via == CONTAINERS for line in _rule(rule, version, prefix)]
    outer = [line for rule in known if rule.via != CONTAINERS for line in _rule(rule, version, prefix)]
    closed = [line for bridge in netfilter.BRIDGES for line in _closed(bridge, version, prefix)]
    heads = [f":{prefix}-{head} - [0:0]" for head in _HEADS]
    tail = [f"-A {prefix}-{line}" for line in _tail()]
    parts = [
        "*filter",
        *heads,
        "### RULES ###",
        "",
        *inner,
        *closed,
        *outer,
        "### END RULES ###",
        "",
        *tail,
        "COMMIT",
        "",
    ]
    return "\n".join(parts)


def _rule(rule: FirewallRule, version: int, prefix: str) -> list[str]:
    opening = rule.opening
    protocol, port = (opening.protocol, str(opening.port)) if opening.port else ("any", "any")
    comment = re.sub(r"[^A-Za-z0-9 .,:_-]", "", opening.purpose).encode().hex()
    lines = []
    for match in netfilter.sources(rule, version):
        source = match.removeprefix(" -s ") or _ANY[version]
        via = f"in_{rule.via}" if rule.via else "in"
        lines.append(f"### tuple ### allow {protocol} {port} {_ANY[version]} any {source} {via} comment={comment}")
        interface = f" -i {rule.via}" if rule.via else ""
        what = f" -p {protocol} --dport {port}" if opening.port else ""
        lines += [f"-A {prefix}-user-input{interface}{what}{match} -j ACCEPT", ""]
    return lines


def _closed(bridge: str, version: int, prefix: str) -> list[str]:
    """Containers reach no port of the host but those above."""
    anywhere = f"{_ANY[version]} any {_ANY[version]}"
    comment = b"containers".hex()
    return [
        f"### tuple ### deny any any {anywhere} in_{bridge} comment={comment}",
        f"-A {prefix}-user-input -i {bridge} -j DROP",
        "",
    ]


def _tail() -> tuple[str, ...]:
    return (
        f'after-logging-input -j LOG --log-prefix "[UFW BLOCK] " {_LIMIT}',
        f'after-logging-forward -j LOG --log-prefix "[UFW BLOCK] " {_LIMIT}',
        f"logging-deny -m conntrack --ctstate INVALID -j RETURN {_LIMIT}",
        f'logging-deny -j LOG --log-prefix "[UFW BLOCK] " {_LIMIT}',
        f'logging-allow -j LOG --log-prefix "[UFW ALLOW] " {_LIMIT}',
        'user-limit -m limit --limit 3/minute -j LOG --log-prefix "[UFW LIMIT BLOCK] "',
        "user-limit -j REJECT",
        "user-limit-accept -j ACCEPT",
    )
