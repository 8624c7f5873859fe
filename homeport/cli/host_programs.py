"""How the programs of hosts are: their units, what their health addresses say, what they did at times."""

from __future__ import annotations

import json
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from shlex import quote
from typing import TYPE_CHECKING, Any

from homeport.cli.places import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homeport.cli.pulumi_cli import PulumiCli

_SCRIPT = ROOT / "components" / "scripts" / "programs.py"
_UNKNOWN = "not known"
_AHEAD = 300
"""Seconds by which a clock may have been put back since, as one that is corrected (apps/host_scripts, status)."""
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))
_WELL = {"active", "activating", "reloading"}


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One unit of a program, as its host has it now.

    Attributes:
        host: The host.
        program: The program.
        unit: systemd's name of it; empty where the host did not answer.
        state: systemd's word, such as ``active`` and ``failed``; ``gone`` where there is no such unit, ``not known``
            where the host did not answer.
        since: Since when, in UTC; empty where nobody knows.
        age: The same as a time that has passed, such as ``3 h``.
        version: What the program's health address says; empty where it says none.
        words: What is wrong; empty: nothing.
        journal: The unit whose journal says why: what a timer starts, else itself.
    """

    host: str
    program: str
    unit: str
    state: str
    since: str
    age: str
    version: str
    words: str
    journal: str = ""

    @property
    def healthy(self) -> bool:
        """Whether it runs and nothing speaks against it."""
        return not self.words


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a program does at times, such as a backup.

    Attributes:
        host: The host.
        program: The program.
        work: Its name.
        last_good: When it went well last, in UTC; empty: it never did.
        age: The same as a time that has passed; ``never``.
        last_run: How its last run ended: ``ok`` or ``error``.
        journal: The unit that does it, where a timer starts one of its name (``…@<work>.service``); else empty.
    """

    host: str
    program: str
    work: str
    last_good: str
    age: str
    last_run: str
    journal: str = ""

    @property
    def healthy(self) -> bool:
        """Whether its last run went well."""
        return self.last_run == "ok"


def ask(pulumi: PulumiCli, declared: Mapping[str, Mapping[str, Any]]) -> tuple[tuple[Unit, ...], tuple[Work, ...]]:
    """The programs' units and works; each host is asked once.

    Args:
        pulumi: The stack.
        declared: The stack's output ``programs``.
    """
    # What reaches hosts imports all that renders, and most stacks have no such programs.
    from homeport.cli.look import ways  # noqa: PLC0415

    hosts: dict[str, dict[str, Any]] = defaultdict(dict)
    for name, program in sorted(declared.items()):
        hosts[str(program["host"])][name] = program
    known = ways(pulumi, pulumi.state())
    with ThreadPoolExecutor() as pool:
        answers = pool.map(lambda host: _asked(known.get(host), hosts[host]), hosts)
    units: list[Unit] = []
    works: list[Work] = []
    for host, answer in zip(hosts, answers, strict=True):
        if isinstance(answer, str):
            units += _unanswered(host, hosts[host], answer)
        else:
            units += _units(host, answer)
            works += _works(host, answer)
    return tuple(units), tuple(works)


def _asked(where: Mapping[str, str] | None, programs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | str:
    from homeport.cli.look import as_root  # noqa: PLC0415

    if where is None:
        return "the stack's state does not say how it is reached"
    wanted = [
        {"name": name, **{key: program[key] for key in ("units", "health", "works")}}
        for name, program in programs.items()
    ]
    done = as_root(where, f"exec python3 -E -s -c {quote(_SCRIPT.read_text(encoding='utf-8'))}", json.dumps(wanted))
    if isinstance(done, str):
        return done
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    return answer


def _unanswered(host: str, programs: Mapping[str, object], why: str) -> Iterator[Unit]:
    for name in programs:
        words = f"host {host} does not answer: {why}"
        yield Unit(host=host, program=name, unit="", state=_UNKNOWN, since="", age="", version="", words=words)


def _units(host: str, answer: Mapping[str, Any]) -> Iterator[Unit]:
    for program in answer["programs"]:
        for number, row in enumerate(program["units"]):
            yield Unit(
                host=host,
                program=program["name"],
                unit=row["unit"],
                state=row["state"],
                since=_when(row["since"]),
                age=_age(answer["now"], row["since"]),
                version=program["version"],
                journal=row["starts"] or row["unit"],
                words="; ".join(filter(None, (_wrong(row), program["wrong"] if not number else ""))),
            )


def _wrong(row: Mapping[str, Any]) -> str:
    """What is wrong with a unit, in words."""
    if row["state"] not in _WELL:
        return f"{row['unit']} is {row['state']}"
    return f"{row['starts']}, which it starts, failed last ({row['failed']})" if row.get("failed") else ""


def _works(host: str, answer: Mapping[str, Any]) -> Iterator[Work]:
    """The newest first."""
    rows = [(program, row) for program in answer["programs"] for row in program["works"]]
    for program, row in sorted(rows, key=lambda pair: -(pair[1]["last_good"] or 0)):
        started = [unit["starts"] for unit in program["units"] if unit["starts"].endswith(f"@{row['work']}.service")]
        yield Work(
            host=host,
            program=program["name"],
            work=row["work"],
            last_good=_when(row["last_good"]),
            age=_ago(answer["now"], row["last_good"]),
            last_run=str(row["status"]),
            journal=next(iter(started), ""),
        )


def _when(seconds: int | None) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds else ""


def _ago(now: int, then: int | None) -> str:
    """How long ago it was; of a clock that was wrong, that it lies ahead: it would pass for one of just now."""
    if then and then - now > _AHEAD:
        return "in the future"
    return f"{_age(now, then)} ago" if then else "never"


def _age(now: int, then: int | None) -> str:
    """How long ago, by the host's own clock."""
    if not then:
        return ""
    passed = max(now - then, 0)
    return next((f"{passed // size} {unit}" for size, unit in _UNITS if passed >= size), f"{passed} s")
