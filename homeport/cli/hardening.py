"""SSH is moved to another port, and then closed to all but members of a private network; each step is proved first.

Each step is a change of the settings and an update, so what is killed goes on by running it again. Until a step has
been proved by a new connection the way before it stays open (components/scripts/unit.sh, homeport/cli/lockout.py).
"""

from __future__ import annotations

import shlex
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from homeport.cli import colleagues, lifecycle, lockout, pulumi_cli
from homeport.cli.look import ways
from homeport.cli.phases import say
from homeport.cli.stack import read
from homeport.model import fixes
from homeport.model.errors import ToolError
from homeport.plan.hosts import inner_addresses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.cli.pulumi_cli import PulumiCli

_ROOT = f"{fixes.SETTINGS}.ssh"


def harden(name: str, *, reach: str, port: int | None, yes: bool) -> int:
    """Goes the steps that are left, in their order; the exit code.

    Args:
        name: The stack.
        reach: ``mesh`` or ``vpn``: whose members may use SSH in the end.
        port: Where sshd listens in the end; None: where it does.
        yes: Nobody is asked.

    Raises:
        ToolError: A way is not proved: nothing was changed, and the one before is open.
    """
    # What a killed run has begun is brought to its end first, and an inner network that is new is made.
    if code := lifecycle.up(read(name), yes=yes):
        return code
    pulumi = pulumi_cli.prepared(read(name))
    known = _known(pulumi)
    if not known:
        raise ToolError(
            f"stack {name}: has no host that is reached over SSH, so there is nothing to harden\n"
            f"  fix: {fixes.both('status', name)}"
        )
    before = _port(name, known)
    port = port or before
    ssh = pulumi.stack.plan.settings.ssh
    if ssh.reach != reach:
        _prove(pulumi, known, reach, before, port)
    if port != before:
        say(f"==> sshd moves from port {before} to {port}; both are open until the new one is proved")
        if code := _step(pulumi, {"port": port, "previous": before}, yes=yes):
            _tell(pulumi, known, reach, {before, port})
            return code
    ssh = read(name).plan.settings.ssh
    if ssh.reach != reach or ssh.previous:
        pulumi = pulumi_cli.prepared(read(name))
        known = _known(pulumi)
        _prove(pulumi, known, reach, port, port)
        say(f"==> SSH closes to all but members of the {reach}")
        if code := _step(pulumi, {"reach": reach, "previous": None}, yes=yes):
            _tell(pulumi, known, reach, {ssh.previous or port, port})
            return code
    say(f"==> SSH of stack {name} is at port {port}, for members of the {reach} alone")
    return 0


def _known(pulumi: PulumiCli) -> dict[str, Mapping[str, str]]:
    if pulumi.stack.local:
        return {}
    known = ways(pulumi, pulumi.state())
    return {host: known[host] for host in sorted(pulumi.stack.plan.hosts) if host in known}


def _port(name: str, known: Mapping[str, Mapping[str, str]]) -> int:
    ports = {way["HOMEPORT_SSH_PORT"]: host for host, way in known.items()}
    if len(ports) > 1:
        there = ", ".join(f"{host} at {port}" for port, host in sorted(ports.items()))
        raise ToolError(
            f"stack {name}: sshd listens on different ports ({there}), and they move together; nothing was changed\n"
            f"  fix: {fixes.put_command(f'{_ROOT}.port', int(min(ports, key=int)))}"
        )
    return int(next(iter(ports)))


def _prove(pulumi: PulumiCli, known: Mapping[str, Mapping[str, str]], reach: str, port: int, last: int) -> None:
    """A new connection by the inner network to each host, before anything is closed; `last` is the port in the end."""
    refused, answering = [], []
    for host, way in known.items():
        address = inner_addresses(host, pulumi.stack.plan.blueprint).get(reach)
        user = way["HOMEPORT_SSH"].rpartition("@")[0]
        said = lockout.said_by(way, f"{user}@{address}", str(port)) if address else f"it is in no {reach}"
        if said:
            refused.append(f"host {host}: {user}@{address or '-'} port {port} gives no answer by the {reach}: {said}")
        else:
            answering.append(host)
            say(f"    host {host}: {user}@{address} port {port} answers by the {reach}")
    if refused:
        silent = {host: way for host, way in known.items() if host not in answering}
        how = _looking(silent, reach, answering) if answering else [_joining(pulumi, reach)]
        member = "" if answering else f"this machine is a member of the {reach} and "
        again = f"bin/homeport harden --reach {reach} --port {last} --stack {pulumi.stack.name}"
        raise ToolError(
            "\n".join([*refused, "Nothing was closed: SSH stays open as it is, on all hosts.", *how])
            + f"\n  fix: {again}, once {member}the above answers"
        )


def _looking(silent: Mapping[str, Mapping[str, str]], reach: str, answering: list[str]) -> list[str]:
    """What to ask hosts that are not there, where others are: this machine is a member, so it is up to them."""
    lines = [f"This machine is a member of the {reach}: {', '.join(answering)} answered by it."]
    for host, way in silent.items():
        command = "tailscale status" if reach == "mesh" else "wg show"
        root = "" if way["HOMEPORT_SSH"].startswith("root@") else "sudo "
        # The stack's own key, which no agent has, is in its options.
        key = [line for line in way.get("HOMEPORT_SSH_OPTS", "").splitlines() if line.startswith("Identit")]
        options = "".join(f"-o {shlex.quote(line)} " for line in key)
        there = f"ssh {options}-p {way['HOMEPORT_SSH_PORT']} {way['HOMEPORT_SSH']} {root}{command}"
        up = f" (where it is stopped: {root}tailscale up)" if reach == "mesh" else ""
        lines.append(f"Ask host {host} why it is not in the {reach}: {there}{up}")
    return lines


def _tell(pulumi: PulumiCli, known: Mapping[str, Mapping[str, str]], reach: str, ports: set[int]) -> None:
    """Where each host is by now, after a step that did not hold on all of them: a step's hosts go at their own pace."""
    places: list[tuple[str, Mapping[str, str], str, int]] = []
    for host, way in known.items():
        user, _, before = way["HOMEPORT_SSH"].rpartition("@")
        inner = inner_addresses(host, pulumi.stack.plan.blueprint).get(reach, before)
        places += [(host, way, f"{user}@{at}", port) for at in dict.fromkeys((before, inner)) for port in sorted(ports)]
    with ThreadPoolExecutor(len(places)) as pool:
        said = [*pool.map(lambda place: lockout.said_by(place[1], place[2], str(place[3])), places)]
    for host in known:
        answers = [
            f"{at} port {port}" for (of, _, at, port), no in zip(places, said, strict=True) if of == host and not no
        ]
        say(f"    host {host}: {'SSH answers at ' + ', '.join(answers) if answers else 'SSH answers nowhere'}")


def _joining(pulumi: PulumiCli, reach: str) -> str:
    """How this machine becomes a member of an inner network."""
    mesh = pulumi.stack.plan.blueprint.mesh
    if reach == "mesh" and mesh:
        way = f"tailscale up --login-server={mesh.url} --auth-key=file:KEY (a key: docs/hosts.md, A device in the mesh)"
    else:
        way = f"bin/homeport wireguard --stack {pulumi.stack.name}"
    return f"This machine joins the {reach} by: {way}"


def _step(pulumi: PulumiCli, values: Mapping[str, Any], *, yes: bool) -> int:
    there = pulumi.stack.settings.get("ssh") or {}
    change = colleagues.Change(
        settings=pulumi.stack.settings,
        sets=tuple((f"ssh.{key}", str(value)) for key, value in values.items() if value is not None),
        removes=tuple(f"ssh.{key}" for key, value in values.items() if value is None and key in there),
    )
    colleagues.write(pulumi.stack, change)
    code = lifecycle.up(read(pulumi.stack.name), yes=yes)
    if code:
        say(
            "==> this step did not hold, and why is above: a host on which it failed stays open as it was. "
            "The next run goes on with it"
        )
    return code
