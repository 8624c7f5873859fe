"""What `up` and `down` call, without an engine, Docker or clouds: what is asked of Pulumi is noted."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

from homeport.cli import lifecycle
from homeport.cli.announce import Announcement
from homeport.cli.drift import Drift
from homeport.cli.pulumi_cli import PulumiCli
from homeport.cli.status import Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

STATUS = Status(stack="prod", preset="ai-orchestrator", environment="prod", services=(), skipped=(), next_steps=())


def played(**more: Any) -> SimpleNamespace:
    """What they tell and note: `code` is how Pulumi's command ends, `flags` what it was told each time.

    Pulumi `begins` once it has its lock.
    """
    result = {"code": 0, "flags": [], "outputs": [], "asked": [], "drift": Drift(), "resources": [], "services": ()}
    result["begins"] = True
    return SimpleNamespace(announced=Announcement(sentences=("n8n: replaced",), changes=1), **{**result, **more})


def stand_in(patch: Callable[[object, str, object], None], result: SimpleNamespace) -> None:
    """Puts stand-ins in the place of all that `lifecycle` calls.

    Args:
        patch: As ``setattr``.
        result: What they tell, and note.
    """
    patch(lifecycle, "recover", lambda *_: False)
    patch(lifecycle, "refuse_lockout", lambda _: None)
    patch(lifecycle, "refuse_end_by_inner_network", lambda _: None)
    patch(lifecycle, "require", lambda _: None)
    patch(lifecycle.hosts, "before_update", lambda *_, **__: None)
    patch(lifecycle, "recover_clouds", lambda *_: False)
    patch(lifecycle, "left_at_hetzner", lambda _: [])
    patch(lifecycle, "look", lambda *_: result.drift)
    patch(lifecycle, "check_ahead", lambda *_: None)
    patch(lifecycle, "announcement", lambda *_, **__: result.announced)
    patch(lifecycle, "_settle", lambda *_: None)
    patch(lifecycle.status, "status", lambda _: replace(STATUS, services=result.services))
    patch(lifecycle, "keys", lambda _: [])
    patch(lifecycle, "_leftovers", lambda _: [{"kind": "volume", "name": "pg"}])

    def run(self, *argv, events=None, **_):
        if events and result.begins:
            events.touch()
        result.flags.append(argv)
        result.outputs.append(self.output)
        return result.code

    def ask(_, *argv, input_=None, **__):
        result.asked.append((*argv, *([json.loads(input_)] if input_ else [])))
        return json.dumps({"deployment": {"resources": result.resources}})

    patch(PulumiCli, "run", run)
    patch(PulumiCli, "run_without", lambda self, _, *argv: run(self, *argv))
    patch(PulumiCli, "ask", ask)
    patch(PulumiCli, "state", lambda _: {"resources": result.resources})
    patch(PulumiCli, "daemons", lambda _: [])
    patch(lifecycle, "_pulumi", lambda stack: PulumiCli(stack=stack, environ={}))
    patch(
        lifecycle,
        "_ready",
        lambda stack, *_, json, **__: PulumiCli(stack=stack, environ={}, output=lifecycle.STDERR if json else None),
    )
