"""The Caddyfile, case by case; adding a case needs no Python."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from homeport.model.blueprint import Blueprint, Edge
from homeport.model.route import Guard, Route
from homeport.render.caddy import caddyfile, snippets

CASES = sorted((Path(__file__).parents[2] / "cases" / "caddy").glob("*.json"))


def _blueprint(case):
    routes = tuple(
        Route(
            **{
                **route,
                "guards": tuple(
                    Guard(**{**guard, "paths": tuple(guard.get("paths", ()))}) for guard in route["guards"]
                ),
            }
        )
        for route in case["routes"]
    )
    return Blueprint(
        preset="case",
        environment="dev",
        services=(),
        networks=(),
        routes=routes,
        edge=Edge(**case["edge"]),
        domain=case["domain"],
        hostnames=case.get("hostnames", {}),
    )


@pytest.mark.req("CA-05")
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_caddyfile(path):
    case = json.loads(path.read_text())
    blueprint = _blueprint(case)
    text = caddyfile(blueprint)

    assert [] == [want for want in case["has"] if want not in text], f"{case['because']}\n{text}"
    assert [] == [never for never in case.get("lacks", []) if never in text], f"{case['because']}\n{text}"
    assert case.get("snippets", {}) == snippets(blueprint.routes), case["because"]


def test_there_are_cases():
    assert len(CASES) >= 5, "an empty folder would pass for ever"


def test_the_order_of_routes_changes_nothing():
    case = json.loads((CASES[0].parent / "two-routes.json").read_text())
    turned = {**case, "routes": list(reversed(case["routes"]))}

    assert caddyfile(_blueprint(case)) == caddyfile(_blueprint(turned)), "order never carries meaning between routes"
