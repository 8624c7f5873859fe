"""What a person is told and asked before something is changed, removed or lost."""

from __future__ import annotations

import select
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from homeport.cli import announce, settled
from homeport.cli.phases import counted, phase, say
from homeport.model.errors import ToolError
from homeport.model.fixes import both

if TYPE_CHECKING:
    from collections.abc import Sequence

    from homeport.cli.announce import Announcement, Loss
    from homeport.cli.pulumi_cli import PulumiCli


def somebody() -> bool:
    """Whether a person sits at the other end."""
    return sys.stdin.isatty()


def piped() -> str:
    """The answer that a script has written into the standard input beforehand; empty where nothing waits there."""
    with suppress(OSError, ValueError, TypeError):  # none of a file behind it
        if select.select([sys.stdin], [], [], 0)[0]:
            return sys.stdin.readline().strip()
    return ""


def answer(question: str) -> str:
    """What a person types; nothing where they end the input instead."""
    say(question)
    try:
        return input("> ").strip()
    except EOFError:
        return ""


def announcement(pulumi: PulumiCli, flags: Sequence[str], *, quiet: bool) -> Announcement | None:
    """What an update would do, by Pulumi's own preview; None where that failed, which it has said.

    Args:
        pulumi: The stack and its Pulumi.
        flags: What the update will be told.
        quiet: Pulumi's own list is not shown.
    """
    # Readable by nobody else: Pulumi masks secrets in it, and it still holds all of a stack's settings.
    with tempfile.TemporaryDirectory(prefix="homeport-") as folder:
        log = Path(folder) / "events"
        with phase(f"pulumi preview, stack {pulumi.stack.name}"):
            code = pulumi.run("preview", "--suppress-permalink=true", *flags, events=log, quiet=quiet)
        steps = announce.steps(log)
    if code:
        return None
    seconds = settled.read(pulumi.stack.name).seconds
    plan = pulumi.stack.plan
    keys = frozenset(name for name, spec in plan.secrets.items() if spec.encrypts)
    doors = {str(item["address"]): str(item["service"]) for item in pulumi.outputs().get("doors") or []}
    return announce.Announcer(blueprint=plan.blueprint, doors=doors, keys=keys, seconds=seconds).announce(steps)


def tell(told: Announcement) -> None:
    """One sentence a change; one in all where nothing changes."""
    if told.sentences:
        say("==> what changes")
    elif told.changes:
        be = "is" if told.changes == 1 else "are"
        say(f"==> nothing that runs changes; {counted(told.changes, 'part')} of it {be} brought up to date")
    else:
        say("==> nothing changes")
    for sentence in told.sentences:
        say(f"    {sentence}")


def agreed(pulumi: PulumiCli, told: Announcement, *, yes: bool, give_up: Sequence[str]) -> bool:
    """Whether an update may begin: dev asks nothing, elsewhere a person says yes; a loss is named by whoever agrees.

    Raises:
        ToolError: Data or a key would be lost, and nobody is here to agree.
    """
    stack = pulumi.stack
    losses = [loss for loss in told.losses if loss.name not in give_up]
    if losses and not _given_up(losses, stack.name):
        return False
    if losses or yes or stack.environment == "dev" or not told.changes:
        return True
    return answer(f"==> update stack {stack.name}? Type yes, anything else changes nothing") == "yes"


def _given_up(losses: Sequence[Loss], stack: str) -> bool:
    say("==> this would be LOST for good:")
    for loss in losses:
        say(f"    {loss.what}")
    names = " ".join(loss.name for loss in losses)
    if not somebody():
        flags = " ".join(f"--give-up {loss.name}" for loss in losses)
        raise ToolError(
            f"stack {stack}: {names} would be lost for good; nothing was changed\n"
            f"  fix: take the change back, or, after a backup: {both('up', stack, flags)}"
        )
    return answer(f"==> to give up, type: {names}") == names
