"""What a failed run left in the clouds is known by Pulumi's own history, and by the errors that the state keeps."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from homeport.cli import clouds, hetzner
from homeport.model.errors import ToolError


class Pulumi:
    """An engine that answers from what it was given, and remembers what it was asked."""

    def __init__(self, history=(), resources=(), config=()):
        self.stack = SimpleNamespace(name="prod", plan=SimpleNamespace(settings=SimpleNamespace(cloudflare=None)))
        self.state_folder, self.running = Path("here"), False
        self.deployment, self._history, self._config = {"resources": list(resources)}, list(history), dict(config)
        self.asked = []

    def state(self):
        return self.deployment

    def config(self):
        return self._config

    def history(self, size):
        return self._history[:size]

    def refuse_running(self):
        if self.running:
            raise ToolError("the stack is currently locked by 1 lock(s)")

    def rewrite(self, change):
        self.deployment["resources"] = change(self.deployment["resources"])

    def ask(self, *words, input_=None):
        self.asked.append(words)
        if words[:2] == ("stack", "import"):
            self.deployment = json.loads(input_)["deployment"]
        return json.dumps({"deployment": self.deployment})


def update(kind, result, hour):
    day = "2026-11-21T"
    return {
        "kind": kind,
        "result": result,
        "startTime": f"{day}{hour:02}:00:00.000Z",
        "endTime": f"{day}{hour:02}:30:00.000Z",
    }


def test_the_time_of_the_failed_runs_reaches_from_the_first_of_them_to_the_end_of_the_last():
    runs = [
        update("refresh", "succeeded", 9),
        update("update", "failed", 8),
        update("update", "failed", 6),
        update("update", "succeeded", 5),
        update("update", "failed", 4),
    ]

    since, until = clouds.failed(Pulumi(runs))

    assert 2.5 * 3600 == until - since, (
        "from six to half past eight: the refresh makes nothing, and what was before five is settled"
    )


def test_after_a_success_nothing_is_looked_for_at_hetzner():
    assert (0.0, 0.0) == clouds.failed(Pulumi([update("update", "succeeded", 5)])), "the last update went well"


@pytest.mark.req("E-02")
def test_what_an_update_left_half_changed_is_read_anew():
    whole = {"urn": "a", "type": "hcloud:index/server:Server", "id": "1"}
    half = {"urn": "b", "type": "hcloud:index/firewall:Firewall", "id": "2", "initErrors": ["no"]}
    server = {**whole, "urn": "c", "initErrors": ["no"]}
    pulumi = Pulumi(resources=[whole, half, server])

    assert clouds.recover_clouds(pulumi, 0.0), "there was something to do"
    targets = [word for words in pulumi.asked if words[0] == "refresh" for word in words if word.startswith("--target")]
    assert ["--target=b"] == targets, "the firewall alone: its state holds rules that it does not have"


def test_a_refused_token_is_named_by_its_key():
    [line] = clouds.keys(Pulumi(config={"homeport:hcloud-token": "x"}))

    assert "bin/homeport pulumi config set --stack prod --secret homeport:hcloud-token" in line, line
    assert "Cloudflare" not in line, "this stack has none"


@pytest.mark.parametrize(("pending", "asked"), [((), []), ([{"type": "creating"}], ["prod-main"])])
def test_what_was_under_way_on_another_machine_is_looked_for_though_no_run_here_has_failed(monkeypatch, pending, asked):
    found = []
    monkeypatch.setattr(hetzner, "configured", lambda _: None)
    monkeypatch.setattr(hetzner, "making", lambda pending: frozenset({("servers", "prod-main")} if pending else ()))
    monkeypatch.setattr(hetzner, "orphans", lambda *_, begun: found.extend(begun) or [])
    clouds.recover_clouds(Pulumi(config={"homeport:hcloud-token": "x"}), 0.0, pending)

    assert asked == [name for _, name in found]


def thing(name):
    return SimpleNamespace(name=name)


def unknown(pulumi, there):
    """What of `there` nobody has, as the state is each time that it is asked."""
    known = lambda state: [one for one in there if one.name not in {row["id"] for row in state["resources"]}]  # noqa: E731
    return [one.name for one in clouds._nobodys(pulumi, pulumi.state(), known)]


@pytest.mark.req("P-15")
def test_where_the_state_is_shared_nothing_is_removed_that_a_colleagues_update_is_making():
    pulumi, there = Pulumi(), [thing("server")]
    pulumi.state_folder = None
    pulumi.running = True
    with pytest.raises(ToolError, match="currently locked"):
        unknown(pulumi, there)

    pulumi.running = False
    pulumi.refuse_running = lambda: pulumi.deployment["resources"].append({"id": "server"})
    assert [] == unknown(pulumi, there), "that update has ended meanwhile, and has noted it"


def test_what_no_state_has_is_removed_wherever_the_state_is():
    pulumi = Pulumi(resources=[{"id": "network"}])
    for folder in (Path("here"), None):
        pulumi.state_folder = folder
        assert ["server"] == unknown(pulumi, [thing("server"), thing("network")])


@pytest.mark.parametrize(
    ("mode", "config", "kept"),
    [
        ("create", {"homeport:hcloud-token": "x"}, [{"kind": "servers", "name": "prod-main"}]),
        ("create", {}, []),
        ("adopt", {"homeport:hcloud-token": "x"}, []),
    ],
)
def test_what_hetzner_has_of_a_stack_that_is_down_is_named_and_not_removed(monkeypatch, capsys, mode, config, kept):
    pulumi = Pulumi(config=config)
    pulumi.stack.plan.settings.hosts = {"main": SimpleNamespace(mode=mode)}
    monkeypatch.setattr(hetzner, "client", lambda *_: None)
    monkeypatch.setattr(hetzner, "orphans", lambda *_: [SimpleNamespace(kind="servers", name="prod-main")])

    assert kept == clouds.left_at_hetzner(pulumi)
    assert bool(kept) is ("left at Hetzner Cloud: servers prod-main" in capsys.readouterr().err), "it costs money"


def test_a_hetzner_that_does_not_answer_keeps_nobody_from_going(monkeypatch, capsys):
    pulumi = Pulumi(config={"homeport:hcloud-token": "x"})
    pulumi.stack.plan.settings.hosts = {"main": SimpleNamespace(mode="create")}

    def refused(*_):
        raise ToolError("Hetzner Cloud does not answer")

    monkeypatch.setattr(hetzner, "orphans", refused)

    assert [] == clouds.left_at_hetzner(pulumi)
    assert "whether anything is left at Hetzner Cloud: Hetzner Cloud does not answer" in capsys.readouterr().err
