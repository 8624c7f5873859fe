"""What runs, how it is, where it answers: the table after `up`, and alone."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from homeport.cli import daemon, host_programs
from homeport.cli.output import print_json, print_table
from homeport.cli.phases import phase, say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from homeport.cli.host_programs import Unit, Work
    from homeport.cli.pulumi_cli import PulumiCli

_PAUSE = 1.0
"""Seconds between two looks at what recovers."""
_COLUMNS = ("service", "container", "state", "health", "address", "access")
_UNITS = ("program", "host", "unit", "state", "for", "version")
_WORKS = ("program", "host", "work", "went well", "last run")


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
        words: How its last run ended, where it runs at times and that was no success.
        scheduled: Whether it runs at times.
    """

    name: str
    container: str
    state: str
    health: str
    address: str
    access: str
    words: str = ""
    scheduled: bool = False

    @property
    def healthy(self) -> bool:
        """Whether it runs and nothing speaks against it; without a check it is as well as it can say."""
        return self.state == "running" and self.health in {"healthy", "no check"}

    @property
    def updated(self) -> bool:
        """Whether an update has reached it: how the last run of what is scheduled ended is no word on that."""
        return self.healthy or (self.scheduled and self.state == "running")


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
        taken_down: When it was taken down; empty where that was not the last thing that happened to it.
        programs: Units of what runs on hosts outside of containers.
        works: What such programs do at times, as backups, the one that went well last first.
    """

    stack: str
    preset: str
    environment: str
    services: tuple[Service, ...]
    skipped: tuple[str, ...]
    next_steps: tuple[str, ...]
    taken_down: str = ""
    programs: tuple[Unit, ...] = ()
    works: tuple[Work, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether there are services, and all of them and all programs of hosts are healthy."""
        return bool(self.services) and not self.unhealthy

    @property
    def unhealthy(self) -> tuple[str, ...]:
        """The containers and the programs of hosts that are not healthy."""
        containers = [service.container for service in self.services if not service.healthy]
        programs = [unit.program for unit in self.programs if not unit.healthy]
        return (*containers, *programs, *(work.program for work in self.works if not work.healthy))

    @property
    def updated(self) -> bool:
        """Whether there are services and the last update has reached all of them."""
        return bool(self.services) and all(service.updated for service in self.services)


def status(pulumi: PulumiCli) -> Status:
    """A stack's status, out of its outputs, its hosts' Docker, and what the hosts say of their programs.

    Raises:
        ToolError: A Docker does not answer.
    """
    outputs = pulumi.outputs()
    current = _status(pulumi.stack.name, outputs, pulumi.daemons)
    if outputs.get("programs"):
        programs, works = host_programs.ask(pulumi, outputs["programs"])
        current = replace(current, programs=programs, works=works)
    if current.services:
        return current
    return replace(current, taken_down=taken_down(pulumi))


def taken_down(pulumi: PulumiCli) -> str:
    """When a stack was taken down; empty where that was not the last thing that happened to it."""
    last = pulumi.last_change()
    down = last.get("kind") == "destroy" and last.get("result") == "succeeded"
    return str(last.get("endTime") or "") if down else ""


def recovered(pulumi: PulumiCli, current: Status) -> Status:
    """The status once services have recovered that an update has disturbed, and else when their gates' time is over.

    Only those are waited for that run and need others: what was away made their own checks fail, and Docker asks again
    at its own pace.
    """
    blueprint = pulumi.stack.plan.blueprint
    needy = {service.name for service in blueprint.services if service.needs}
    ill = [row for row in current.services if _recovers(row, needy)]
    if not ill:
        return current
    from homeport.cli.drift import waits  # noqa: PLC0415  # all that renders, which only an update needs

    gates = waits(pulumi.state().get("resources") or [])
    seconds = max((gates.get(row.container, 0) for row in ill), default=0)
    end = time.monotonic() + seconds
    shown = ", ".join(row.container for row in ill)
    with phase(f"waiting up to {seconds} s for {shown}, which needs what was away"):
        while any(_recovers(row, needy) for row in current.services) and time.monotonic() < end:
            time.sleep(_PAUSE)
            current = status(pulumi)
    return current


def _recovers(row: Service, needy: set[str]) -> bool:
    return row.name in needy and row.state == "running" and not row.healthy


def of_state(stack: str, resources: Sequence[dict[str, Any]], where: Mapping[str, str]) -> Status:
    """The same out of a state's resources and one Docker, without Pulumi.

    Raises:
        ToolError: Docker does not answer.
    """
    outputs = next((item.get("outputs") or {} for item in resources if item["type"] == "pulumi:pulumi:Stack"), {})
    return _status(stack, outputs, lambda: [where])


def _status(stack: str, outputs: dict[str, Any], daemons: Callable[[], Sequence[Mapping[str, str]]]) -> Status:
    declared: dict[str, dict[str, str]] = outputs.get("services") or {}
    return Status(
        stack=stack,
        preset=str(outputs.get("preset") or ""),
        environment=str(outputs.get("environment") or ""),
        services=services(declared, _states(declared, daemons())) if declared else (),
        skipped=tuple(outputs.get("skipped") or ()),
        next_steps=tuple(outputs.get("next_steps") or ()),
    )


def show(current: Status, *, json: bool = False) -> None:
    """Prints the table, or one JSON document."""
    if json:
        print_json({**asdict(current), "healthy": current.healthy})
        return
    if not current.services:
        why = "no update of it has ended well yet"
        if current.taken_down:
            why = f"it was taken down at {current.taken_down}"
        print(f"stack {current.stack}: {why}. Bring it up: make up STACK={current.stack}")
        return
    print(f"{current.preset} in {current.environment} (stack {current.stack})\n")
    print_table(_COLUMNS, [tuple(asdict(service).values())[: len(_COLUMNS)] for service in current.services])
    if current.programs:
        print()
        print_table(
            _UNITS,
            [(r.program, r.host, r.unit or "-", r.state, r.age or "-", r.version or "-") for r in current.programs],
        )
    if current.works:
        print()
        print_table(_WORKS, [(r.program, r.host, r.work, r.age, r.last_run) for r in current.works])
    for title, lines in (("Skipped in this environment", current.skipped), ("Next steps", current.next_steps)):
        if lines:
            print(f"\n{title}:")
            print("\n".join(f"  - {line}" for line in lines))
    print()
    sys.stdout.flush()
    if not current.healthy:
        say(f"homeport: not everything is healthy\n{_advice(current)}")


def _advice(current: Status) -> str:
    """What helps each service that is not well; what only has to be started is put back by an update."""
    ill = [service for service in current.services if not service.healthy]
    stopped = [service.container for service in ill if service.state != "running"]
    lines = [
        f"  {service.container}: {service.state}, {service.health}" + (f": {service.words}" if service.words else "")
        for service in ill
    ]
    if stopped:
        lines.append(f"  fix: make up STACK={current.stack} puts {', '.join(stopped)} back")
    lines += [
        f"  fix: docker logs --tail 50 {service.container} shows why; make up STACK={current.stack} replaces it"
        for service in ill
        if service.state == "running" and service.health == "unhealthy"
    ]
    lines += [
        f"  fix: make status STACK={current.stack} in a minute: {service.container} still starts"
        for service in ill
        if service.state == "running" and service.health == "starting"
    ]
    for unit in (unit for unit in current.programs if not unit.healthy):
        lines.append(f"  {unit.program}: {unit.words}")
        lines.append(
            f"  fix: on host {unit.host}: journalctl -n 50 -u {unit.journal}   shows why"
            if unit.unit
            else f"  fix: bin/homeport preflight --stack {current.stack}   says what stands in the way"
        )
    for work in (work for work in current.works if not work.healthy):
        lines.append(f"  {work.program}: {work.work} failed last, and went well {work.age}")
        lines.append(
            f"  fix: on host {work.host}: journalctl -n 50 {f'-u {work.journal}' if work.journal else '--since -2d'}"
        )
    return "\n".join(lines)


def _states(
    declared: Mapping[str, Mapping[str, str]], daemons: Sequence[Mapping[str, str]]
) -> dict[str, dict[str, Any]]:
    containers = [service["container"] for service in declared.values()]
    inspected = [(where, item) for where in daemons for item in daemon.inspect("container", containers, where)]
    with ThreadPoolExecutor() as pool:
        states = pool.map(lambda both: asked(*both), inspected)
    return dict(zip((item["Name"].removeprefix("/") for _, item in inspected), states, strict=True))


def asked(where: Mapping[str, str], item: dict[str, Any]) -> dict[str, Any]:
    """A container's state; while Docker waits for its first probe, the container is asked by the same probe at once."""
    state: dict[str, Any] = item["State"]
    if state.get("Status") != "running" or (state.get("Health") or {}).get("Status") != "starting":
        return state
    test = ((item.get("Config") or {}).get("Healthcheck") or {}).get("Test") or []
    if test[:1] != ["CMD"] or daemon.run("exec", item["Id"], *test[1:], where=where, check=False).returncode:
        return state
    return {**state, "Health": {"Status": "healthy"}}


def services(declared: Mapping[str, Mapping[str, str]], states: Mapping[str, Mapping[str, Any]]) -> tuple[Service, ...]:
    """The stack's services, with what Docker says of each container."""
    return tuple(
        _service(name, service, states.get(service["container"], {})) for name, service in sorted(declared.items())
    )


def _service(name: str, declared: Mapping[str, str], state: Mapping[str, Any]) -> Service:
    health = state.get("Health") or {}
    # Of our own probe alone: an image's own might say a secret.
    log = (health.get("Log") or []) if declared.get("schedule") else []
    said = str(log[-1].get("Output", "")).strip() if log else ""
    return Service(
        name=name,
        container=declared["container"],
        state=str(state.get("Status", "gone")),
        health=str(health.get("Status", "no check" if state else "-")),
        address=declared.get("url") or "-",
        access=declared.get("access") or "-",
        words=said if health.get("Status") == "unhealthy" else "",
        scheduled=bool(declared.get("schedule")),
    )
