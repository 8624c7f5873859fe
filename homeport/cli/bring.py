"""`up`, `down` and `preview`: everything that has to be there first, then Pulumi's own command."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from homeport.cli import daemon, engine, status
from homeport.cli.clouds import keys, mend_clouds
from homeport.cli.lock import free_dead_lock, held
from homeport.cli.lockout import refuse_lockout
from homeport.cli.lost import forget_lost
from homeport.cli.phases import phase, say, total
from homeport.cli.repair import repair
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from homeport.cli.engine import Engine
    from homeport.cli.lock import Run
    from homeport.cli.stack import Stack

_QUIET = ("--suppress-permalink=true", "--suppress-outputs")


def up(stack: Stack, *, yes: bool) -> int:
    """Brings a stack up, after a killed run too; the exit code."""
    with held(stack.name, "make up") as run:
        ready = _ready(stack, images=True)
        code = updated(ready, run, *_assent(stack, yes=yes))
    if code:
        say(
            f"==> pulumi up failed (code {code}); the reason is above. What was made stays; mend it and run `make up` again"
        )
        for line in keys(ready):
            say(f"    {line}")
        return 1
    healthy = status.show(ready)
    total(f"up: stack {stack.name}")
    return 0 if healthy else 1


def updated(ready: Engine, run: Run, *flags: str) -> int:
    """Brings a prepared stack up, after a killed run too; Pulumi's exit code."""
    mended = put_right(ready, run)
    refuse_lockout(ready)
    with phase(f"pulumi up, stack {ready.stack.name}"):
        code = ready.run("up", *_QUIET, *flags)
    if code and mended:
        # A provider's last request can outlive the engine that was killed: what it made shows only now.
        with phase("once more, because the last run was killed"):
            time.sleep(2)
            _clear(ready, run)
            code = ready.run("up", *_QUIET, *flags)
    elif mended:
        repair(ready, killed=True)
    if not code and not ready.stack.local:
        # A provider asks again when an answer is lost, and Cloudflare makes a second one without a word.
        mend_clouds(ready, run.since)
    return code


def down(stack: Stack, *, yes: bool) -> int:
    """Removes a stack, and what carries its label; the exit code."""
    with held(stack.name, "make down") as run:
        ready = _ready(stack, images=False)
        put_right(ready, run)
        with phase(f"pulumi destroy, stack {stack.name}"):
            code = ready.run("destroy", *_QUIET, *_assent(stack, yes=yes))
        if code:
            say(f"==> pulumi destroy failed (code {code}); the reason is above. Mend it and run `make down` again")
            return 1
        _leftovers(ready)
    total(f"down: stack {stack.name}")
    return 0


def preview(stack: Stack, arguments: list[str]) -> int:
    """Shows what `up` would change; Docker need not be there."""
    ready = _engine(stack)
    code = ready.run("preview", "--suppress-permalink=true", *arguments)
    return 1 if code else 0


def mend(stack: Stack) -> int:
    """What `up` does after a killed run, alone and on request."""
    with held(stack.name, "make repair") as run:
        _daemon(stack)
        ready = _engine(stack)
        did = free_dead_lock(ready)
        did = _clear(ready, run) or did
        run.recovered = True
    say("repaired; now run `make up`" if did else "there is nothing to repair")
    return 0


def _daemon(stack: Stack) -> None:
    """This machine's Docker where services run on it; over there it is the program that has it."""
    if stack.local:
        daemon.ensure({"DOCKER_HOST": stack.docker_host} if stack.docker_host else {})


def _ready(stack: Stack, *, images: bool) -> Engine:
    with phase("Docker"):
        _daemon(stack)
    return _engine(stack, stack.images() if images and stack.local else [])


def _engine(stack: Stack, images: Sequence[str] = ()) -> Engine:
    what = "Pulumi's engine and plugins" + (", and the images: here already, fetched, or built" if images else "")
    with phase(what):
        engine.ensure(images)
    found = engine.prepared(stack)
    if not found.has_stack:
        engine.module("toolchain.engine", "init-stack", stack.name, quiet=True)
    return found


def put_right(ready: Engine, run: Run) -> bool:
    """What a killed run left is put right before anything new begins; true when there was one."""
    killed = free_dead_lock(ready) or run.killed
    if not ready.stack.local:
        mend_clouds(ready, run.since)
        forget_lost(ready)
    did = repair(ready, killed=killed)
    run.recovered = True
    return did or killed


def _clear(ready: Engine, run: Run) -> bool:
    did = not ready.stack.local and mend_clouds(ready, run.since)
    return repair(ready, killed=True) or did


def _assent(stack: Stack, *, yes: bool) -> tuple[str, ...]:
    """Dev asks nothing; elsewhere a person at a terminal sees the preview and decides, and a script says --yes."""
    if stack.environment == "dev":
        return ("--yes", "--skip-preview")
    if yes:
        return ("--yes",)
    if not sys.stdin.isatty():
        raise ToolError(f"stack {stack.name}: nobody is here to look at the preview\n  mend it: add ARGS=--yes")
    return ()


def _leftovers(ready: Engine) -> None:
    """Dev leaves nothing behind; elsewhere what is left is named."""
    for where in ready.daemons():
        _left(ready.stack, where)


def _left(stack: Stack, where: Mapping[str, str]) -> None:
    left = daemon.objects(stack.name, where)
    volumes = {one.name for one in left if one.kind == "volume"}
    left = [*daemon.carriers(volumes, where), *left]
    if stack.environment != "dev":
        for one in left:
            say(f"    kept: {one.kind} {one.name}")
        return
    for one in left:
        say(f"    removing {one.kind} {one.name}, which the state did not know")
        daemon.remove(one, where)
