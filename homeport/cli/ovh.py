"""Records at OVH: what was changed by hand, and whether the keys may set them; asked by the client of the update."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeport.cli.drift import Finding as Drifted
from homeport.cli.preflight.findings import Finding, unread
from homeport.model import fixes
from homeport.model.authority import DNS_KEYS
from homeport.plan.zone import records, zone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from homeport.cli.pulumi_cli import PulumiCli
    from homeport.plan.resolve import Plan

_ROOT = Path(__file__).parents[2]
_SCRIPT = ["sh", "components/scripts/ovh.sh"]
_CHECK = "OVH"
_SECONDS = 300
_TARGETS = 5
"""Words of a set before its targets: interface, zone, type, name, seconds."""


def preflight(plan: Plan, config: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the four values are there, are right, and may set records of a zone that is there."""
    dns = plan.settings.dns
    if dns is None or not records(plan.blueprint, plan.settings):
        return
    lacks = [name for name in DNS_KEYS if not config.get(f"homeport:{name}")]
    for name in lacks:
        yield Finding(check=_CHECK, outcome="refused", what=f"{name} is not set", fix=fixes.run(fixes.keep(name)))
    if lacks:
        return
    done = _asked(config, "check", dns.endpoint, zone(plan.settings))
    if done.returncode:
        what, _, fix = done.stderr.strip().partition("\n  fix: ")
        # Whatever it refuses it says what helps; else an answer had another form, and it ended with a traceback.
        refused = Finding(check=_CHECK, outcome="refused", what=what, fix=fix.partition("\n")[0])
        yield refused if fix else unread(_CHECK, ValueError())
        return
    yield Finding(check=_CHECK, outcome="ok", what=f"the keys may set records of {zone(plan.settings)}")


def drift(pulumi: PulumiCli) -> Sequence[Drifted]:
    """Records that are not as the last update left them; a zone that cannot be asked is passed over."""
    sets: dict[tuple[str, str], list[tuple[str, list[str]]]] = {}
    for item in pulumi.state().get("resources") or []:
        words = str((item.get("inputs") or {}).get("create", "")).split()
        if item.get("type") == "command:local:Command" and words[:3] == [*_SCRIPT, "set"]:
            sets.setdefault((words[3], words[4]), []).append((str(item["urn"]), words[3:]))
    if not sets:
        return ()
    config, found = pulumi.config(), []
    for place, rows in sets.items():
        names = [word for _, words in rows for word in words[2:4]]
        done = _asked(config, "look", *place, *names)
        if done.returncode:
            continue
        there: dict[str, list[str]] = json.loads(done.stdout)
        found += [finding for urn, words in rows if (finding := _compared(urn, words, there))]
    return found


def _compared(urn: str, words: list[str], there: Mapping[str, list[str]]) -> Drifted | None:
    kind, name, ttl = words[2:_TARGETS]
    current = there[f"{kind} {name}"]
    if current == sorted(f"{target} {ttl}" for target in words[_TARGETS:]):
        return None
    leads = ", ".join(row.split()[0] for row in current)
    how = f"was changed by hand, it leads to {leads}" if current else "is gone"
    return Drifted(what=f"record {kind} {name} {how}: it is set again", replace=(urn,))


def _asked(config: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    keys = "\n".join(config.get(f"homeport:{name}", "") for name in DNS_KEYS)
    argv: list[Any] = [*_SCRIPT, *words]
    return subprocess.run(argv, cwd=_ROOT, input=keys, capture_output=True, text=True, check=False, timeout=_SECONDS)
