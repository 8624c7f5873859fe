"""What a stack that is up must look like from outside and in Docker, as values, and how what is there differs.

Whoever asks Docker, the resolver and the ports is `homeport/cli/verify.py`. The claims of a rehearsal compare by
themselves (`rehearsal/claims`): who shares our model shares its mistakes.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from homeport.model.blueprint import LOOPBACK
from homeport.plan.zone import records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from homeport.model.container import ContainerSpec
    from homeport.plan.hosts import HostPlan
    from homeport.plan.resolve import Plan
    from homeport.plan.zone import NameRecord

    Inspected = Mapping[str, Any]
    """What `docker inspect` says of a container."""

Outcome = Literal["ok", "fail", "not asked"]
CLAIMS: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "address": ("doors", ("S2-39", "S2-40")),
        "access": ("zero-trust-on", ("S2-55", "S2-39", "S2-40")),
        "certificate": ("names-have-certificates", ("RW-09",)),
        "name": ("names-lead-to-the-tunnel", ("S2-38",)),
        "port": ("outside-sees-declared-ports", ("S2-31", "B-01")),
        "health": ("only-declared-services", ("S2-02", "S2-24")),
        "user": ("services-as-described", ("S2-14", "S2-16", "S2-17")),
        "root": ("read-only-roots", ("S2-14", "S2-16", "S2-17", "S2-27")),
        "capabilities": ("caps-dropped", ("S2-55", "S2-27", "S2-18")),
        "privileges": ("read-only-roots", ("S2-14", "S2-16", "S2-17", "S2-27")),
        "limits": ("limits", ("S2-14", "S2-16", "S2-17", "S2-18")),
        "published": ("bound-to-wg-ip", ("S2-55", "S2-14", "S2-16", "S2-17", "S2-18", "S2-23")),
        "networks": ("networks-as-described", ("AT-08",)),
        "mounts": ("socket-read-only", ("S2-55", "S2-26", "B-06")),
    }
)
"""Kind of a check to the claim of a rehearsal that proves the same there, and the rows that it cites."""
_ANONYMOUS = re.compile("[0-9a-f]{64}")
"""A volume that the image asks for and nobody names: Docker gives it its id."""
_DOCKER = (2375, 2376)
_SSH = 22


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came of one check.

    Attributes:
        kind: What was looked at, a key of `CLAIMS`.
        where: The container, the address or the name.
        outcome: Whether it is as described; ``not asked`` where that cannot be seen from here.
        what: What was seen, what is described where that is another, or why it was not asked.
        fix: What helps, where it failed.
    """

    kind: str
    where: str
    outcome: Outcome
    what: str
    fix: str = ""

    @property
    def rows(self) -> tuple[str, ...]:
        """The rows of docs/requirements.md that it is about."""
        return CLAIMS[self.kind][1]


def by_row(verdicts: Iterable[Verdict]) -> dict[str, Counter[Outcome]]:
    """Of each row of docs/requirements.md how many checks came out how."""
    counted: dict[str, Counter[Outcome]] = {}
    for verdict in verdicts:
        for row in verdict.rows:
            counted.setdefault(row, Counter())[verdict.outcome] += 1
    return dict(sorted(counted.items()))


def outcome_of(counted: Counter[Outcome]) -> Outcome:
    """How a row came out: one check that fails fails it."""
    if counted["fail"]:
        return "fail"
    return "ok" if counted["ok"] else "not asked"


@dataclass(frozen=True, kw_only=True)
class _Aspect:
    """One thing of a container, in words: as it is described, and as Docker has it.

    Attributes:
        kind: A key of `CLAIMS`.
        described: Out of its specification.
        seen: Out of what Docker says.
        runs: Whether Docker says it of a running container alone.
    """

    kind: str
    described: Callable[[ContainerSpec], str]
    seen: Callable[[Inspected], str]
    runs: bool = False


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(words)) or "none"


def _root(*, read_only: bool) -> str:
    return "read-only" if read_only else "writable"


def _capabilities(inspected: Inspected) -> str:
    host = inspected["HostConfig"]
    dropped = {name.removeprefix("CAP_") for name in host["CapDrop"] or ()}
    wrong = [*([] if "ALL" in dropped else ["not all dropped"]), *(["privileged"] if host["Privileged"] else [])]
    return _listed([*wrong, *(name.removeprefix("CAP_") for name in host["CapAdd"] or ())])


def _privileges(options: Iterable[str], ipc: str, more: Iterable[str] = ()) -> str:
    # docker run takes the option alone as well (moby, daemon/config: `no-new-privileges` is true without a value).
    whole = ("no-new-privileges:true" if option == "no-new-privileges" else option for option in options)
    return _listed([*whole, f"ipc {ipc}", *more])


def _privileges_seen(inspected: Inspected) -> str:
    host = inspected["HostConfig"]
    namespaces = [f"{key} {host[name]}" for key, name in (("pid", "PidMode"), ("uts", "UTSMode")) if host.get(name)]
    devices = [f"device {device['PathOnHost']}" for device in host.get("Devices") or ()]
    return _privileges(host["SecurityOpt"] or (), host["IpcMode"] or "private", [*namespaces, *devices])


def _limits(memory: int, cpus: float, pids: int) -> str:
    return f"{memory} MB, {cpus:g} processors, {pids} processes"


def _limits_seen(inspected: Inspected) -> str:
    host = inspected["HostConfig"]
    return _limits(host["Memory"] >> 20, host["NanoCpus"] / 1e9, host["PidsLimit"] or 0)


def _published(inspected: Inspected) -> str:
    return _listed(
        f"{binding['HostIp']}:{binding['HostPort']}->{inside}"
        for inside, several in (inspected["NetworkSettings"]["Ports"] or {}).items()
        for binding in several or ()
    )


def _mount(source: str, *, read_only: bool) -> str:
    return f"{source} (read-only)" if read_only else source


def _mounts(spec: ContainerSpec) -> str:
    binds = (mount for mount in spec.mounts if mount.kind == "bind")
    return _listed([*spec.written_volumes, *(_mount(bind.source, read_only=bind.read_only) for bind in binds)])


def _mounts_seen(inspected: Inspected) -> str:
    """What it may write to, and all that it has of its host: a socket takes requests from whoever may read it, too."""
    mounts = inspected["Mounts"]
    volumes = (mount["Name"] for mount in mounts if mount["Type"] == "volume" and mount["RW"])
    binds = (_mount(mount["Source"], read_only=not mount["RW"]) for mount in mounts if mount["Type"] == "bind")
    return _listed([*(name for name in volumes if not _ANONYMOUS.fullmatch(name)), *binds])


_ASPECTS = (
    _Aspect(
        kind="user",
        described=lambda spec: spec.user or "root",
        seen=lambda inspected: inspected["Config"]["User"] or "root",
    ),
    _Aspect(
        kind="root",
        described=lambda spec: _root(read_only=spec.read_only),
        seen=lambda inspected: _root(read_only=inspected["HostConfig"]["ReadonlyRootfs"]),
    ),
    _Aspect(
        kind="capabilities",
        described=lambda spec: _listed(name.removeprefix("CAP_") for name in spec.capabilities_added),
        seen=_capabilities,
    ),
    _Aspect(
        kind="privileges",
        described=lambda spec: _privileges(spec.security_options, spec.ipc),
        seen=_privileges_seen,
    ),
    _Aspect(
        kind="limits",
        described=lambda spec: _limits(spec.memory, float(spec.cpus), spec.pids),
        seen=_limits_seen,
    ),
    _Aspect(
        kind="published",
        described=lambda spec: _listed(port.binding for port in spec.ports),
        seen=_published,
        runs=True,
    ),
    _Aspect(
        kind="networks",
        described=lambda spec: _listed(spec.seen_networks),
        seen=lambda inspected: _listed(inspected["NetworkSettings"]["Networks"].keys() - {"none"}),
    ),
    _Aspect(kind="mounts", described=_mounts, seen=_mounts_seen),
)


def container(spec: ContainerSpec, inspected: Inspected | str, fix: str) -> Iterator[Verdict]:
    """Whether a container is hardened, limited and connected as described, a verdict for each of its aspects.

    Args:
        spec: As it is described.
        inspected: As Docker has it; why nobody knows, where Docker has none or does not answer.
        fix: What puts it back.
    """
    for aspect in _ASPECTS:
        if isinstance(inspected, str):
            yield Verdict(kind=aspect.kind, where=spec.name, outcome="not asked", what=inspected)
        elif aspect.runs and inspected["State"]["Status"] != "running":
            yield Verdict(kind=aspect.kind, where=spec.name, outcome="not asked", what="it does not run")
        else:
            described, seen = aspect.described(spec), aspect.seen(inspected)
            ok = described == seen
            yield Verdict(
                kind=aspect.kind,
                where=spec.name,
                outcome="ok" if ok else "fail",
                what=seen if ok else f"{seen}; described: {described}",
                fix="" if ok else fix,
            )


@dataclass(frozen=True, kw_only=True)
class PortCheck:
    """A TCP port of a host's address.

    Attributes:
        number: The port.
        purpose: Whose it is.
        open: Whether it must accept connections; if not it must be closed or silent.
        sources: CIDRs for which alone it is open; empty: everybody.
    """

    number: int
    purpose: str
    open: bool
    sources: tuple[str, ...] = ()


def ports_outside(plan: Plan, host: HostPlan, exposed: Iterable[int], *, ipv6: bool = False) -> tuple[PortCheck, ...]:
    """What a host's public address must show: the declared ports, and none of the others that the stack knows.

    Of what its owner opens nobody knows whether something listens: it is left out.

    Args:
        plan: The stack.
        host: The host.
        exposed: What its containers listen on inside, as Docker says.
        ipv6: For an address of IPv6, where nobody listens for containers (``edge.bind``): their ports are left out.
    """
    unknown = {opening.port for opening in host.openings if opening.owners and opening.protocol == "tcp"}
    unknown |= {rule.opening.port for rule in host.rules if rule.published} if ipv6 else set()
    checks = {
        opening.port: PortCheck(number=opening.port, purpose=opening.purpose, open=True, sources=opening.sources)
        for opening in host.openings
        if opening.protocol == "tcp"
    }
    for purpose, number in _known(plan, host, exposed):
        checks.setdefault(number, PortCheck(number=number, purpose=purpose, open=False))
    return tuple(check for number, check in sorted(checks.items()) if number not in unknown)


def _known(plan: Plan, host: HostPlan, exposed: Iterable[int]) -> Iterator[tuple[str, int]]:
    """All TCP ports that something of the stack listens on, wherever that may be, and those of Docker and SSH."""
    published = [(service.name, port) for service in host.services for port in plan.blueprint.published(service)]
    here = {service.name for service in host.services}
    yield from (
        *(("SSH", number) for number in (*host.ssh_ports, _SSH)),
        *(
            (name, number)
            for name, port in published
            if port.protocol == "tcp"
            for number in (port.outside, port.inside)
        ),
        *((route.service, route.port) for route in plan.blueprint.routes if route.service in here),
        *((program.name, listener.number) for program in host.programs for listener in program.ports),
        *(("Docker", number) for number in _DOCKER),
        *(("a container", number) for number in sorted(exposed)),
    )


def ports_here(plan: Plan, host: HostPlan, *, loopback: bool) -> tuple[PortCheck, ...]:
    """What this machine must show where the stack is on it: all published ports on the address that each names.

    Args:
        plan: The stack.
        host: This machine.
        loopback: Whether it is the loopback address that is looked at, or another one of the machine's.
    """
    ports = [(service, port) for service in host.services for port in plan.blueprint.published(service)]
    return tuple(
        PortCheck(number=port.outside, purpose=service.name, open=loopback or port.address != LOOPBACK)
        for service, port in sorted(ports, key=lambda pair: pair[1].outside)
        if port.protocol == "tcp"
    )


@dataclass(frozen=True, kw_only=True)
class NameCheck:
    """A public name, and where it must lead.

    Attributes:
        hostname: The name.
        proxied: Whether Cloudflare answers it, and leads on by the tunnel.
        record: Else the record that leads to a host.
        unasked: Why nobody can be asked; empty: DNS can.
    """

    hostname: str
    proxied: bool = False
    record: NameRecord | None = None
    unasked: str = ""


def names_of(plan: Plan) -> tuple[NameCheck, ...]:
    """Each public name once, in their order."""
    blueprint = plan.blueprint
    leading = {record.hostname: record for record in records(blueprint, plan.settings)}
    unasked = ""
    if plan.endpoints:
        unasked = "a rehearsal's names are in no DNS"
    elif plan.local:
        unasked = "the stack is on this machine, and no DNS leads to it"
    checks = []
    for hostname in sorted({blueprint.host(route) for route in blueprint.routes}):
        record = leading.get(hostname)
        proxied = blueprint.exposure == "tunnel"
        why = unasked or ("" if record or proxied else f"with exposure {blueprint.exposure} no record is declared")
        checks.append(NameCheck(hostname=hostname, proxied=proxied, record=record, unasked=why))
    return tuple(checks)


def wanted(record: NameRecord, hosts: Mapping[str, Mapping[str, str]], mesh: Mapping[str, str]) -> str:
    """The address or the name that a record must lead to; empty: no update has made it yet.

    Args:
        record: The record.
        hosts: The stack's output of that name.
        mesh: The stack's output of that name.
    """
    if record.target:
        return record.target
    return mesh.get(record.member, "") if record.member else hosts.get(record.host, {}).get("address", "")
