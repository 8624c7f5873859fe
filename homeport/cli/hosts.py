"""Hosts behind SSH, before an update: what it would take from others is refused, what a hand has changed is laid again.

Pulumi's command provider cannot read, so a refresh sees no file of a host. Each host is asked once instead, all at the
same time, and what is not as the last update left it is marked in the state: the update finds a difference there, and
runs that unit again.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from homeport.cli.adoption import claims, obstacles, refusal
from homeport.cli.look import Drift, Look, look, ways
from homeport.cli.phases import say
from homeport.cli.preflight.findings import Finding
from homeport.model.errors import ToolError
from homeport.model.placeholders import stands_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.cli.pulumi_cli import PulumiCli
    from homeport.plan.hosts import HostPlan

_COMMAND = "command:local:Command"
_PREFLIGHT = "bin/homeport preflight --stack {stack}"
_APPLY = ["sh", "components/scripts/host.sh", "apply"]


def looked_at(pulumi: PulumiCli, state: Mapping[str, Any]) -> dict[str, tuple[Mapping[str, str], Look | str]]:
    """For each host of the stack behind SSH how it is reached and what is there, or why it does not say."""
    plan, known = pulumi.stack.plan, ways(pulumi, state)
    hosts = {name: way for name, way in sorted(known.items()) if name in plan.hosts}

    def ask(name: str) -> tuple[Mapping[str, str], Look | str]:
        host = plan.hosts[name]
        if not pulumi.stack.endpoints and host.machine.mode == "adopt" and (why := stands_in(host.machine.address)):
            return hosts[name], why
        # A rented server is the program's own.
        return hosts[name], look(hosts[name], claims(plan, host) if host.machine.mode == "adopt" else ())

    with ThreadPoolExecutor() as pool:
        return dict(zip(hosts, pool.map(ask, hosts), strict=True))


def before_update(pulumi: PulumiCli, *, preview: bool = False) -> None:
    """Looks at every host; what a hand has changed there is laid again by the update that follows.

    Args:
        pulumi: The stack and its Pulumi.
        preview: Nothing is noted in the state: what the update would do is said.

    Raises:
        ToolError: An update would take what others made, or lacks what it needs; all of it is named.
    """
    if pulumi.stack.local:
        return
    state = pulumi.state()
    refusals, drift = [], dict[str, list[str]]()
    for name, (where, there) in looked_at(pulumi, state).items():
        if isinstance(there, str):
            say(f"    host {name} was not looked at ({where['HOMEPORT_SSH']}): {there}")
            continue
        host = pulumi.stack.plan.hosts[name]
        if host.machine.mode == "adopt" and (found := obstacles(pulumi.stack.plan, host, there)):
            refusals.append(refusal(host, where["HOMEPORT_SSH"], pulumi.stack.name, found))
        for urn, items in drifted(state, where, there).items():
            for item in items:
                say(f"    host {name}: {item.what} is {item.how}: {'would be' if preview else 'is'} brought back")
            drift[urn] = [f"{item.what} is {item.how}" for item in items]
    if refusals:
        raise ToolError("\n".join(refusals))
    if drift and not preview:
        _mark(pulumi, drift)


def findings(pulumi: PulumiCli) -> list[Finding]:
    """What a look at every host finds: one that does not answer, what stands against an update, what was changed."""
    if pulumi.stack.local:
        return []
    state = pulumi.state()
    rows: list[Finding] = []
    for name, (where, there) in looked_at(pulumi, state).items():
        check, host = f"host {name}", pulumi.stack.plan.hosts[name]
        if isinstance(there, str):
            rows.append(_unreached(pulumi.stack.name, check, host, where, there))
            continue
        against = obstacles(pulumi.stack.plan, host, there) if host.machine.mode == "adopt" else []
        if against:
            text = refusal(host, where["HOMEPORT_SSH"], pulumi.stack.name, against)
            what, _, fix = text.partition("\n  fix: ")
            fix = fix or f"{_PREFLIGHT.format(stack=pulumi.stack.name)}, once each is done"
            rows.append(Finding(check=check, outcome="refused", what=what, fix=fix))
        changed = [item for items in drifted(state, where, there).values() for item in items]
        fix = f"bin/homeport up --stack {pulumi.stack.name}"
        rows += [
            Finding(check=check, outcome="warning", what=f"{item.what} is {item.how}: up brings it back", fix=fix)
            for item in changed
        ]
        if not against and not changed:
            rows.append(
                Finding(check=check, outcome="ok", what=f"answers at {where['HOMEPORT_SSH']}, nothing in the way")
            )
    return rows


def _unreached(stack: str, check: str, host: HostPlan, where: Mapping[str, str], why: str) -> Finding:
    address, port = where["HOMEPORT_SSH"], where.get("HOMEPORT_SSH_PORT", "22")
    what = f"was not looked at ({address}): {why}"
    fix = f"see that it runs and that `ssh -p {port} {address}` reaches it, then: {_PREFLIGHT.format(stack=stack)}"
    # A rented server that is off is switched on by the update.
    return Finding(check=check, outcome="refused" if host.machine.mode == "adopt" else "unknown", what=what, fix=fix)


def drifted(state: Mapping[str, Any], where: Mapping[str, str], there: Look) -> dict[str, list[Drift]]:
    """The URNs of a host's units that are not as the last update left them, and what is different."""
    units = {
        words[3]: row["urn"]
        for row in state.get("resources") or []
        if row.get("type") == _COMMAND
        and (words := str((row.get("inputs") or {}).get("create", "")).split())[:3] == _APPLY
        and ((row["inputs"].get("environment") or {}).get("HOMEPORT_SSH")) == where["HOMEPORT_SSH"]
    }
    gone = [Drift(unit=unit, what=f"unit {unit}", how="gone") for unit in units if unit not in there.words("unit")]
    drift: dict[str, list[Drift]] = {}
    for item in (*there.drift, *gone):
        if item.unit in units:
            drift.setdefault(units[item.unit], []).append(item)
    return drift


def _mark(pulumi: PulumiCli, drift: Mapping[str, list[str]]) -> None:
    """Notes in the state that these units were not applied as they should be."""

    def marked(row: dict[str, Any]) -> dict[str, Any]:
        if row["urn"] not in drift:
            return row
        text = "; ".join(drift[row["urn"]])
        return {**row, **{side: {**row[side], "create": text} for side in ("inputs", "outputs")}}

    pulumi.rewrite(lambda rows: [marked(row) for row in rows])
