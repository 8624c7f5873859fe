"""`up`, `down` and `preview`: everything that has to be there first, then Pulumi's own command."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from homeport.cli import daemon, status
from homeport.cli.clouds import keys, recover_clouds
from homeport.cli.lock import held, remove_dead_lock
from homeport.cli.lockout import refuse_lockout
from homeport.cli.lost import forget_lost
from homeport.cli.output import print_json
from homeport.cli.phases import phase, say, total
from homeport.cli.preflight.look import look, require, show
from homeport.cli.pulumi_cli import STDERR, ensure, module, prepared
from homeport.cli.repair import repair
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from homeport.cli.lock import Run
    from homeport.cli.pulumi_cli import PulumiCli
    from homeport.cli.stack import Stack

_QUIET = ("--suppress-permalink=true", "--suppress-outputs")


def up(stack: Stack, *, yes: bool, json: bool = False) -> int:
    """Brings a stack up, after a killed run too; the exit code.

    With `json`, standard output holds the stack's status as one document, and nothing else.
    """
    with held(stack.name, "make up") as run:
        pulumi = _ready(stack, images=True, json=json)
        flags = _assent(stack, yes=yes)
        before = () if flags else pulumi.last_update()
        code = update(pulumi, run, *flags)
    if code and not flags and pulumi.last_update() == before:
        say("==> nothing was changed: the update was declined, or its preview failed for the reason above")
        return 1
    if code:
        say(
            f"==> pulumi up failed (code {code}); the reason is above. "
            "What was made stays; repair the cause and run `make up` again"
        )
        for line in keys(pulumi):
            say(f"    {line}")
        return 1
    current = status.status(pulumi)
    status.show(current, json=json)
    total(f"up: stack {stack.name}")
    return 0 if current.healthy else 1


def update(pulumi: PulumiCli, run: Run, *flags: str) -> int:
    """Brings a prepared stack up, after a killed run too; Pulumi's exit code."""
    recovered = recover(pulumi, run)
    refuse_lockout(pulumi)
    require(pulumi)
    with phase(f"pulumi up, stack {pulumi.stack.name}"):
        code = pulumi.run("up", *_QUIET, *flags)
    if code and recovered:
        # A provider's last request can outlive the engine that was killed: what it made shows only now.
        with phase("once more, because the last run was killed"):
            time.sleep(2)
            _clear(pulumi, run)
            code = pulumi.run("up", *_QUIET, *flags)
    elif recovered:
        repair(pulumi, killed=True)
    if not code and not pulumi.stack.local:
        # A provider asks again when an answer is lost, and Cloudflare makes a second one without a word.
        recover_clouds(pulumi, run.since)
    return code


def down(stack: Stack, *, yes: bool, json: bool = False) -> int:
    """Removes a stack, and what carries its label; the exit code."""
    with held(stack.name, "make down") as run:
        pulumi = _ready(stack, images=False, json=json)
        recover(pulumi, run)
        flags = _assent(stack, yes=yes)
        before = () if flags else pulumi.last_update()
        with phase(f"pulumi destroy, stack {stack.name}"):
            code = pulumi.run("destroy", *_QUIET, *flags)
        if code and not flags and pulumi.last_update() == before:
            say("==> nothing was removed: it was declined, or its preview failed for the reason above")
            return 1
        if code:
            say(
                f"==> pulumi destroy failed (code {code}); the reason is above. "
                "Repair the cause and run `make down` again"
            )
            return 1
        kept = _leftovers(pulumi)
    if json:
        print_json({"stack": stack.name, "removed": True, "kept": kept})
    total(f"down: stack {stack.name}")
    return 0


def preview(stack: Stack, arguments: list[str]) -> int:
    """Shows what `up` would change; Docker need not be there."""
    pulumi = _pulumi(stack)
    code = pulumi.run("preview", "--suppress-permalink=true", *arguments)
    return 1 if code else 0


def preflight(stack: Stack, *, json: bool, others: bool, yes: bool) -> int:
    """Looks at what `up` would need, and makes nothing; the exit code.

    With `others`, what others made under the stack's names is removed, after asking.
    """
    pulumi = _pulumi(stack)
    report = look(pulumi)
    if others and any(finding.foreign for finding in report.findings):
        from homeport.cli.preflight.take_over import take_over  # noqa: PLC0415  # only who asks for it

        for line in report.lines():
            say(line)
        _agree(stack, yes=yes)
        for line in take_over(report, pulumi.config()):
            say(f"    removed: {line}")
        report = look(pulumi)
    show(report, as_json=json)
    return 1 if report.refused else 0


def _agree(stack: Stack, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise ToolError(f"stack {stack.name}: nobody is here to agree that it is removed\n  fix: add --yes")
    if input("Remove what is named above, so that this stack can have the names? (yes/no) ") != "yes":
        raise ToolError(f"stack {stack.name}: nothing was removed\n  fix: answer yes, or give the routes other names")


def repair_stack(stack: Stack) -> bool:
    """What `up` does after a killed run, alone and on request; whether there was something to repair."""
    with held(stack.name, "make repair") as run:
        _docker(stack)
        pulumi = _pulumi(stack)
        repaired = remove_dead_lock(pulumi)
        repaired = _clear(pulumi, run) or repaired
        run.recovered = True
    say("repaired; now run `make up`" if repaired else "there is nothing to repair")
    return repaired


def _docker(stack: Stack) -> None:
    """This machine's Docker where services run on it; over there the program installs it."""
    if stack.local:
        daemon.ensure(stack.docker)


def _ready(stack: Stack, *, images: bool, json: bool) -> PulumiCli:
    with phase("Docker"):
        _docker(stack)
    pulumi = _pulumi(stack, stack.images() if images and stack.local else [])
    return replace(pulumi, output=STDERR) if json else pulumi


def _pulumi(stack: Stack, images: Sequence[str] = ()) -> PulumiCli:
    what = "Pulumi's engine and plugins" + (", and the images: here already, fetched, or built" if images else "")
    with phase(what):
        ensure(images)
    pulumi = prepared(stack)
    if not pulumi.has_stack:
        module("toolchain.engine", "init-stack", stack.name, quiet=True)
    return pulumi


def recover(pulumi: PulumiCli, run: Run) -> bool:
    """Puts right what a killed run left, before anything new begins; true when there was one."""
    killed = remove_dead_lock(pulumi) or run.killed
    if not pulumi.stack.local:
        recover_clouds(pulumi, run.since)
        forget_lost(pulumi)
    repaired = repair(pulumi, killed=killed)
    run.recovered = True
    return repaired or killed


def _clear(pulumi: PulumiCli, run: Run) -> bool:
    removed = not pulumi.stack.local and recover_clouds(pulumi, run.since)
    return repair(pulumi, killed=True) or removed


def _assent(stack: Stack, *, yes: bool) -> tuple[str, ...]:
    """Dev asks nothing; elsewhere a person at a terminal sees the preview and decides, and a script says --yes."""
    if stack.environment == "dev":
        return ("--yes", "--skip-preview")
    if yes:
        return ("--yes",)
    if not sys.stdin.isatty():
        raise ToolError(f"stack {stack.name}: nobody is here to look at the preview\n  fix: add ARGS=--yes")
    return ()


def _leftovers(pulumi: PulumiCli) -> list[dict[str, str]]:
    """Dev leaves nothing behind; elsewhere what is left is named, and returned."""
    return [kept for where in pulumi.daemons() for kept in _left_on(pulumi.stack, where)]


def _left_on(stack: Stack, where: Mapping[str, str]) -> list[dict[str, str]]:
    left = daemon.objects(stack.name, where)
    volumes = {item.name for item in left if item.kind == "volume"}
    left = [*daemon.carriers(volumes, where), *left]
    if stack.environment != "dev":
        for item in left:
            say(f"    kept: {item.kind} {item.name}")
        return [{"kind": item.kind, "name": item.name} for item in left]
    for item in left:
        say(f"    removing {item.kind} {item.name}, which the state did not know")
        daemon.remove(item, where)
    return []
