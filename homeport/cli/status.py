"""What runs, how it is, where it answers: the table after `up`, and alone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from homeport.cli import daemon
from homeport.cli.phases import say
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from homeport.cli.engine import Engine

_COLUMNS = ("service", "container", "state", "health", "address", "access")


def show(engine: Engine) -> bool:
    """Prints the table; true when every service runs and none is unhealthy."""
    outputs = engine.outputs()
    services: dict[str, dict[str, str]] = outputs.get("services") or {}
    name = engine.stack.name
    if not services:
        print(f"stack {name}: no update of it has ended well yet. Bring it up: make up STACK={name}")
        return False
    rows, healthy = table(services, _states(engine, services))
    print(f"\n{outputs.get('preset')} in {outputs.get('environment')} (stack {name})\n")
    print("\n".join(lines(rows)))
    for title, found in (("Skipped in this environment", "skipped"), ("Next steps", "next_steps")):
        if outputs.get(found):
            print(f"\n{title}:")
            print("\n".join(f"  - {line}" for line in outputs[found]))
    print()
    sys.stdout.flush()
    if not healthy:
        say(f"homeport: not everything is healthy\n  mend it: docker logs <container>, then make up STACK={name}")
    return healthy


def _states(engine: Engine, services: dict[str, dict[str, str]]) -> dict[str, dict[str, Any]]:
    wanted = [service["container"] for service in services.values()]
    found = [one for where in engine.daemons() for one in daemon.inspect("container", wanted, where)]
    return {one["Name"].removeprefix("/"): one["State"] for one in found}


def table(services: dict[str, dict[str, str]], states: dict[str, dict[str, Any]]) -> tuple[list[tuple[str, ...]], bool]:
    """The rows, and whether all is well; a container that is gone is not well."""
    rows: list[tuple[str, ...]] = []
    healthy = True
    for name, service in sorted(services.items()):
        said = states.get(service["container"], {})
        state = str(said.get("Status", "gone"))
        health = str((said.get("Health") or {}).get("Status", "no check" if said else "-"))
        healthy = healthy and state == "running" and health in {"healthy", "no check"}
        rows.append(
            (name, service["container"], state, health, service.get("url") or "-", service.get("access") or "-")
        )
    return rows, healthy


def lines(rows: list[tuple[str, ...]], columns: tuple[str, ...] = _COLUMNS) -> list[str]:
    """A table as text, each column as wide as it must be."""
    whole = [tuple(column.upper() for column in columns), *rows]
    widths = [max(len(row[at]) for row in whole) for at in range(len(columns))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in whole]


def one_secret(engine: Engine, name: str) -> int:
    """Prints the value of one secret and nothing else, for a script.

    Raises:
        ToolError: The stack has no such secret.
    """
    found = engine.outputs(secrets=True).get("credentials") or {}
    if name not in found:
        known = ", ".join(sorted(found)) or "none yet"
        raise ToolError(f"credentials: there is no {name}; there are: {known}\n  mend it: make credentials ARGS=--show")
    print(found[name])
    return 0


def credentials(engine: Engine, *, shown: bool) -> int:
    """The names of the stack's secrets and, only when they are asked for, their values."""
    outputs = engine.outputs(secrets=shown)
    found = outputs.get("credentials")
    name = engine.stack.name
    if not found:
        print(f"stack {name}: there are none yet. Bring it up: make up STACK={name}")
        return 1
    doors = {service["url"] for service in (outputs.get("services") or {}).values() if service.get("url")}
    print("\n".join(f"address: {door}  (the editor's user is admin)" for door in sorted(doors)))
    if not shown:
        print(
            f"passwords and keys are kept in the encrypted state. Show them: make credentials STACK={name} ARGS=--show"
        )
        return 0
    if not sys.stdout.isatty():
        say("homeport: secrets go to a file or a pipe now; see that nobody else reads it")
    width = max(len(one) for one in found)
    print("\n".join(f"{one.ljust(width)}  {value}" for one, value in sorted(found.items())))
    return 0
