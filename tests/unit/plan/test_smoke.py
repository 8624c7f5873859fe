"""Smoke tests as they follow from a blueprint: every example of every preset, from inside and from outside."""

from __future__ import annotations

import json
from dataclasses import replace

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
                assert not route.probe or (f"{blueprint.origin(route)}{route.probe}", (200,)) == (
                    member.url,
                    member.statuses,
                ), "who is let in is told that it works"
            if guard.kind in {"api-key", "basic"}:
                assert (401,) == check.statuses, "without a key nobody comes in"
    ports = [check for check in outside.values() if check.url.startswith("tcp:")]
    assert all(not check.statuses and check.silence for check in ports), "ports in the VPN are silent outside"
    assert all(not inside[check.name].silence for check in ports), "and answer inside"


@pytest.mark.req("S5-89", "S5-90")
def test_from_inside_every_page_of_vpai_must_answer_200_where_its_health_is_asked():
    inside, outside = (
        {check.name: check for check in checks(example.example("vpai/prod").plan.blueprint, {}, inside=where)}
        for where in (True, False)
    )
    alike = [name for name, check in inside.items() if check.statuses != (200,) and "homeport-smoke" not in name]

    assert ["uptime /"] == alike, "it watches the others, and has no such address"
    assert {
        *("n8n /healthz", "litellm /health/liveliness", "openclaw /healthz", "nocodb /api/v1/health", "sure /up"),
        *("qdrant /readyz", "grafana /api/health", "zerobyte /api/healthcheck"),
    } == {name for name, check in outside.items() if check.statuses == (403,)} - {"uptime /"}
    assert {"couchdb /_up", "headscale /health"} == {
        name for name, check in outside.items() if check.statuses == (200,)
    }
    assert not {502, 503, 504} & {*inside["uptime /"].statuses}, "a proxy that finds nobody is no answer"


@pytest.mark.req("FP-20")
def test_what_a_key_opens_is_asked_without_one_and_not_for_its_health():
    blueprint = example.example("ai-orchestrator/prod").plan.blueprint
    probed = replace(blueprint, routes=tuple(replace(route, probe="/healthz") for route in blueprint.routes))

    assert checks(blueprint, {}, inside=True) == checks(probed, {}, inside=True), "a refusal is what is expected there"


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
