"""What is removed with a world, on a daemon of dictionaries that keeps a network while a container stands on it."""

from __future__ import annotations

import itertools
import json
import subprocess

import pytest

from rehearsal.machine import daemon
from rehearsal.machine.ground import Ground
from rehearsal.probes.box import LABEL as PROBE

KINDS = {"ps": "container", "rm": "container", "volume": "volume", "network": "network"}


class Daemon:
    """Containers, volumes and networks by name: their labels, and the network they stand on."""

    def __init__(self):
        self.there = {
            "container": {
                "homeport-w1-1": {daemon.WORLD: "w1", "network": "homeport-w1"},
                "homeport-w2-1": {daemon.WORLD: "w2", "network": "homeport-w2"},
                "homeport-peer-a": {PROBE: "homeport-peer-a", "network": "homeport-w1"},
                "homeport-probe-b": {PROBE: "homeport-probe-b", "network": "homeport-w1"},
                "homeport-peer-c": {PROBE: "homeport-peer-c", "network": "homeport-w2"},
                "somebody": {"network": "bridge"},
            },
            "volume": {"homeport-w1-1-disk": {daemon.WORLD: "w1"}},
            "network": {"homeport-w1": {daemon.WORLD: "w1"}, "homeport-w2": {daemon.WORLD: "w2"}},
        }

    def run(self, argv, **_):
        _, verb, *words = argv
        if verb == "image":
            return self._said(1, error="No such image")
        kind = KINDS[verb]
        if verb == "ps" or words[0] == "ls":
            wanted = [word.partition("=")[::2] for flag, word in itertools.pairwise(words) if flag == "--filter"]
            return self._said(0, "\n".join(name for name, about in self.there[kind].items() if _fits(about, wanted)))
        name = words[-1]
        if kind == "network" and any(about["network"] == name for about in self.there["container"].values()):
            return self._said(1, error=f"error while removing network: network {name} has active endpoints")
        del self.there[kind][name]
        return self._said(0)

    @staticmethod
    def _said(code, text="", error=""):
        return subprocess.CompletedProcess([], code, text.encode(), error.encode())


def _fits(about, wanted):
    for kind, value in wanted:
        key, _, label = value.partition("=")
        if kind == "label" and (key not in about or label not in ("", about[key])):
            return False
        if kind == "network" and about["network"] != value:
            return False
    return True


@pytest.fixture
def there(monkeypatch):
    made = Daemon()
    monkeypatch.setattr(daemon.subprocess, "run", made.run)
    return made.there


def test_a_world_goes_with_the_peers_that_killed_claims_have_left_on_its_network(there):
    lines = Ground("w1").down()

    assert {"network homeport-w1", "container homeport-peer-a", "container homeport-probe-b"} <= set(lines)
    assert "homeport-w1" not in there["network"], "nothing stood on it any more"
    assert {} == there["volume"], "and nothing of the world is left"


def test_what_belongs_to_another_world_or_to_nobody_stays(there):
    Ground("w1").down()

    assert {"homeport-w2-1", "homeport-peer-c", "somebody"} == set(there["container"])
    assert {"homeport-w2"} == set(there["network"])


def test_a_world_that_is_gone_already_is_no_error(there):
    Ground("w1").down()
    assert [] == Ground("w1").down(), json.dumps(there)
