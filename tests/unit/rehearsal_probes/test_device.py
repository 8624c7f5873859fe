"""How a device joins a mesh whose one host is alone in it: with what that host has, and gone at the end."""

from __future__ import annotations

import json
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from rehearsal.probes import device

HOST, HEADSCALE = ["docker", "exec", "m"], ["docker", "exec", "m", "docker", "exec", "c", "headscale"]
OWN = {"id": 1, "name": "preprod", "given_name": "preprod", "user": {"id": 7}, "forced_tags": ["tag:ai", "tag:vpn"]}
DEVICE = {"id": 2, "name": "claims-device", "given_name": "claims-device", "user": {"id": 7}, "forced_tags": []}


@pytest.fixture
def said(monkeypatch):
    """Every command of the host's and of the control server's, in order."""
    commands = []

    def answer(argv):
        commands.append(argv)
        if argv[-1] == "prefs":
            return json.dumps({"ControlURL": "https://mesh.example.com"})
        return json.dumps([OWN, DEVICE]) if "list" in argv else "a line of its log\nthe-key\n"

    monkeypatch.setattr(device, "_said", answer)
    monkeypatch.setattr(device, "_copied", lambda *_: None)
    monkeypatch.setattr(device, "Box", lambda *_, **__: nullcontext(SimpleNamespace(name="box", prefix=["box"])))
    return commands


def test_it_joins_by_a_key_with_the_tags_of_the_host_and_the_control_server_forgets_it(said, monkeypatch):
    keys = []
    monkeypatch.setattr(device, "docker", lambda *_, stdin=b"", **__: keys.append(stdin) or "100.64.0.2\n")

    with device.joined("net", "preprod", HOST, "198.18.0.10", {"mesh.example.com": HEADSCALE}.__getitem__) as joined:
        assert "100.64.0.2" == joined[1]
        assert [b"the-key"] == [key for key in keys if key], "by standard input, and in no argument"
        assert [*HEADSCALE, "preauthkeys", "create", "--user", "7", "--tags", "tag:ai,tag:vpn"] == said[-1][:-2]

    assert [*HEADSCALE, "nodes", "delete", "--identifier", "2", "--force"] == said[-1], "the host itself stays"


def test_one_that_does_not_come_in_is_said_and_leaves_no_node(said, monkeypatch):
    def refused(*argv, **_):
        if "sh" in argv:
            raise device.ProbeError("docker exec", "key expired")
        return ""

    monkeypatch.setattr(device, "docker", refused)
    with (
        pytest.raises(device.ProbeError, match="key expired"),
        device.joined("n", "preprod", HOST, "a", lambda _: HEADSCALE),
    ):
        pass
    assert "delete" not in said[-1], "none was made"
