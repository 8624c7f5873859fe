"""Refuses before any change what would close the cloud's firewall to this machine (docs/requirements.md, A-06).

What a host changes of itself it takes back when nobody comes in any more (its revert timer); a cloud's firewall does
not. So the host is asked, over the connection that still works, from which address it sees us; and a way that SSH is
to be reached by from now on is tried while the one before is still open.
"""

from __future__ import annotations

import os
import subprocess
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from homeport.cli.look import ways
from homeport.cli.places import ROOT
from homeport.model import fixes
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.cli.pulumi_cli import PulumiCli
    from homeport.plan.hosts import HostPlan
    from homeport.settings.vpn import Ssh

_SECONDS = 30
_REACH, _PREVIOUS, _PORT = (f"{fixes.SETTINGS}.ssh.{key}" for key in ("reach", "previous", "port"))


def refuse_lockout(pulumi: PulumiCli) -> None:
    """Nothing, where SSH stays open to this machine.

    Raises:
        ToolError: The settings name sources of SSH, and this machine is none of them; or they move SSH to where this
            machine gets no answer.
    """
    plan = pulumi.stack.plan
    ssh = plan.settings.ssh
    if ssh.sources and ssh.reach == "public":
        _refuse_sources(pulumi, ssh.sources)
    if pulumi.stack.local:
        return
    for name, way in sorted(ways(pulumi, pulumi.state()).items()):
        if name in plan.hosts:
            _refuse_unproven(plan.hosts[name], ssh, way)


def refuse_end_by_inner_network(pulumi: PulumiCli) -> None:
    """Nothing, where hosts are reached by an address that is there after the stack too.

    Raises:
        ToolError: One is reached by mesh or VPN, which a destroy takes away before it is done on the host.
    """
    if pulumi.stack.local:
        return
    from homeport.plan.hosts import inner_addresses  # noqa: PLC0415  # a stack on this machine has no use for it

    for name, way in sorted(ways(pulumi, pulumi.state()).items()):
        address = way["HOMEPORT_SSH"].rpartition("@")[2]
        for reach, inner in inner_addresses(name, pulumi.stack.plan.blueprint).items():
            if address == inner:
                raise ToolError(
                    f"host {name}: is reached by the {reach} alone ({address}), which goes with the stack, and in the "
                    "middle of that nobody would get in any more; nothing was removed\n"
                    f"  fix: {fixes.put_command(_REACH, 'public')}; {fixes.both('up', pulumi.stack.name)}; then again"
                )


def ways_before(pulumi: PulumiCli) -> dict[str, str]:
    """The environment of an update that changes from where hosts are reached: until now, they were as it says.

    The way that was proved by the last update is gone back to where the next one is not open yet.
    """
    if pulumi.stack.local:
        return {}
    from homeport.plan.hosts import inner_addresses  # noqa: PLC0415  # a stack on this machine has no use for it

    plan, lines = pulumi.stack.plan, []
    for name, way in sorted(ways(pulumi, pulumi.state()).items()):
        address = way["HOMEPORT_SSH"].rpartition("@")[2]
        host = plan.hosts.get(name)
        if (
            host
            and address != host.ssh_address
            and (host.ssh_address or address in inner_addresses(name, plan.blueprint).values())
        ):
            lines.append(f"homeport-{name} {way['HOMEPORT_SSH']} {way['HOMEPORT_SSH_PORT']}")
    return {"HOMEPORT_SSH_BEFORE": "\n".join(lines)} if lines else {}


def _refuse_sources(pulumi: PulumiCli, sources: tuple[str, ...]) -> None:
    for where in pulumi.daemons():
        address = seen_as(where)
        if address and not any(ip_address(address) in ip_network(source, strict=False) for source in sources):
            raise ToolError(
                f"homeport:settings.ssh.sources: would lock you out: {where['HOMEPORT_SSH']} sees this machine "
                f"as {address}, which is in none of {', '.join(sources)}\n"
                f"  fix: {fixes.put_command(f'{fixes.SETTINGS}.ssh.sources[{len(sources)}]', str(ip_network(address)))}"
            )


def _refuse_unproven(host: HostPlan, ssh: Ssh, way: Mapping[str, str]) -> None:
    """What moves SSH is one step at a time, each to where a new connection has been answered before.

    The cloud's firewall closes with the update's first calls, and takes nothing back: what is not proved now would be
    found out behind a closed door.
    """
    user, _, before = way["HOMEPORT_SSH"].rpartition("@")
    port, wanted = way["HOMEPORT_SSH_PORT"], str(host.ssh_ports[0])
    known = {str(each) for each in host.ssh_ports}
    moved = bool(host.ssh_address) and host.ssh_address != before
    if not moved and port in known:
        return
    address = host.ssh_address if moved else before
    said = said_by(way, f"{user}@{address}", wanted)
    if not said:
        return
    if said_by(way, way["HOMEPORT_SSH"], port):
        # Not there by the old way either: nothing is certain, and the update tells.
        return
    old = f"{way['HOMEPORT_SSH']} port {port}"
    if moved and port != wanted and not said_by(way, f"{user}@{address}", port):
        back = f"{fixes.put_command(_REACH, 'public')}; {fixes.put_command(_PORT, int(port))}"
        raise ToolError(
            f"host {host.name}: homeport:settings.ssh changes the port ({port} to {wanted}) and from where SSH is "
            f"reached at once; nothing was changed, and {old} stays open\n"
            f"  fix: {back}; bin/homeport harden --reach {ssh.reach} --port {wanted} --stack {host.stack}"
        )
    if moved:
        raise ToolError(
            f"host {host.name}: homeport:settings.ssh.reach {ssh.reach} would lock you out: {user}@{address} port "
            f"{wanted} gives this machine no answer ({said}); nothing was changed, and {old} stays open\n"
            f"  fix: {fixes.put_command(_REACH, 'public')}; set it back once this machine is a member of the "
            f"{ssh.reach} and `ssh -p {wanted} {user}@{address}` answers"
        )
    raise ToolError(
        f"host {host.name}: homeport:settings.ssh.port {wanted} would lock you out: sshd is at port {port}, which "
        f"is not named any more; nothing was changed, and {old} stays open\n"
        f"  fix: {fixes.put_command(_PREVIOUS, int(port))}"
    )


def said_by(way: Mapping[str, str], where: str, port: str) -> str:
    """What ssh says of a new connection there; nothing where it is answered."""
    script = ". components/scripts/ssh.sh; anew; over_ssh true"
    try:
        done = subprocess.run(
            ["sh", "-c", script],
            cwd=ROOT,
            env={**os.environ, **way, "HOMEPORT_SSH": where, "HOMEPORT_SSH_PORT": port},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_SECONDS} s"
    if not done.returncode:
        return ""
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]


def seen_as(where: Mapping[str, str]) -> str:
    """The address that a host sees us come from; nothing where it does not answer, which the update will tell."""
    script = '. components/scripts/ssh.sh; over_ssh "echo \\$SSH_CONNECTION"'
    try:
        done = subprocess.run(
            ["sh", "-c", script],
            cwd=ROOT,
            env={**os.environ, **where},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout.split(" ")[0].strip() if done.returncode == 0 else ""
