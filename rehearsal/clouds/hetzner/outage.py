"""After an outage of the computer that plays the data centre: what was on comes back, behind its firewall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rehearsal.clouds.hetzner.api.rules import effective
from rehearsal.clouds.hetzner.api.server_view import shown
from rehearsal.clouds.hetzner.machines import MachineError

if TYPE_CHECKING:
    from rehearsal.clouds.hetzner.project import Project

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What became of the servers.

    Attributes:
        on: Those that are on, as the API shows them.
        lost: The others that should be, with the driver's word; their status is `unknown` from now on.
    """

    on: list[Row]
    lost: list[str]


def restored(project: Project) -> Restored:
    """Gives every server its firewall again and boots those that the API calls running; nothing happens to one that is.

    A reboot of this computer ends every machine and empties the kernel's filter, one of its Docker daemon ends the
    machines: of neither does the API hear. Servers that an action works on are left to it.
    """
    with project.store.lock:
        rows = list(project.table("servers").values())
        seen = [(row, shown(project, row), effective(project, row)) for row in rows]
    on, lost = [], []
    for row, server, rules in seen:
        if server["locked"]:
            continue
        row["_rules"] = rules
        try:
            # Before the machine, as at its birth.
            project.machines.firewall(server, rules)
            if row["status"] == "running":
                project.machines.power(server, "poweron")
                on.append(server)
        except MachineError as problem:
            row["status"] = "unknown"
            lost.append(f"server {server['name']}: {problem}")
    with project.store.lock:
        project.store.save()
    return Restored(on=on, lost=lost)
