"""Refuses before any change what would close the cloud's firewall to this machine (docs/requirements.md, A-06).

What a host changes of itself it takes back when nobody comes in any more (its revert timer); a cloud's firewall does
not. So the host is asked, over the connection that still works, from which address it sees us.
"""

from __future__ import annotations

import os
import subprocess
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from homeport.cli.places import ROOT
from homeport.model import fixes
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.cli.pulumi_cli import PulumiCli

_SECONDS = 30


def refuse_lockout(pulumi: PulumiCli) -> None:
    """Nothing, where SSH stays open to this machine.

    Raises:
        ToolError: The settings name sources of SSH, and this machine is none of them.
    """
    ssh = pulumi.stack.plan.settings.ssh
    if not ssh.sources or ssh.reach == "vpn":
        return
    for where in pulumi.daemons():
        address = seen_as(where)
        if address and not any(ip_address(address) in ip_network(source, strict=False) for source in ssh.sources):
            raise ToolError(
                f"homeport:settings.ssh.sources: would lock you out: {where['HOMEPORT_SSH']} sees this machine "
                f"as {address}, which is in none of {', '.join(ssh.sources)}\n"
                f"  fix: {fixes.put_command(f'{fixes.SETTINGS}.ssh.sources[{len(ssh.sources)}]', f'{address}/32')}"
            )


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
