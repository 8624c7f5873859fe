"""What runs, how it is, where it answers: the table after `up`, and alone."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from homeport.cli import daemon
from homeport.cli.output import print_json, print_table
from homeport.cli.phases import say

if TYPE_CHECKING:
    from homeport.cli.pulumi_cli import PulumiCli

_COLUMNS = ("service", "container", "state", "health", "address", "access")


@dataclass(frozen=True, kw_only=True)
class Service:
    """One service of a stack, as Docker has it now.

    Attributes:
        name: The service.
        container: Its container.
        state: Docker's word, such as ``running``; ``gone`` where there is no such container.
        health: Docker's word; ``no check`` where the image has none, ``-`` where the container is gone.
        address: Its URL; ``-`` where it has none.
        access: Who may come in.
    """

    name: str
    container: str
    state: str
    health: str
    address: str
    access: str

    @property
    def healthy(self) -> bool:
        """Whether it runs and nothing speaks against it; without a check it is as well as it can say."""
        return self.state == "running" and self.health in {"healthy", "no check"}


@dataclass(frozen=True, kw_only=True)
class Status:
    """A stack, as its last update left it and as its containers are now.

    Attributes:
        stack: Its name.
        preset: Which system; empty before the first update.
        environment: dev, preprod or prod; empty before the first update.
        services: In the order of their names; none before the first update.
        skipped: What this environment does without.
        next_steps: What is left for a person to do.
    """

    stack: str
    preset: str
    environment: str
    services: tuple[Service, ...]
    skipped: tuple[str, ...]
    next_steps: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        """Whether there are services and all of them are healthy."""
        return bool(self.services) and all(service.healthy for service in self.services)


def status(pulumi: PulumiCli) -> Status:
    """A stack's status, out of its outputs and its hosts' Docker."""
    outputs = pulumi.outputs()
    declared: dict[str, dict[str, str]] = outputs.get("services") or {}
    return Status(
        stack=pulumi.stack.name,
        preset=str(outputs.get("preset") or ""),
        environment=str(outputs.get("environment") or ""),
        services=services(declared, _states(pulumi, declared)) if declared else (),
        skipped=tuple(outputs.get("skipped") or ()),
        next_steps=tuple(outputs.get("next_steps") or ()),
    )


def show(current: Status, *, json: bool = False) -> None:
    """Prints the table, or one JSON document."""
    if json:
        print_json({**asdict(current), "healthy": current.healthy})
        return
    if not current.services:
        print(f"stack {current.stack}: no update of it has ended well yet. Bring it up: make up STACK={current.stack}")
        return
    print(f"\n{current.preset} in {current.environment} (stack {current.stack})\n")
    print_table(_COLUMNS, [tuple(asdict(service).values()) for service in current.services])
    for title, lines in (("Skipped in this environment", current.skipped), ("Next steps", current.next_steps)):
        if lines:
            print(f"\n{title}:")
            print("\n".join(f"  - {line}" for line in lines))
    print()
    sys.stdout.flush()
    if not current.healthy:
        say(f"homeport: not everything is healthy\n  fix: docker logs <container>, then make up STACK={current.stack}")


def _states(pulumi: PulumiCli, declared: dict[str, dict[str, str]]) -> dict[str, dict[str, Any]]:
    containers = [service["container"] for service in declared.values()]
    inspected = [item for where in pulumi.daemons() for item in daemon.inspect("container", containers, where)]
    return {item["Name"].removeprefix("/"): item["State"] for item in inspected}


def services(declared: dict[str, dict[str, str]], states: dict[str, dict[str, Any]]) -> tuple[Service, ...]:
    """The stack's services, with what Docker says of each container."""
    return tuple(
        _service(name, service, states.get(service["container"], {})) for name, service in sorted(declared.items())
    )


def _service(name: str, declared: dict[str, str], state: dict[str, Any]) -> Service:
    return Service(
        name=name,
        container=declared["container"],
        state=str(state.get("Status", "gone")),
        health=str((state.get("Health") or {}).get("Status", "no check" if state else "-")),
        address=declared.get("url") or "-",
        access=declared.get("access") or "-",
    )
