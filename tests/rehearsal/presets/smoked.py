"""`homeport smoke` on a rehearsed mesh: by a stranger and by a member, while all runs and while one service does not.

The command is the operator's own, with its checks, its verification of certificates, its report and its exit code. Its
connections alone are made elsewhere, for no name of the world leads anywhere from this machine.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from homeport.cli import smoke
from tests.support.dialled import dialled
from tests.support.waits import until

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Any

    from tests.support.production import Rehearsed

    Dial = Callable[[str, int, Any], socket.socket]

HOST, MEMBER = "ai", "workstation"
SERVICE, CHECK = "qdrant", "qdrant /readyz"
_LEADS = "import json, socket, sys; print(json.dumps({name: socket.gethostbyname(name) for name in sys.argv[1:]}))"


def smoke_says_what_is_down(rehearsed: Rehearsed) -> None:
    """All is well from both sides; a container that is stopped is named, and well again once it is started."""
    blueprint = rehearsed.engine.stack.plan.blueprint
    with rehearsed.seen(HOST) as view:
        leads = json.loads(view.run("python3", "-c", _LEADS, *map(blueprint.host, blueprint.routes)))
        stranger, member = dialled(view.peer.prefix, leads), dialled(view.machines[MEMBER][0])
        container = view.containers()[SERVICE]["Id"]

        # What the claims on outages have just had restarted may still be starting.
        until(lambda: well(rehearsed, stranger, inside=False), "all is well, by who is no member")
        until(lambda: well(rehearsed, member, inside=True), "all is well, by a member")
        view.run("docker", "stop", "--time", "1", container)
        code, wrong = smoked(rehearsed, member, inside=True)
        view.run("docker", "start", container)

        assert (1, [CHECK]) == (code, [*wrong]), wrong
        until(lambda: well(rehearsed, member, inside=True), f"{SERVICE} is well again")


def well(rehearsed: Rehearsed, dial: Dial, *, inside: bool) -> bool:
    """Whether nothing is wrong; what is, is told."""
    found = smoked(rehearsed, dial, inside=inside)
    assert (0, {}) == found, found
    return True


def smoked(rehearsed: Rehearsed, dial: Dial, *, inside: bool) -> tuple[int, dict[str, str]]:
    """The command's exit code, and what its report says is wrong, with each one's answer; every route was asked."""
    stack, folder = rehearsed.engine.stack, rehearsed.asked.folder
    authority, report = folder / "authority.pem", folder / "smoke.json"
    authority.write_text(rehearsed.world["ovh"]["authority"]["roots"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(smoke, "connected", dial)
        code = smoke.smoke(stack, inside=inside, authority=authority, json=False, report=report)
    rows = json.loads(report.read_text())["checks"]
    assert {route.name for route in stack.plan.blueprint.routes} == {row["name"].partition(" ")[0] for row in rows}
    return code, {row["name"]: row["answer"] for row in rows if not row["ok"]}
