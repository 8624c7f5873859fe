"""A stack whose servers exist for one run: up, a command, and down again whatever came.

For preprod, whose servers are rented for a test: what a run costs ends with the run, and nothing of it is left at
Hetzner or in the zone. `up` and `down` are its two halves, for who wants to look at it in between.
"""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

from homeport.cli import interrupts, lifecycle, lock, pulumi_cli
from homeport.cli.phases import say
from homeport.cli.places import once_file
from homeport.cli.stack import read
from homeport.model import fixes
from homeport.model.errors import HomeportError, ToolError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from homeport.cli.stack import Stack

_PAUSES = (0.0, 5.0, 30.0)
"""Seconds before each attempt to take it down."""


def once(name: str, command: Sequence[str]) -> int:
    """Brings it up, runs a command with STACK in its environment, and takes it down; its exit code, or that of `up`.

    What its own update has not begun to make belongs to somebody else and is not taken down.

    Args:
        name: The stack; all its hosts are rented, and nothing of it is there.
        command: What is run while it is up; nothing: it is up and down alone.

    Raises:
        HomeportError: It was refused, and nothing was touched; or it may be up, or left behind something older.
    """
    stack = read(name)
    _refuse(stack)
    stack.refuse_wrong()
    if command and not shutil.which(command[0]):
        raise ToolError(
            f"once: no such command: {command[0][:64]}; nothing was rented\n  fix: for a line of a shell: sh -c '…'"
        )
    # What ends a job of a workflow ends the command, and the stack goes all the same.
    with lock.locked(once_file(name), name, "homeport once"), interrupts.in_order():
        lifecycle.refuse_up(stack)
        return _run(stack, command)


def _run(stack: Stack, command: Sequence[str]) -> int:
    name, began, code = stack.name, time.time(), 1
    run = lock.Run(stack=name)
    try:
        code = lifecycle.up(stack, yes=True, noted=run)
        if not code and command:
            say(f"==> {' '.join(command)}")
            code = interrupts.run(list(command), env={**os.environ, "STACK": name}).returncode
    except HomeportError as error:
        if not run.changing:
            raise
        say(f"==> {fixes.for_stack(str(error), name)}")
    finally:
        if run.changing:
            _end(stack, began)
    if not run.changing:
        say(f"==> nothing of stack {name} was begun, so nothing is taken down")
    return code


def _end(stack: Stack, began: float) -> None:
    """Takes it down with all that the run has made; what keeps it from that is said with what is to be done now."""
    # Whoever read along may have gone with the command: `| tee log`, a closed terminal.
    interrupts.unread_to_nowhere()
    try:
        _take_down(stack.name)
        _give_back(stack, began)
    except ToolError:
        raise
    except BaseException:
        # A second Ctrl-C, a full disk: what is rented costs money all the same.
        say(f"==> {_costs(stack.name)}")
        raise
    say(f"==> nothing of stack {stack.name} is left")


def _take_down(name: str) -> None:
    """Takes it down, and again where that failed: what a run left, or a cloud that did not answer, the next gets over.

    Raises:
        ToolError: It may still be up.
    """
    for pause in _PAUSES:
        time.sleep(pause)
        try:
            if lifecycle.down(read(name), yes=True) == 0:
                return
        except (HomeportError, OSError) as error:
            say(f"==> {fixes.for_stack(str(error), name)}")
    raise ToolError(_costs(name))


def _costs(name: str) -> str:
    return (
        f"stack {name}: may still be up, and costs money; the reason is above\n"
        f"  fix: {fixes.both('down', name, '--yes')}"
    )


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


def _give_back(stack: Stack, began: float) -> None:
    """Removes what Hetzner has made for this run though no state knows of it; Hetzner is asked itself.

    Raises:
        ToolError: Something older carries the stack's label: nobody here knows whose it is.
    """
    from homeport.cli import hetzner  # noqa: PLC0415  # its client costs a quarter of a second

    api = hetzner.configured(pulumi_cli.prepared(stack).config())
    ours = hetzner.orphans({}, api, stack.name, began)
    for orphan in ours:
        say(f"    removing {orphan.kind} {orphan.name} at Hetzner Cloud, which this run left behind")
    hetzner.remove(ours)
    if left := hetzner.orphans({}, api, stack.name, 0.0):
        named = ", ".join(f"{item.kind} {item.name}" for item in left)
        raise ToolError(
            f"stack {stack.name}: is down, and Hetzner still has {named}, with its label and older than this run\n"
            "  fix: look at it in Hetzner's console, and delete it there if nobody needs it"
        )
