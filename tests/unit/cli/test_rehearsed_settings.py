"""What of a user's settings is rehearsed, and what is moved to emulated clouds."""

from __future__ import annotations

import json
import secrets
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from homeport.cli import rehearse
from homeport.cli.stack import Stack
from homeport.model.errors import ToolError
from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration

EMULATED = {"account_id": "e" * 32, "zone_id": "f" * 32, "team": "rehearsal"}
OWN = {"account_id": "a" * 32, "zone_id": "b" * 32, "team": "mine"}


@pytest.fixture
def rehearsed(monkeypatch):
    def run(preset, settings):
        monkeypatch.setattr(rehearse, "read_stack", lambda name: Stack(name=name, preset=preset, settings=settings))
        return rehearse.settings(rehearse.Rehearsal(preset=preset, environment="prod"), EMULATED)

    return run


def test_servers_are_rented_and_keep_what_the_user_says_of_them(rehearsed):
    hosts = {"main": {"mode": "adopt", "address": "192.0.2.10"}, "data": {"mode": "create", "server_type": "cx23"}}
    found = rehearsed("jett", {"hosts": hosts, "domain": "example.org"})

    assert {"main": "cx33", "data": "cx23"} == {name: one["server_type"] for name, one in found["hosts"].items()}
    assert {"create"} == {host["mode"] for host in found["hosts"].values()}, "no machine of the user's is touched"
    assert "192.0.2.10" not in str(found)
    assert "example.org" == found["domain"], "the emulated zone bears the user's name"


@pytest.mark.parametrize("exposure", ["tunnel", "direct"])
def test_the_users_zone_is_the_emulated_one(rehearsed, exposure):
    found = rehearsed("ai-orchestrator", {"exposure": exposure, "cloudflare": OWN})

    assert EMULATED == found["cloudflare"], "nothing of the user's account is asked for"


def test_names_at_another_provider_stay_there(rehearsed):
    assert "cloudflare" not in rehearsed("ai-orchestrator", {"exposure": "direct"})


def test_a_preset_without_a_stack_of_its_own_is_rehearsed_with_what_it_brings(monkeypatch):
    def nothing(name):
        raise ToolError(f"there is no stack {name}")

    monkeypatch.setattr(rehearse, "read_stack", nothing)
    found = rehearse.settings(rehearse.Rehearsal(preset="jett", environment="prod"), EMULATED)

    assert ("prod", "example.com", EMULATED) == (found["environment"], found["domain"], found["cloudflare"])
    assert found["access"]["emails"], "somebody may come in"


def test_a_transcript_types_what_a_user_types_and_lets_no_image_float(monkeypatch):
    asked, taken = [], []
    ready = SimpleNamespace(ask=lambda *argv: asked.append(argv))
    monkeypatch.setattr(rehearse, "held", lambda *_: nullcontext(SimpleNamespace(recovered=False)))
    monkeypatch.setattr(rehearse, "_booted", lambda _: {})
    monkeypatch.setattr(rehearse, "prepared", lambda *_: ready)
    monkeypatch.setattr(rehearse.transcript, "take", lambda *what: taken.append(what) or 0)

    assert 0 == rehearse.transcribe(rehearse.Rehearsal(preset="jett", environment="prod"), "page.md")
    assert [(ready, "jett", "page.md")] == taken, "the commands are typed on the rehearsed stack"
    assert [] == asked, "that its images were built here is known by its clouds: no waiver is needed, so none is shown"


@pytest.mark.req("S4-04")
def test_a_rehearsed_stack_is_not_destroyed_under_containers_of_others(monkeypatch):
    def refused(_):
        raise ToolError("containers of others are on its network")

    monkeypatch.setattr(rehearse, "held", lambda *_: nullcontext(SimpleNamespace()))
    monkeypatch.setattr(rehearse.pulumi_cli, "ensure", lambda *_: None)
    monkeypatch.setattr(rehearse, "_world", lambda *_: {})
    monkeypatch.setattr(rehearse, "prepared", lambda *_: SimpleNamespace())
    monkeypatch.setattr(rehearse, "refuse_guests", refused)

    with pytest.raises(ToolError, match="containers of others"):
        rehearse.destroy(rehearse.Rehearsal(preset="shared-infrastructure", environment="prod"))


WORLD = {name: {"token": secrets.token_urlsafe(48)} for name in ("hcloud", "cloudflare")}


def test_secrets_that_only_others_could_give_are_invented_and_the_clouds_tokens_are_the_worlds(rehearsed):
    app = {"image": "app:1", "port": 80, "secrets": {"API_TOKEN": {"kind": "token"}, "SEED": {"kind": "hex64"}}}
    settings = rehearsed("jett", {"access": {"login": "google"}, "apps": {"notes": app}})
    stack = Stack(name="rehearse-jett-prod", preset="jett", settings=settings)
    found = rehearse.supplied(stack, WORLD)

    assert {"hcloud-token", "cloudflare-api-token", "google-client-secret", "notes-api-token"} == found.keys(), (
        "those that homeport makes it makes here too"
    )
    assert WORLD == {
        name: {"token": found[f"{name}{kind}"]} for name, kind in (("hcloud", "-token"), ("cloudflare", "-api-token"))
    }
    values = {"homeport:preset": "jett", "homeport:settings": json.dumps(settings), "hcloud:endpoint": "http://[::1]:1"}
    held = {f"homeport:{name}": value for name, value in found.items()}
    assert resolve(Configuration(stack.name, values | held, frozenset(held))), "and the program takes them"
