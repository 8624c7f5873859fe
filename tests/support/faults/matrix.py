"""Which calls suffer what. A cell is one call of one cloud under one fault, in each phase of a stack's life."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Final

from rehearsal.clouds.kit.faults import Fault
from tests.support import campaign

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


@dataclass(frozen=True)
class Case:
    """One kind of trouble.

    Attributes:
        name: For the table.
        fault: What happens.
        says: What a refusal must tell, as a regular expression; empty: the same update must succeed.
        clouds: Where it happens.
        methods: To which calls it happens; empty: to all; `ACT`: to those whose answers show actions.
    """

    name: str
    fault: Fault
    says: str = ""
    clouds: tuple[str, ...] = ("hetzner", "cloudflare")
    methods: tuple[str, ...] = ()


def _refused(status: int, *, once: bool = False, bare: bool = False) -> list[Case]:
    wait = 1.0 if status == 429 and not bare else None
    cases = []
    for cloud, code in zip(("hetzner", "cloudflare"), _CODES[status], strict=True):
        says = "" if once else rf"\b{status}\b|{code}"
        name = f"{status}{' bare' if bare else ''}{' once' if once else ''}"
        times = 1 if once else _RUN
        fault = Fault(kind="status", status=status, code="" if bare else code, retry_after=wait, times=times)
        cases.append(Case(name, fault, says, (cloud,)))
    return cases


def _no_more(name: str, cloud: str, status: int, code: str) -> Case:
    """The account or the place has nothing left: what would be made is refused as often as it is asked for."""
    return Case(name, Fault(kind="status", status=status, code=code, times=_RUN), code, (cloud,), ("POST",))


CASES: Final = (
    *(case for status in _CODES for case in _refused(status)),
    *(case for status in (409, 429, 502, 504) for case in _refused(status, once=True)),
    *_refused(429, bare=True),
    Case("502 HTML", Fault(kind="html", status=502, times=_RUN), r"\b502\b"),
    Case("200 HTML", Fault(kind="html", status=200), r"JSON|deserialize"),
    Case("reset", Fault(kind="reset", times=_RUN), _BROKEN),
    Case("reset once", Fault(kind="reset"), _BROKEN),
    Case("silence", Fault(kind="timeout", seconds=9), _BROKEN),
    Case("time-out", Fault(kind="timeout", seconds=70)),
    Case("answer lost", Fault(kind="lost"), _AGAIN, methods=("POST", "PUT", "PATCH", "DELETE")),
    Case("truncated", Fault(kind="truncated"), _AGAIN),
    Case("slow", Fault(kind="slow", seconds=5)),
    Case("action fails", Fault(kind="failed_action"), r"action_failed", ("hetzner",), ("ACT",)),
    _no_more("quota", "hetzner", 403, "resource_limit_exceeded"),
    _no_more("unavailable", "hetzner", 412, "resource_unavailable"),
    _no_more("quota", "cloudflare", 400, "1045"),
)
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
    """One call under one kind of trouble."""

    cloud: str
    phase: str
    method: str
    path: str
    case: Case


def trials(cloud: str, phase: str) -> list[Trial]:
    """All of a phase."""
    return [
        Trial(cloud, phase, method, path, case)
        for (method, path), case in product(CALLS[cloud][phase], CASES)
        if cloud in case.clouds
        and ((method, path) in _ACTING if "ACT" in case.methods else not case.methods or method in case.methods)
    ]


def stacks(cloud: str, size: int) -> list[dict[str, dict[str, Trial]]]:
    """The whole matrix of a cloud: for each stack, phase to cell to trial. A cell goes through all three phases."""
    by_phase = {phase: trials(cloud, phase) for phase in PHASES}
    count = max(map(len, by_phase.values()))
    cells = [f"zq{number:03}" for number in range(count)]
    whole = {phase: dict(zip(cells, several, strict=False)) for phase, several in by_phase.items()}
    chunks = -(-count // size)
    # Every n-th cell, so that each stack has some of everything.
    return [
        {
            phase: {cell: of_cell[cell] for cell in cells[start::chunks] if cell in of_cell}
            for phase, of_cell in whole.items()
        }
        for start in range(chunks)
    ]


def sample() -> dict[str, dict[str, Trial]]:
    """Some of everything, for one stack of both clouds, but what a client waits long for: phase to cell to trial."""
    choice = campaign.chance(CAMPAIGN)
    quick = {
        (phase, cloud): [
            trial
            for trial in trials(cloud, phase)
            if trial.case.fault.seconds < _LONG and (phase == "create" or _is_quick(trial))
        ]
        for phase in PHASES
        for cloud in _FIRST
    }
    count = sum(map(len, quick.values()))
    phases: dict[str, dict[str, Trial]] = {phase: {} for phase in PHASES}
    for (phase, cloud), several in quick.items():
        picked = choice.sample(several, len(several) * campaign.size(CAMPAIGN) // count)
        phases[phase] |= {f"zq{_FIRST[cloud] + number:03}": trial for number, trial in enumerate(picked)}
    return phases


def _is_quick(trial: Trial) -> bool:
    fault = trial.case.fault
    return trial.cloud == "cloudflare" or fault.times == 1 or fault.status not in {409, 423, 429, 502, 504}
