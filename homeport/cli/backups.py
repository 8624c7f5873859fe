"""What keeps backups on a stack's hosts, run there for whoever sits here (apps/host_scripts, docs/backup.md)."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from homeport.cli import look
from homeport.cli.consent import answer
from homeport.cli.phases import say
from homeport.model import fixes, template
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from homeport.cli.pulumi_cli import PulumiCli
    from homeport.cli.stack import Stack
    from homeport.model.host_program import HostCommand

_LOST = 255
"""ssh's own code; no command there ends with it."""
_INTERRUPTED = 130


def run(pulumi: PulumiCli, words: Sequence[str], host: str, *, replaces: bool = False) -> int:
    """Has a host do one work, and shows what it says; the work's own exit code.

    Args:
        pulumi: The stack and its Pulumi.
        words: The work and its arguments, as the host's own command takes them.
        host: Which host; empty: the one that keeps backups.
        replaces: It overwrites what is there, so somebody is asked before.

    Raises:
        ToolError: No host of the stack keeps backups, or not this one, or several do; or it is not reached.
    """
    stack = pulumi.stack
    name, command = _chosen(stack, host, words)
    where = look.ways(pulumi, pulumi.state()).get(name)
    if where is None:
        raise ToolError(f"host {name}: no update has reached it yet\n  fix: {fixes.both('up', stack.name)}")
    question = f"==> {shlex.join(words)} on host {name} of stack {stack.name}: what is there now is lost"
    if replaces and answer(f"{question}. Type yes, anything else changes nothing") != "yes":
        return 1
    try:
        code = look.shown_as_root(where, shell(command, words, stack.name))
    except KeyboardInterrupt:
        say(f"    what has begun on host {name} goes on there; how it ends: {fixes.both('status', stack.name)}")
        return _INTERRUPTED
    if code == _LOST:
        raise ToolError(
            f"host {name}: not reached, or no longer ({where['HOMEPORT_SSH']}); what has begun there goes on\n"
            f"  fix: {fixes.both('status', stack.name)}"
        )
    return code


def shell(command: HostCommand, words: Sequence[str], stack: str) -> str:
    """What root runs there: the command in its folder, as its user, who has a home of its own then."""
    path = shlex.quote(command.path)
    missing = shlex.quote(f"{command.path} is missing on the host\n  fix: {fixes.both('up', stack)}")
    # -- ends runuser's own options, as the command has some.
    argv = ["runuser", "-s", "/bin/sh", "-c", 'exec "$@"', "--", command.user, "sh", command.path, *words]
    folder = shlex.quote(str(PurePosixPath(command.path).parent))
    return f"[ -x {path} ] || {{ echo {missing} >&2; exit 1; }}; cd {folder} && exec {shlex.join(argv)}"


def _chosen(stack: Stack, host: str, words: Sequence[str]) -> tuple[str, HostCommand]:
    there = _keeping(stack)
    if not there:
        raise _nowhere(stack)
    if not host and len(there) == 1:
        return next(iter(there.items()))
    if host in there:
        return host, there[host]
    keep = f"{'hosts' if len(there) > 1 else 'host'} {', '.join(there)}"
    what = f"host {host} keeps no backups; there: {keep}" if host else f"{keep} keep backups, and none is named"
    argv = shlex.join(["bin/homeport", *(words if words[0] == "restore" else ("backup", *words))])
    raise ToolError(f"stack {stack.name}: {what}\n  fix: {argv} --stack {stack.name} --host {next(iter(there))}")


def _keeping(stack: Stack) -> dict[str, HostCommand]:
    """By host the command that keeps its backups."""
    texts = stack.plan.blueprint.texts()
    return {
        name: replace(
            command,
            path=template.fill(command.path, texts, template.NAME),
            user=template.fill(command.user, texts, template.NAME),
        )
        for name, host in sorted(stack.plan.hosts.items())
        for command in (program.backup for program in host.programs)
        if command
    }


def _nowhere(stack: Stack) -> ToolError:
    from catalog.presets import registry  # noqa: PLC0415  # the preset, which only this error asks for

    preset = registry.preset(stack.preset)
    keeping = [program for program in preset.programs if program.backup]
    sections = [program.section for program in keeping if program.section and program.section not in stack.settings]
    if stack.local and keeping:
        why, fix = "its hosts are this machine", "name a stack whose host is behind SSH, as --stack prod"
    elif sections:
        option = preset.groups[sections[0]].options[0][0]
        path = f"{fixes.SETTINGS}.{sections[0]}"
        why, fix = f"{path} does not say where to", f"{fixes.put_command(f'{path}.{option}')}; preview names the rest"
    else:
        why, fix = f"preset {stack.preset} has none, or what it keeps is off", "copy its volumes by hand"
    return ToolError(f"stack {stack.name}: no host of it keeps backups: {why}\n  fix: {fix} (docs/backup.md)")
