"""What is on a host, in one connection and without a change: for the checks before an update, and for a person.

`components/scripts/look.sh` is what runs there.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homeport.cli.places import ROOT, cache
from homeport.model import names
from homeport.render import host_text
from homeport.render.ssh_options import pinned

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from homeport.cli.pulumi_cli import PulumiCli
    from homeport.model.network import Protocol
    from homeport.plan.hosts import HostPlan
    from homeport.settings.hosts import AdoptHost

_REACH = "homeport:host:Reach"
_SECONDS = 60
_SCRIPT = ROOT / "components" / "scripts" / "look.sh"
_AS_ROOT = ("sh", "-c", '. components/scripts/ssh.sh; listening; as_root "$1"', "components/scripts/look")
_PUBLISHED = re.compile(
    r"(?P<address>[0-9.]+|\[?[0-9a-f:]+\]?):(?P<port>[0-9]+)(?:-(?P<last>[0-9]+))?->\S+/(?P<protocol>tcp|udp)"
)
ANY = frozenset({"0.0.0.0", "*", "::"})  # noqa: S104  # compared, not listened on


@dataclass(frozen=True, kw_only=True)
class Listener:
    """Something that accepts connections.

    Attributes:
        protocol: ``tcp`` or ``udp``.
        address: Where; one of `ANY` for all of the host's addresses.
        port: The number.
        program: Who, as far as it is known.
    """

    protocol: Protocol
    address: str
    port: int
    program: str

    @property
    def everywhere(self) -> bool:
        """Whether it listens on all addresses."""
        return self.address in ANY

    @property
    def loopback(self) -> bool:
        """Whether nobody else can reach it."""
        return self.address.startswith("127.") or self.address in {"::1", "localhost"}


@dataclass(frozen=True, kw_only=True)
class Drift:
    """A file or a unit that is not as the last update left it."""

    unit: str
    what: str
    how: str


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a host answered.

    Attributes:
        rows: By kind, the words of each line.
    """

    rows: Mapping[str, tuple[tuple[str, ...], ...]]

    def of(self, kind: str) -> tuple[tuple[str, ...], ...]:
        """All lines of a kind."""
        return self.rows.get(kind, ())

    def words(self, kind: str) -> tuple[str, ...]:
        """The first word of each line of a kind."""
        return tuple(row[0] for row in self.of(kind))

    @property
    def drift(self) -> tuple[Drift, ...]:
        """What a hand has changed."""
        return tuple(Drift(unit=unit, what=what, how=how) for unit, what, how in self.of("drift"))

    def listeners(self, stack: str) -> tuple[Listener, ...]:
        """What listens there and is not a container of this stack."""
        # Where a container publishes a port, Docker itself or its proxy shows as who listens.
        rows = [row for row in self.of("listener") if row[3] not in {"dockerd", "docker-proxy"}]
        programs = [
            Listener(protocol=_protocol(row[0]), address=_plain(row[1]), port=int(row[2]), program=row[3])
            for row in rows
        ]
        return (*programs, *self.published(stack))

    def published(self, stack: str) -> tuple[Listener, ...]:
        """The ports that containers of others publish."""
        return tuple(
            Listener(
                protocol=_protocol(match["protocol"]),
                address=_plain(match["address"]),
                port=port,
                program=f"container {name}",
            )
            for name, label, ports in self.of("container")
            if label != stack
            for match in _PUBLISHED.finditer(ports)
            for port in range(int(match["port"]), int(match["last"] or match["port"]) + 1)
        )


def _protocol(text: str) -> Protocol:
    return "udp" if text == "udp" else "tcp"


def _plain(address: str) -> str:
    return address.strip("[]").partition("%")[0]


def look(where: Mapping[str, str], claims: Iterable[tuple[str, str]] = ()) -> Look | str:
    """What is on a host; why it cannot be asked, where it cannot.

    Args:
        where: The environment in which our scripts reach it.
        claims: What is about to be laid there: sum (or ``-``) and path of each.
    """
    lines = "".join(f"{total} {path}\n" for total, path in claims)
    text = f"{host_text.whole(_SCRIPT)}look <<'PATHS'\n{lines}PATHS\n"
    done = as_root(where, "exec sh -s", text)
    if isinstance(done, str):
        return done
    rows: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for line in done.stdout.splitlines():
        kind, *words = line.split("\t")
        rows[kind].append(tuple(words))
    if "looked" not in rows:
        return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    return Look(rows={kind: tuple(words) for kind, words in rows.items()})


def as_root(where: Mapping[str, str], command: str, text: str) -> subprocess.CompletedProcess[str] | str:
    """Runs a command as root on a host, by one call of ssh; why there was no answer, where it hangs.

    Args:
        where: The environment in which our scripts reach it.
        command: Shell.
        text: Its standard input.
    """
    try:
        return subprocess.run(
            [*_AS_ROOT, command],
            cwd=ROOT,
            env={**os.environ, **where},
            input=text,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_SECONDS} s"


def shown_as_root(where: Mapping[str, str], command: str) -> int:
    """The same for a person to see, however long it takes; its exit code, 255 where ssh has failed."""
    argv = [*_AS_ROOT, command]
    return subprocess.run(argv, cwd=ROOT, env={**os.environ, **where}, stdin=subprocess.DEVNULL, check=False).returncode


def ways(pulumi: PulumiCli, state: Mapping[str, Any]) -> dict[str, Mapping[str, str]]:
    """For each host of the stack behind SSH the environment in which it is reached.

    As the last update reached it; an adopted one that no update has met yet, as the settings say.
    """
    known = {
        names.part_host(names.logical(str(row["urn"])), "reach"): row["outputs"]["environment"]
        for row in state.get("resources") or []
        if row.get("type") == _REACH and "HOMEPORT_SSH" in ((row.get("outputs") or {}).get("environment") or {})
    }
    new = {
        name: host.machine
        for name, host in pulumi.stack.plan.hosts.items()
        if host.machine.mode == "adopt" and name not in known
    }
    if new:
        key = pulumi.config().get("homeport:ssh-private-key", "")
        known |= {name: _first(pulumi.stack.plan.hosts[name], machine, key) for name, machine in new.items()}
    return known


def _first(host: HostPlan, machine: AdoptHost, key: str) -> dict[str, str]:
    options = list(pinned(machine.address, machine.port, machine.host_key))
    if key:
        options += [f"IdentityFile={_identity(key, host.stack, host.name)}", "IdentitiesOnly=yes"]
    ports = " ".join(str(port) for port in (*host.ssh_ports, machine.port) if port != machine.port)
    return {
        "HOMEPORT_SSH": f"{machine.user}@{machine.address}",
        "HOMEPORT_SSH_PORT": str(machine.port),
        "HOMEPORT_SSH_OPTS": "\n".join(options),
        **({"HOMEPORT_SSH_PORT_PREVIOUS": ports} if ports else {}),
    }


def _identity(key: str, stack: str, host: str) -> str:
    """A key as ssh takes it: from a file where the program writes it too."""
    path = cache() / "keys" / f"{stack}-{host}"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    # As in components/connection.py: without the last line's end ssh reads no key.
    draft.write_text(f"{key.rstrip()}\n", encoding="utf-8")
    draft.rename(path)
    # ssh expands %, and a blank ends an option's value (ssh_config(5)).
    return '"' + str(path).replace("%", "%%") + '"'
