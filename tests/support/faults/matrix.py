"""Which calls suffer what: a cell is one call of one cloud under one fault, in each of the three phases of a stack's life."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Final

from tests.support import campaign
from tests.support.faults.door import Fault

CAMPAIGN: Final = "cells of the fault matrix"

_LONG: Final = 60
_FIRST: Final = {"hetzner": 0, "cloudflare": 500}
"""The number of a cloud's first cell in a sample."""
PHASES: Final = ("create", "change", "delete")
_RUN: Final = 99
"""More often than any client tries: the fault holds for the whole run."""
_CODES: Final = {
    # A status to Hetzner's code for it and Cloudflare's number.
    401: ("unauthorized", "10000"),
    403: ("token_readonly", "9109"),
    409: ("conflict", "10009"),
    423: ("locked", "10000"),
    429: ("rate_limit_exceeded", "10429"),
    500: ("server_error", "10001"),
    502: ("bad_gateway", "10002"),
    503: ("unavailable", "10013"),
    504: ("timeout", "10014"),
}
_BROKEN: Final = r"onnection|aborted|reset|disconnected"
# A call that was done, and whose answer did not come, is refused when it is done again.
_AGAIN: Final = _BROKEN + r"|uniqueness_error|already|not_found|404|81057|1013|JSON|deserialize|taken"


def _refused(status: int, *, once: bool = False, bare: bool = False) -> list[Fault]:
    wait = (("Retry-After", "1"), ("RateLimit-Remaining", "0")) if status == 429 and not bare else ()
    out = []
    for cloud, code in zip(("hetzner", "cloudflare"), _CODES[status], strict=True):
        says = "" if once else rf"\b{status}\b|{code}"
        name = f"{status}{' bare' if bare else ''}{' once' if once else ''}"
        times = 1 if once else _RUN
        out.append(Fault(name, "status", status, "" if bare else code, wait, times, says=says, clouds=(cloud,)))
    return out


FAULTS: Final = (
    *(fault for status in _CODES for fault in _refused(status)),
    *(fault for status in (409, 429, 502, 504) for fault in _refused(status, once=True)),
    *_refused(429, bare=True),
    Fault("502 HTML", "html", 502, times=_RUN, says=r"\b502\b"),
    Fault("200 HTML", "html", 200, says=r"JSON|deserialize"),
    Fault("reset", "reset", times=_RUN, says=_BROKEN),
    Fault("reset once", "reset", says=_BROKEN),
    Fault("silence", "hang", seconds=9, says=_BROKEN),
    Fault("time-out", "hang", seconds=70),
    Fault("answer lost", "lost", says=_AGAIN, methods=("POST", "PUT", "PATCH", "DELETE")),
    Fault("truncated", "truncated", says=_AGAIN),
    Fault("slow", "slow", seconds=5),
    Fault("action fails", "failed", says=r"action_failed", clouds=("hetzner",), methods=("ACT",)),
    Fault("quota", "status", 403, "resource_limit_exceeded", times=_RUN, says="resource_limit_exceeded",
          clouds=("hetzner",), methods=("POST",)),
    Fault("unavailable", "status", 412, "resource_unavailable", times=_RUN, says="resource_unavailable",
          clouds=("hetzner",), methods=("POST",)),
    Fault("quota", "status", 400, "1045", times=_RUN, says="1045", clouds=("cloudflare",), methods=("POST",)),
)  # fmt: skip
_KINDS: Final = ("access/apps", "access/policies", "access/service_tokens", "access/identity_providers", "cfd_tunnel")


def _cloudflare(method: str, tail: str, tunnel: str = "") -> tuple[tuple[str, str], ...]:
    """The same call for each kind of object; a method of its own for the tunnel's."""
    of_account = [
        (tunnel if tunnel and kind == "cfd_tunnel" else method, f"/accounts/[^/]+/{kind}{tail}") for kind in _KINDS
    ]
    return (*of_account, (method, f"/zones/[^/]+/dns_records{tail}"))


CALLS: Final[dict[str, dict[str, tuple[tuple[str, str], ...]]]] = {
    "hetzner": {
        "create": (
            *(("POST", f"/{table}") for table in ("ssh_keys", "firewalls", "primary_ips", "servers")),
            *(("GET", f"/{table}/[0-9]+") for table in ("firewalls", "primary_ips", "servers")),
            ("GET", "/actions"),
        ),
        "change": (
            *(("PUT", f"/{table}/[0-9]+") for table in ("ssh_keys", "firewalls", "primary_ips", "servers")),
            ("POST", "/firewalls/[0-9]+/actions/set_rules"),
        ),
        "delete": (
            *(("DELETE", f"/{table}/[0-9]+") for table in ("ssh_keys", "firewalls", "primary_ips", "servers")),
            ("GET", "/actions"),
        ),
    },
    "cloudflare": {
        "create": _cloudflare("POST", ""),
        "change": _cloudflare("PUT", "/[^/]+", "PATCH"),
        "delete": _cloudflare("DELETE", "/[^/]+"),
    },
}
_ACTING: Final = (("GET", "/actions"), ("POST", "/servers"), ("POST", "/firewalls/[0-9]+/actions/set_rules"))


@dataclass(frozen=True)
class Trial:
    """One call under one fault."""

    cloud: str
    phase: str
    method: str
    path: str
    fault: Fault


def trials(cloud: str, phase: str) -> list[Trial]:
    """All of a phase."""
    return [
        Trial(cloud, phase, method, path, fault)
        for (method, path), fault in product(CALLS[cloud][phase], FAULTS)
        if cloud in fault.clouds
        and ((method, path) in _ACTING if "ACT" in fault.methods else not fault.methods or method in fault.methods)
    ]


def stacks(cloud: str, size: int) -> list[dict[str, dict[str, Trial]]]:
    """The whole matrix of a cloud: for each stack, phase to cell to trial. A cell goes through all three phases."""
    by_phase = {phase: trials(cloud, phase) for phase in PHASES}
    count = max(len(found) for found in by_phase.values())
    names = [f"zq{number:03}" for number in range(count)]
    whole = {phase: dict(zip(names, found, strict=False)) for phase, found in by_phase.items()}
    chunks = -(-count // size)
    # Every n-th cell, so that each stack has some of everything.
    return [
        {phase: {cell: found[cell] for cell in names[start::chunks] if cell in found} for phase, found in whole.items()}
        for start in range(chunks)
    ]


def sample() -> dict[str, dict[str, Trial]]:
    """Some of everything, for one stack of both clouds: phase to cell to trial. Without what a client waits long for."""
    choice = campaign.chance(CAMPAIGN)
    quick = {
        (phase, cloud): [
            one for one in trials(cloud, phase) if one.fault.seconds < _LONG and (phase == "create" or _is_quick(one))
        ]
        for phase in PHASES
        for cloud in _FIRST
    }
    count = sum(map(len, quick.values()))
    out: dict[str, dict[str, Trial]] = {phase: {} for phase in PHASES}
    for (phase, cloud), found in quick.items():
        picked = choice.sample(found, len(found) * campaign.size(CAMPAIGN) // count)
        out[phase] |= {f"zq{_FIRST[cloud] + number:03}": one for number, one in enumerate(picked)}
    return out


def _is_quick(trial: Trial) -> bool:
    return trial.cloud == "cloudflare" or trial.fault.times == 1 or trial.fault.status not in {409, 423, 429, 502, 504}
