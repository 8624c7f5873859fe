"""Whether the names of a stack's routes lead to its host, where nobody but their owner sets them."""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING

from homeport.cli.preflight.findings import Finding, findings_of
from homeport.plan.zone import provider

if TYPE_CHECKING:
    from homeport.plan.resolve import Plan

_CHECK = "DNS"
_SILENT = (socket.EAI_AGAIN, socket.EAI_FAIL)
"""The resolver gave no answer, which says nothing of the name (getaddrinfo(3))."""
_SET = ("cloudflare", "ovh")
"""Who keeps records that the update sets."""
_THERE = "example.com"
"""A name that every resolver knows that reaches the internet's DNS; without it none is known to be missing."""


def findings(plan: Plan) -> tuple[Finding, ...]:
    """A line for each name; none where the names are Cloudflare's to set, or reached in a VPN alone.

    Wrong names are no refusal: they may be set after the first update, and certificates come once they lead there.
    """
    blueprint, host = plan.blueprint, _front(plan)
    if plan.local or plan.endpoints or blueprint.exposure != "direct" or provider(plan.settings) in _SET:
        return ()
    hosts = sorted({blueprint.host(route) for route in blueprint.routes})
    return findings_of([partial(_name, each, host) for each in hosts])


def _front(plan: Plan) -> str:
    """Address of the host that the proxy is on; empty where only the update gives it one."""
    proxy = plan.blueprint.proxy
    machine = plan.hosts[plan.blueprint.homes[proxy.name]].machine if proxy else None
    return machine.address if machine and machine.mode == "adopt" else ""


def _name(name: str, host: str) -> list[Finding]:
    try:
        leads, wanted = addresses(name), addresses(host) if host else set()
    except socket.gaierror as problem:
        if unanswered(problem):
            what = f"{name} was not checked: the resolver of this machine gives no answer ({problem.strerror})"
            return [Finding(check=_CHECK, outcome="unknown", what=what, fix=f"getent hosts {name}, where it does")]
        what, fix = f"{name} does not resolve", f"make an A record of {name} with the address {host or 'of the server'}"
        return [Finding(check=_CHECK, outcome="warning", what=f"{what}, so it gets no certificate", fix=fix)]
    shown = ", ".join(sorted(leads))
    if not wanted:
        return [
            Finding(check=_CHECK, outcome="unknown", what=f"{name} leads to {shown}; the server has no address yet")
        ]
    if leads & wanted:
        return [Finding(check=_CHECK, outcome="ok", what=f"{name} leads to {shown}")]
    what = f"{name} leads to {shown}, and the host is {', '.join(sorted(wanted))}: it gets no certificate"
    return [Finding(check=_CHECK, outcome="warning", what=what, fix=f"set the A record of {name} to {host}")]


def _resolves() -> bool:
    try:
        return bool(addresses(_THERE))
    except socket.gaierror:
        return False


def unanswered(problem: socket.gaierror) -> bool:
    """Whether this machine's resolver gives no answer, which says nothing of a name."""
    return problem.errno in _SILENT or not _resolves()


def addresses(name: str) -> set[str]:
    """Where a name leads.

    Raises:
        socket.gaierror: Nowhere, or nobody answers.
    """
    return {str(row[4][0]) for row in socket.getaddrinfo(name, 443, type=socket.SOCK_STREAM)}
