"""What a refusal suggests is valid, and opens no more than what is there."""

from __future__ import annotations

import json
from datetime import date

import pytest

from catalog.presets.registry import declared
from homeport.model.errors import ProblemsError
from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration
from homeport.settings.schema import PRESETS
from tests.support.fixes import applied, commands

pytestmark = pytest.mark.req("NW-18")
OPEN = ("local", "vpn", "tunnel", "direct")
"""From the least open on."""
ADOPTED = {
    "mode": "adopt",
    "address": "198.51.100.7",
    "host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGVbmlF3HyDJtv5SpvDLyucYVNW6FunhMNWg25eAWqZ1",
}
HOSTS = {"hosts": {"main": ADOPTED}}
LOCAL = {"hosts": {"main": {"mode": "local"}}}


def problems(stack, preset, settings):
    values = {"homeport:preset": preset, "homeport:settings": json.dumps(settings)}
    try:
        resolve(Configuration(stack, values), today=date(2026, 11, 29), sealed=True)
    except ProblemsError as refused:
        return {problem.path: problem for problem in refused.problems}
    return {}


@pytest.mark.parametrize(
    ("stack", "preset", "settings", "path"),
    [
        ("dev", "ai-orchestrator", {**LOCAL, "exposure": "direkt"}, "exposure"),
        ("dev", "jett", {"exposure": 7}, "exposure"),
        ("prod", "ai-orchestrator", {**HOSTS, "exposure": "tunel"}, "exposure"),
        ("prod", "ai-orchestrator", {**HOSTS, "exposure": "drect"}, "exposure"),
        ("prod", "jett", {**HOSTS, "exposure": "direct"}, "exposure"),
        ("prod", "jett", {**HOSTS, "exposure": "vnp"}, "exposure"),
        ("dev", "ai-orchestrator", {"rotate": "redis-password"}, "rotate"),
        ("dev", "ai-orchestrator", {"rotate": {"redis-password": "2"}}, "rotate.redis-password"),
        ("dev", "ai-orchestrator", {"rotate": {"redis-pasword": 2}}, "rotate.redis-pasword"),
        ("dev", "ai-orchestrator", {"environment": "develop"}, "environment"),
        ("prod", "ai-orchestrator", {**HOSTS, "ssh": {"reach": "vnp"}}, "ssh.reach"),
        ("prod", "jett", {**HOSTS, "exposure": "vpn", "ssh": {"reach": "vnp"}}, "ssh.reach"),
        ("prod", "ai-orchestrator", {**HOSTS, "access": {"login": "gogle"}}, "access.login"),
        ("prod", "ai-orchestrator", {"hosts": {"main": {**ADOPTED, "mode": "adpot"}}}, "hosts.main.mode"),
        ("prod", "ai-orchestrator", {**HOSTS, "edge": {"https_port": "443"}}, "edge.https_port"),
        ("prod", "ai-orchestrator", {**HOSTS, "edge": {"http_port": 8080, "https_port": 8443}}, "edge.https_port"),
        ("dev", "ai-orchestrator", {"services": {"ai-redis": {"port": 6379}}}, "services.ai-redis.port"),
        ("prod", "ai-orchestrator", {"hosts": {"main": {**ADOPTED, "roles": ["ai"]}}}, "hosts"),
        ("prod", "jett", {**HOSTS, "exposure": "vpn", "options": {"handler-url": "x"}}, "options.handler-url"),
        ("prod", "jett", {**HOSTS, "exposure": "vpn", "options": {"qdrant-size": "70000"}}, "options.qdrant-size"),
    ],
)
def test_what_is_suggested_is_taken_and_opens_no_more(stack, preset, settings, path):
    where = f"homeport:settings.{path}"
    found = problems(stack, preset, settings)
    assert where in found, found
    mended = applied(settings, found[where].fix)
    assert mended is not None, f"nothing is left to fill in: {found[where].fix}"

    after = problems(stack, preset, mended)
    assert where not in after, after
    assert set(after) <= set(found), f"nothing else is wrong then: {after}"
    if path == "exposure":
        usual = "local" if stack == "dev" else "tunnel" if preset == "jett" else "direct"
        assert OPEN.index(mended["exposure"]) <= OPEN.index(usual), "no more is open than without the setting"


@pytest.mark.parametrize("value", ["", "ai-orchestratr", "vpia", "vps-infrastructur"])
def test_only_presets_that_are_there_are_suggested(value):
    [problem] = [one for path, one in problems("dev", value, {}).items() if path == "homeport:preset"]
    [command] = commands(problem.fix)

    assert "homeport:preset" == command[4] and command[5] in declared().presets
    assert {*PRESETS} == {*declared().presets}, "whatever name is valid is a preset that is there"
