"""A stack whose servers exist for one run: up, a command, and down again whatever came.

For preprod, whose servers are rented for a test: what a run costs ends with the run, and nothing of it is left at
Hetzner or in the zone. `up` and `down` are its two halves, for who wants to look at it in between.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from homeport.cli import interrupts, lifecycle, pulumi_cli
from homeport.cli.phases import say
from homeport.cli.stack import read
from homeport.model import fixes
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from homeport.cli.stack import Stack


def once(name: str, command: Sequence[str]) -> int:
    """Brings it up, runs a command with STACK in its environment, and takes it down; the first exit code that is not 0.

    Args:
        name: The stack; all its hosts are rented.
        command: What is run while it is up; nothing: it is up and down alone.

    Raises:
        ToolError: The stack is none that may go, and was not touched; or something of it is left at Hetzner.
    """
    stack = read(name)
    _refuse(stack)
    code, down = 1, 0
    try:
        # What ends a job of a workflow ends the command, and the stack goes all the same.
        with interrupts.by_sigterm():
            code = lifecycle.up(stack, yes=True)
            if not code and command:
                say(f"==> {' '.join(command)}")
                code = subprocess.run(list(command), env={**os.environ, "STACK": name}, check=False).returncode
    finally:
        # One that failed may have left what only the next one finds.
        down = lifecycle.down(read(name), yes=True) and lifecycle.down(read(name), yes=True)
        if not down:
            _refuse_left(read(name))
            say(f"==> nothing of stack {name} is left")
    return code or down


def _refuse(stack: Stack) -> None:
    """Only what was made for it goes by itself.

    Raises:
        ToolError: It is production, keeps its data, or is on a machine that is not rented.
    """
    settings = stack.plan.settings
    staying = sorted(name for name, host in settings.hosts.items() if host.mode != "create")
    if settings.environment == "prod":
        why, fix = "is production, which no command takes down by itself", "name another one with --stack"
    elif settings.protect_data:
        why, fix = "keeps its data (protect_data)", fixes.put_command(f"{fixes.SETTINGS}.protect_data", value=False)
    elif staying:
        path = f"{fixes.SETTINGS}.hosts.{staying[0]}.mode"
        why, fix = f"has a host that is not rented for it: {', '.join(staying)}", fixes.put_command(path, "create")
    else:
        return
    raise ToolError(f"stack {stack.name}: {why}; nothing was changed\n  fix: {fix}")


def _refuse_left(stack: Stack) -> None:
    """Hetzner is asked itself: what it still has costs money though no state knows of it.

    Raises:
        ToolError: Something carries the stack's label.
    """
    from homeport.cli import hetzner  # noqa: PLC0415  # its client costs a quarter of a second

    config = pulumi_cli.prepared(stack).config()
    api = hetzner.client(config["homeport:hcloud-token"], config.get("hcloud:endpoint", hetzner.PUBLIC))
    left = hetzner.orphans({}, api, stack.name, 0.0)
    if left:
        named = ", ".join(f"{item.kind} {item.name}" for item in left)
        raise ToolError(
            f"stack {stack.name}: is down, and Hetzner still has {named}\n"
            f"  fix: {fixes.both('down', stack.name, '--yes')}"
        )
