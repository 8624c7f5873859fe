"""Smoke tests as they follow from a blueprint: every example of every preset, from inside and from outside."""

from __future__ import annotations

import json

import pytest

from homeport.cli import example
from homeport.plan.smoke import checks
from homeport.settings.smoke import SmokeTest
from tests.support.checkout import ROOT

EXAMPLES = json.loads((ROOT / "tests/cases/examples/supplied.json").read_text())


@pytest.mark.req("FP-20", "S5-89", "S5-90")
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_route_of_every_preset_is_asked_and_what_is_for_members_refuses_strangers(name):
    blueprint = example.example(name).plan.blueprint
    inside = {check.name: check for check in checks(blueprint, {}, inside=True)}
    outside = {check.name: check for check in checks(blueprint, {}, inside=False)}

    assert inside.keys() == outside.keys(), "both look at the same"
    for route in blueprint.routes:
        asked = [check for check in outside.values() if check.name.startswith(f"{route.name} /")]
        assert len(route.guards) <= len(asked), f"{route.name}: each of its guards is met"
        assert all(check.url.startswith(blueprint.origin(route)) for check in asked)
        for guard, check in zip(route.guards[::-1], asked[::-1], strict=False):
            if guard.kind == "members":
                assert (403,) == check.statuses and check.silence, "a stranger gets 403 or nothing"
                member = inside[check.name]
                assert 200 in member.statuses and 403 not in member.statuses and not member.silence
            if guard.kind in {"api-key", "basic"}:
                assert (401,) == check.statuses, "without a key nobody comes in"
    ports = [check for check in outside.values() if check.url.startswith("tcp:")]
    assert all(not check.statuses and check.silence for check in ports), "ports in the VPN are silent outside"
    assert all(not inside[check.name].silence for check in ports), "and answer inside"


@pytest.mark.req("FP-20")
def test_ones_own_are_added_and_those_for_members_are_asked_from_inside_alone():
    blueprint = example.example("ai-orchestrator/prod").plan.blueprint
    own = {
        "shop": SmokeTest(url="https://shop.example.com/health", contains="ok"),
        "wiki": SmokeTest(url="https://wiki.example.com", inside=True, status=302),
    }
    names = {where: [check.name for check in checks(blueprint, own, inside=where)] for where in (True, False)}
    assert ["shop", "wiki"] == names[True][-2:] and "wiki" not in names[False]
    shop = next(check for check in checks(blueprint, own, inside=False) if check.name == "shop")
    assert ((200,), "ok", False) == (shop.statuses, shop.contains, shop.silence)


@pytest.mark.req("P-24", "FP-20")
def test_a_login_is_asked_for_where_a_tunnel_leads_by_access_and_by_nobody_on_this_machine():
    there, here = (
        {check.name: check for check in checks(example.example(name).plan.blueprint, {}, inside=True)}
        for name in ("jett/prod", "jett/dev")
    )

    assert ((302, 401, 403), ".cloudflareaccess.com") == (there["n8n /homeport-smoke"].statuses, there["jett /"].login)
    assert 200 in here["n8n /homeport-smoke"].statuses and not here["n8n /homeport-smoke"].login
    assert not here["n8n /homeport-smoke"].silence and here["jett /"].silence, "the other machine is not the stack's"
