"""How many calls an update makes of both clouds, from its first look to the last one after it.

Hetzner allows 3,600 an hour, Cloudflare 1,200 in five minutes (docs/rehearsal.md, "Calls").
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from homeport.cli import lifecycle
from homeport.cli.clouds import recover_clouds
from homeport.cli.lock import Run
from homeport.cli.preflight import look
from homeport.cli.stack import Stack as OfFile
from tests.support.faults.stack import Stack

pytestmark = pytest.mark.world
MOST = {"hetzner": 100, "cloudflare": 100}
"""Declared for a host that is rented, with its tunnel, Access and a name."""
AS_LONG_AS_A_SERVER_TAKES = 10.0
"""Seconds; meanwhile its provider asks every second whether it is there."""
CELLS = {"hetzner": ["zq001"], "cloudflare": ["zq501"]}


@pytest.fixture
def stack(tmp_path):
    made = Stack(tmp_path, CELLS)
    made.hetzner.service.project.seconds = AS_LONG_AS_A_SERVER_TAKES
    account, zone = made.places["zq501"]
    made.settings.cloudflare = SimpleNamespace(account_id=account, zone_id=zone)
    yield made
    made.stop()


def updated(stack, looked):
    """The calls of each cloud for all that `up` asks, and of them those of Pulumi's providers."""
    journals = {"hetzner": stack.hetzner.service.journal, "cloudflare": stack.cloudflare.emulator.service.journal}
    for journal in journals.values():
        journal.clear()
    lifecycle.recover(stack.engine, Run(stack="t"))
    found = look.look(looked)
    before = {cloud: len(journal.rows()) for cloud, journal in journals.items()}
    done = stack.run("create")
    assert done.returncode == 0, done.stdout + done.stderr
    providers = {cloud: len(journal.rows()) - before[cloud] for cloud, journal in journals.items()}
    recover_clouds(stack.engine, 0.0)
    assert {"Hetzner token", "Cloudflare token"} <= {one.check for one in found.findings}, "both were looked at"
    return {cloud: len(journal.rows()) for cloud, journal in journals.items()}, providers


@pytest.mark.req("E-09")
def test_an_update_stays_far_below_what_the_clouds_allow(stack):
    (account, zone), domain = stack.places["zq501"], "zq501.example.com"
    settings = {
        "environment": "prod",
        "domain": domain,
        "exposure": "tunnel",
        "hosts": {"main": {"mode": "create", "server_type": "cx23", "location": "fsn1"}},
        "cloudflare": {"account_id": account, "zone_id": zone, "zone": domain, "team": "team-zq501"},
        "access": {"emails": ["admin@example.com"]},
    }
    config = stack.engine.config()
    looked = SimpleNamespace(
        stack=OfFile(name="t", preset="jett", settings=settings), config=lambda: config, state=stack.engine.state
    )
    first, made = updated(stack, looked)
    second, remade = updated(stack, looked)
    print({"first": first, "of it Pulumi's providers": made, "second": second, "of it theirs": remade})

    assert first["hetzner"] > AS_LONG_AS_A_SERVER_TAKES, "the calls were counted"
    for calls in (first, second):
        assert all(calls[cloud] <= most for cloud, most in MOST.items()), f"declared: {MOST}, made: {calls}"
    assert {"hetzner": 0, "cloudflare": 0} == remade, "a second update makes nothing, and asks nothing to find that out"
