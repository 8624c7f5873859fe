"""Looks at a stack that is up and says of each thing whether it is as described; changes nothing.

What each must be is in `homeport/plan/verify.py`, what addresses must answer in `homeport/plan/smoke.py`.
"""

from __future__ import annotations

import errno
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from homeport.cli import daemon, host_programs, pulumi_cli, smoke, status
from homeport.cli.membership import own_address
from homeport.cli.output import print_json, print_table, write_json
from homeport.cli.phases import counted, say
from homeport.cli.preflight.dns import addresses, unanswered
from homeport.model.blueprint import LOOPBACK
from homeport.model.cloudflare import of_cloudflare
from homeport.model.container import container_spec
from homeport.model.errors import ToolError
from homeport.plan.smoke import checks
from homeport.plan.verify import Verdict, by_row, container, names_of, outcome_of, ports_here, ports_outside, wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from homeport.cli.pulumi_cli import PulumiCli
    from homeport.cli.stack import Stack
    from homeport.plan.hosts import HostPlan
    from homeport.plan.resolve import Plan
    from homeport.plan.verify import NameCheck, Outcome, PortCheck

_AT_ONCE = 32
_SILENT = 3.0
"""Seconds after which a port that must not answer is believed not to."""
_LEAST = 1 / 6
"""The share of a certificate's life that must be left: Caddy renews at a third (certmagic, ``RenewalWindowRatio``)."""
_ELSEWHERE = "192.0.2.1"
"""An address of documentation: the one of this machine's own that it would leave by; nothing is sent there."""
_NO_WAY = (errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""This machine has no way to such addresses, as to IPv6: nothing was asked."""
_SHOWN: Mapping[Outcome, str] = {"ok": "ok", "fail": "FAIL", "not asked": "-"}


def verify(stack: Stack, *, inside: bool | None, authority: Path | None, json: bool, report: Path | None) -> int:
    """Looks at everything, shows what came of it, and writes it where that is wished; 1 where something fails.

    Raises:
        ToolError: No update of the stack has ended well, or the authority's file cannot be read.
    """
    pulumi = pulumi_cli.prepared(stack)
    outputs = pulumi.outputs()
    if not outputs.get("services"):
        raise ToolError(
            f"verify: stack {stack.name} is not up: no update of it has ended well\n"
            f"  fix: bin/homeport up --stack {stack.name}"
        )
    inside = smoke.as_member(stack.plan, inside)
    verdicts = verdicts_of(pulumi, outputs, smoke.way_to(stack.plan, authority), inside=inside)
    document = _document(stack.name, verdicts, inside=inside)
    if json:
        print_json(document)
    else:
        _show(verdicts)
    failed = [verdict for verdict in verdicts if verdict.outcome == "fail"]
    if failed:
        say(f"homeport: {len(failed)} of {counted(len(verdicts), 'check')} failed")
        for verdict in failed:
            say(f"  {verdict.where}: {verdict.kind}: {verdict.what}\n    fix: {verdict.fix}")
    if report:
        write_json(report, document)
    return 1 if failed else 0


def _document(stack: str, verdicts: Sequence[Verdict], *, inside: bool) -> dict[str, Any]:
    return {
        "stack": stack,
        "from": "inside" if inside else "outside",
        "ok": all(verdict.outcome != "fail" for verdict in verdicts),
        "checks": [
            {
                "kind": verdict.kind,
                "where": verdict.where,
                "outcome": verdict.outcome,
                "what": verdict.what,
                "fix": verdict.fix,
                "rows": list(verdict.rows),
            }
            for verdict in verdicts
        ],
        "requirements": {row: outcome_of(count) for row, count in by_row(verdicts).items()},
    }


def _show(verdicts: Sequence[Verdict]) -> None:
    print_table(
        ("", "check", "where", "what", "rows"),
        [
            (_SHOWN[verdict.outcome], verdict.kind, verdict.where, verdict.what, " ".join(verdict.rows))
            for verdict in verdicts
        ],
    )
    print()
    print_table(
        ("row", "", "ok", "failed", "not asked"),
        [
            (row, _SHOWN[outcome_of(count)], str(count["ok"]), str(count["fail"]), str(count["not asked"]))
            for row, count in by_row(verdicts).items()
        ],
    )


def verdicts_of(pulumi: PulumiCli, outputs: Mapping[str, Any], way: smoke.Way, *, inside: bool) -> tuple[Verdict, ...]:
    """All verdicts: of addresses, certificates, names, containers and ports, in this order."""
    plan = pulumi.stack.plan
    fix = f"bin/homeport up --stack {pulumi.stack.name}   puts back what differs"
    seen = _seen(pulumi, outputs)
    tasks: list[Callable[[], Iterable[Verdict]]] = [
        partial(_addresses, pulumi, way, inside=inside),
        *(partial(_certificate, url, way, private) for url, private in _secured(plan, inside=inside).items()),
        *(partial(_name, name, outputs, pulumi.stack.name) for name in names_of(plan)),
        *(partial(_containers, pulumi, look, fix) for look in seen.values()),
        partial(_programs, pulumi, outputs),
        *_ports(plan, outputs, way, {name: look.exposed for name, look in seen.items()}),
    ]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return tuple(chain.from_iterable(pool.map(lambda task: list(task()), tasks)))


def _addresses(pulumi: PulumiCli, way: smoke.Way, *, inside: bool) -> Iterator[Verdict]:
    """What `homeport smoke` asks."""
    plan = pulumi.stack.plan
    for row in smoke.ask_all(checks(plan.blueprint, plan.settings.smoke, inside=inside), way):
        yield Verdict(
            kind="access" if row.check.login else "address",
            where=row.check.url,
            outcome="ok" if row.ok else "fail",
            what=row.answer if row.ok else f"{row.answer}; expected: {row.check.expected}",
            fix="" if row.ok else f"bin/homeport status --stack {pulumi.stack.name}   shows what does not run",
        )


def _secured(plan: Plan, *, inside: bool) -> dict[str, bool]:
    """Each origin of a route, and whether nobody answers there whom this machine may reach."""
    blueprint = plan.blueprint
    return {
        blueprint.origin(route): not inside
        and (blueprint.exposure == "vpn" or any(guard.kind == "members" for guard in route.guards))
        for route in blueprint.routes
        if blueprint.origin(route)
    }


def _certificate(url: str, way: smoke.Way, private: bool) -> Iterator[Verdict]:
    """Whether a name has a certificate that is believed, is its own, and lasts."""
    parts = urlsplit(url)
    verdict = partial(Verdict, kind="certificate", where=url)
    if parts.scheme != "https":
        yield verdict(outcome="not asked", what="it is reached in plain HTTP")
        return
    name = parts.hostname or ""
    try:
        line = smoke.connected(name, parts.port or 443, way)
        with line, way.trust.wrap_socket(line, server_hostname=name) as secured:
            shown = secured.getpeercert(binary_form=True) or b""
    except OSError as error:
        if private and not isinstance(error, ssl.SSLError):
            yield verdict(outcome="not asked", what="it is for members alone: ask with --inside from one of them")
        else:
            fix = f"openssl s_client -connect {name}:{parts.port or 443} -servername {name}   shows what is there"
            yield verdict(outcome="fail", what=f"no certificate that is believed: {error}", fix=fix)
        return
    wrong, lasts = _of_certificate(shown, name)
    fix = "" if not wrong else "docker logs --tail 50 of the proxy's container says why it gets no new one"
    yield verdict(outcome="fail" if wrong else "ok", what=wrong or lasts, fix=fix)


def _of_certificate(shown: bytes, name: str) -> tuple[str, str]:
    """What is wrong with a certificate, and how long it lasts."""
    from cryptography import x509  # noqa: PLC0415  # costs a tenth of a second

    certificate = x509.load_der_x509_certificate(shown)
    try:
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = held.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        names = []
    # A star stands for one label (RFC 9525, 6.3). Where certificates are verified ssl has seen to it already.
    if not {name, f"*.{name.partition('.')[2]}"} & set(names):
        return f"it is for {', '.join(names) or 'nobody'}", ""
    begins, ends, now = certificate.not_valid_before_utc, certificate.not_valid_after_utc, datetime.now(UTC)
    left = ends - now
    shown_left = f"{left.days} days" if left.days > 1 else f"{left.total_seconds() / 3600:.0f} hours"
    if not begins <= now <= ends:
        return f"it is valid from {begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M} (UTC)", ""
    if left < (ends - begins) * _LEAST:
        return f"{shown_left} are left, and nobody has renewed it", ""
    return "", f"valid for the name, {shown_left} left"


def _name(name: NameCheck, outputs: Mapping[str, Any], stack: str) -> Iterator[Verdict]:
    """Whether DNS leads a name to where its record does."""
    verdict = partial(Verdict, kind="name", where=name.hostname)
    if name.unasked:
        yield verdict(outcome="not asked", what=name.unasked)
        return
    fix = f"bin/homeport preflight --stack {stack}   says whose the record is"
    target = wanted(name.record, outputs.get("hosts") or {}, outputs.get("mesh") or {}) if name.record else ""
    if name.record and not target:
        yield verdict(outcome="not asked", what="no update has found the address that it leads to")
        return
    try:
        leads = addresses(name.hostname)
        right = addresses(target) if target else set()
    except socket.gaierror as problem:
        if unanswered(problem):
            yield verdict(
                outcome="not asked", what=f"the resolver of this machine gives no answer ({problem.strerror})"
            )
        else:
            yield verdict(outcome="fail", what="it does not resolve", fix=fix)
        return
    shown = ", ".join(sorted(leads))
    ok = leads <= right if name.record else all(of_cloudflare(each) for each in leads)
    described = ", ".join(sorted(right)) or "addresses of Cloudflare's proxies"
    what = shown if ok else f"{shown}; described: {described}"
    yield verdict(outcome="ok" if ok else "fail", what=what, fix="" if ok else fix)


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """A host's containers.

    Attributes:
        host: The host.
        declared: Service name to its container's name in Docker, and when it runs at times that too.
        there: Container to what Docker says of it.
        others: Running containers with the stack's label that are nobody's.
        silent: Why Docker does not answer; empty: it does.
    """

    host: HostPlan
    declared: Mapping[str, Mapping[str, str]]
    there: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    silent: str = ""

    @property
    def exposed(self) -> frozenset[int]:
        """The TCP ports that they listen on inside, as far as their images say."""
        ports = (port for item in self.there.values() for port in item["NetworkSettings"]["Ports"] or {})
        return frozenset(int(port.partition("/")[0]) for port in ports if port.endswith("/tcp"))


def _seen(pulumi: PulumiCli, outputs: Mapping[str, Any]) -> dict[str, _Seen]:
    daemons = pulumi.daemons_by_host()
    hosts = pulumi.stack.plan.hosts
    with ThreadPoolExecutor() as pool:
        looks = pool.map(lambda host: _look(pulumi, outputs, host, daemons.get(host.name)), hosts.values())
        return dict(zip(hosts, looks, strict=True))


def _look(pulumi: PulumiCli, outputs: Mapping[str, Any], host: HostPlan, where: Mapping[str, str] | None) -> _Seen:
    deployed, blueprint = outputs["services"], pulumi.stack.plan.blueprint
    seen = _Seen(
        host=host,
        declared={
            service.name: {"container": container_spec(blueprint, service).name, "schedule": service.schedule}
            | {key: value for key, value in deployed.get(service.name, {}).items() if key == "container"}
            for service in host.services
        },
    )
    if not host.services:
        return seen
    if where is None:
        return replace(seen, silent="no update has come as far as its Docker")
    names = [each["container"] for each in seen.declared.values()]
    try:
        items = daemon.inspect("container", names, where)
        label = ("--filter", f"label=homeport.stack={pulumi.stack.name}", "--format", "{{.Names}}")
        running = daemon.run("ps", *label, where=where).stdout.split()
        there = {item["Name"].removeprefix("/"): {**item, "State": status.asked(where, item)} for item in items}
    except ToolError as error:
        return replace(seen, silent=str(error).partition("\n")[0])
    return replace(seen, there=there, others=tuple(sorted({*running} - {*names})))


def _containers(pulumi: PulumiCli, seen: _Seen, fix: str) -> Iterator[Verdict]:
    """Of each container of a host whether it is well, and as described."""
    if seen.silent:
        where = f"host {seen.host.name}"
        yield Verdict(kind="health", where=where, outcome="fail", what=seen.silent, fix=fix)
    states = {name: item["State"] for name, item in seen.there.items()}
    rows = {row.name: row for row in status.services(seen.declared, states)}
    blueprint = pulumi.stack.plan.blueprint
    absent = f"Docker of host {seen.host.name} does not answer" if seen.silent else "there is no such container"
    for service in seen.host.services:
        row = rows[service.name]
        if not seen.silent:
            yield _health(row, seen.host.name, fix)
        spec = replace(container_spec(blueprint, service), name=row.container)
        yield from container(spec, seen.there.get(row.container) or absent, fix)
    for name in seen.others:
        help_ = f"docker rm --force {name} on host {seen.host.name}"
        yield Verdict(kind="health", where=name, outcome="fail", what="it runs, and nothing declares it", fix=help_)


def _health(row: status.Service, host: str, fix: str) -> Verdict:
    verdict = partial(Verdict, kind="health", where=row.container)
    words = f"{row.state}, {row.health}" + (f": {row.words}" if row.words else "")
    if row.healthy:
        return verdict(outcome="ok", what=words)
    why = "" if row.state == "gone" else f"docker logs --tail 50 {row.container} on host {host} says why; "
    return verdict(outcome="fail", what=words, fix=f"{why}{fix}")


def _programs(pulumi: PulumiCli, outputs: Mapping[str, Any]) -> Iterator[Verdict]:
    """How the programs of hosts are that run outside of containers."""
    if not outputs.get("programs"):
        return
    units, works = host_programs.ask(pulumi, outputs["programs"])
    fix = f"bin/homeport status --stack {pulumi.stack.name}   says where its journal is"
    for unit in units:
        outcome: Outcome = "ok" if unit.healthy else "fail"
        where = f"{unit.unit or unit.program} on {unit.host}"
        yield Verdict(
            kind="health", where=where, outcome=outcome, what=unit.words or unit.state, fix="" if unit.healthy else fix
        )
    for work in works:
        outcome = "ok" if work.healthy else "fail"
        what = f"last run: {work.last_run}; went well {work.age}"
        yield Verdict(
            kind="health",
            where=f"{work.program} {work.work} on {work.host}",
            outcome=outcome,
            what=what,
            fix="" if work.healthy else fix,
        )


def _ports(
    plan: Plan, outputs: Mapping[str, Any], way: smoke.Way, exposed: Mapping[str, frozenset[int]]
) -> Iterator[Callable[[], Iterable[Verdict]]]:
    for name, host in plan.hosts.items():
        if host.machine.mode == "local":
            yield from (partial(_port, LOOPBACK, check, way) for check in ports_here(plan, host, loopback=True))
            own = _own_address()
            checks_ = ports_here(plan, host, loopback=False) if own else ()
            yield from (partial(_port, own, check, way) for check in checks_)
            continue
        known = (outputs.get("hosts") or {}).get(name) or {}
        for address in filter(None, (known.get("address"), known.get("address6"))):
            if host.ssh_through:
                yield partial(_unreached, address)
                continue
            listed = ports_outside(plan, host, exposed.get(name, frozenset()), ipv6=":" in address)
            yield from (partial(_port, address, check, way) for check in listed)


def _own_address() -> str:
    """The address by which this machine leaves; empty: it has none but the loopback."""
    own = own_address(_ELSEWHERE)
    return "" if own.startswith("127.") else own


def _unreached(address: str) -> Iterator[Verdict]:
    what = "this machine reaches the host by ssh.through alone"
    yield Verdict(kind="port", where=address, outcome="not asked", what=what)


def _port(address: str, check: PortCheck, way: smoke.Way) -> Iterator[Verdict]:
    """Whether a port is as open, or as closed, as it must be."""
    where = f"[{address}]:{check.number}" if ":" in address else f"{address}:{check.number}"
    verdict = partial(Verdict, kind="port", where=where)
    said, is_open = "", True
    try:
        smoke.connected(address, check.number, way if check.open else replace(way, seconds=_SILENT)).close()
    except socket.gaierror as error:
        yield verdict(
            outcome="fail", what=f"nobody knows the address ({error.strerror})", fix=f"getent hosts {address}"
        )
        return
    except OSError as error:
        if error.errno in _NO_WAY:
            yield verdict(outcome="not asked", what=f"this machine has no way there ({error.strerror})")
            return
        is_open, said = False, f" ({error.strerror or error})"
    shown = f"{'open' if is_open else 'closed'}{said}, {check.purpose}"
    if check.open and not is_open and check.sources:
        sources = ", ".join(check.sources)
        yield verdict(outcome="not asked", what=f"{shown}: it is open for {sources} alone, and this may be elsewhere")
        return
    ok = is_open == check.open
    wanted_ = "" if ok else f"; described: {'open' if check.open else 'closed'}"
    fix = "" if ok else "on the host: ss -ltnp, ufw status verbose, docker ps   show who listens and who is let in"
    yield verdict(outcome="ok" if ok else "fail", what=f"{shown}{wanted_}", fix=fix)
