"""Colleagues come and go by one verb, get their WireGuard file by another, and find the addresses by a third."""

import json
import re
import stat

import pytest
import yaml

from homeport.cli import colleagues, signing_in
from homeport.cli.stack import read
from homeport.model.errors import SettingsError, ToolError

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGVbmlF3HyDJtv5SpvDLyucYVNW6FunhMNWg25eAWqZ1"
TUNNEL = {
    "environment": "prod",
    "exposure": "tunnel",
    "domain": "example.org",
    "cloudflare": {"account_id": "a" * 32, "zone_id": "b" * 32, "team": "example"},
    "access": {"emails": ["ann@example.com"]},
    "hosts": {"main": {"mode": "adopt", "address": "198.51.100.7", "host_key": KEY}},
    "wireguard": {"peers": {"local": {"slot": 1}, "ann": {"slot": 3}}},
}
CONFIG = "[Interface]\nAddress = 10.0.0.3/24\nPrivateKey = " + "A" * 43 + "=\n\n[Peer]\nPublicKey = x\n"
DOORS = [
    {"service": "n8n", "address": "https://n8n.example.org", "logins": [], "headers": []},
    {"service": "portainer", "address": "http://10.0.0.2:9000", "logins": [], "headers": []},
]


@pytest.fixture
def stack(tmp_path):
    def make(preset="jett", **settings):
        values = {**TUNNEL, **settings}
        content = {"config": {"homeport:preset": preset, "homeport:settings": values}}
        (tmp_path / "Pulumi.prod.yaml").write_text(yaml.safe_dump(content))
        return read("prod", tmp_path)

    return make


class Pulumi:
    """Knows a stack's outputs."""

    def __init__(self, **outputs):
        self._outputs = outputs
        self.stack = type("Stack", (), {"name": "prod"})

    def outputs(self, *, secrets=False):  # noqa: ARG002  # as the real one
        return self._outputs

    def last_change(self):
        return {}


def test_a_colleague_gets_an_address_and_the_first_free_place(stack):
    change = colleagues.add(stack(), "jo.doe@example.com")

    assert (
        ("access.emails[0]", "ann@example.com"),
        ("access.emails[1]", "jo.doe@example.com"),
        ("wireguard.peers.jo-doe.slot", "4"),
    ) == change.sets, "1 and 3 are taken, 2 is the server's"
    assert ["ann@example.com", "jo.doe@example.com"] == change.settings["access"]["emails"]


def test_one_more_device_leaves_the_address(stack):
    change = colleagues.add(stack(), "ann@example.com", "ann-phone")

    assert (("wireguard.peers.ann-phone.slot", "4"),) == change.sets, "she passes Access already"


def test_removing_takes_both_away_and_leaves_the_others(stack):
    both = stack(access={"emails": ["ann@example.com", "bob@example.com"]})
    change = colleagues.remove(both, "ann@example.com")

    assert ("access.emails", "wireguard.peers.ann") == change.removes
    assert (("access.emails[0]", "bob@example.com"),) == change.sets, "who stays, stays"


@pytest.mark.parametrize(
    ("verb", "mail", "settings", "words"),
    [
        ("add", "ann@example.com", {}, "let in already"),
        ("remove", "bob@example.com", {}, "not among those whom the settings name"),
        # The device `ann` is that of ann@example.com, and not of whom a typing error makes.
        ("remove", "ann@exampl.com", {}, "not among those whom the settings name"),
        (
            "add",
            "jo@example.com",
            {"exposure": "direct", "wireguard": {}, "access": {}, "preset": "ai-orchestrator"},
            "neither a tunnel",
        ),
        (
            "add",
            "jo@example.com",
            {
                "wireguard": {
                    "subnet": "10.99.0.0/28",
                    "peers": {"local": {"slot": 1}, **{f"p{slot}": {"slot": slot} for slot in range(3, 15)}},
                }
            },
            "no place is free",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_way(stack, verb, mail, settings, words):
    with pytest.raises(ToolError, match=words) as refused:
        getattr(colleagues, verb)(stack(**settings), mail)
    assert "\n  fix: " in str(refused.value), refused.value


@pytest.mark.parametrize("mail", ["nobody", "a b@example.com", "--help@", "jo@example.com\nx"])
def test_a_wrong_address_is_refused_before_anything_is_written(stack, mail):
    with pytest.raises(SettingsError, match=r"access\.emails"):
        colleagues.add(stack(), mail)


def test_the_last_person_cannot_be_removed_from_a_tunnel(stack):
    with pytest.raises(SettingsError, match="nobody may come in by the tunnel"):
        colleagues.remove(stack(), "ann@example.com")


@pytest.mark.req("FP-23")
def test_the_file_of_a_member_is_written_for_its_user_alone_and_never_over_another(tmp_path, capsys):
    pulumi = Pulumi(client_configs={"ann": CONFIG})
    target = tmp_path / "my wg.conf"

    assert 0 == signing_in.member(pulumi, "ann", to=str(target))
    assert CONFIG == target.read_text(), "as wg-quick reads it"
    assert 0o600 == stat.S_IMODE(target.stat().st_mode), "it holds a private key"
    with pytest.raises(ToolError, match="cannot be written") as refused:
        signing_in.member(pulumi, "ann", to=str(target))
    shown = capsys.readouterr()
    assert "A" * 43 not in shown.out + shown.err + str(refused.value), "the key is in the file, and is shown to nobody"


@pytest.mark.req("FP-23")
@pytest.mark.parametrize("json", [False, True])
def test_a_private_key_is_shown_to_whoever_names_its_member_and_to_nobody_else(capsys, json):
    pulumi = Pulumi(client_configs={"ann": CONFIG, "bob": CONFIG.replace("A" * 43, "B" * 43)})

    signing_in.member(pulumi, "", json=json)
    assert not {"A" * 43, "B" * 43} & set(re.findall(r"[AB]{43}", "".join(capsys.readouterr()))), "a list of names"
    signing_in.member(pulumi, "ann", json=json)
    shown = capsys.readouterr()
    assert ({"A" * 43}, "A" * 43 in shown.err) == (set(re.findall(r"[AB]{43}", shown.out)), False), (
        "as it was asked for"
    )


def test_a_member_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(ToolError, match="there is no member jo; there are: ann"):
        signing_in.member(Pulumi(client_configs={"ann": CONFIG}), "jo")
    with pytest.raises(ToolError, match="it has no VPN"):
        signing_in.member(Pulumi(), "")


def test_members_are_one_document_without_a_key_unless_one_is_named(capsys):
    pulumi = Pulumi(client_configs={"ann": CONFIG, "bob": "x"})

    signing_in.member(pulumi, "", json=True)
    assert {"stack": "prod", "members": ["ann", "bob"], "config": None} == json.loads(capsys.readouterr().out)


def test_the_code_holds_the_whole_file():
    """Read back module by module: what is drawn is what the standard's encoder made."""
    import segno

    drawn = signing_in.qr_code(CONFIG).splitlines()
    light = {"█": (0, 0), "▀": (0, 1), "▄": (1, 0), " ": (1, 1)}
    rows = [list(row) for line in drawn for row in zip(*(light[mark] for mark in line), strict=True)]
    matrix = [list(row) for row in segno.make(CONFIG, error="l", micro=False).matrix_iter(border=4)]

    assert matrix == rows[: len(matrix)], "a camera reads dark modules on light ground, with a margin of four"
    assert {len(line) for line in drawn} == {len(matrix)}, "no line is broken"
    assert len(matrix) <= 90, "it fits a terminal's width"


def test_addresses_are_listed_and_a_wrong_one_is_refused_with_those_that_are(capsys, monkeypatch):
    opened = []
    monkeypatch.setattr(signing_in.webbrowser, "open", lambda address: opened.append(address) or True)
    pulumi = Pulumi(doors=DOORS)

    signing_in.open_address(pulumi, "")
    assert "https://n8n.example.org" in capsys.readouterr().out
    signing_in.open_address(pulumi, "n8n")
    assert ["https://n8n.example.org"] == opened
    with pytest.raises(ToolError, match="there are: n8n, portainer"):
        signing_in.open_address(pulumi, "n9n")
    with pytest.raises(ToolError, match="make up STACK=prod"):
        signing_in.open_address(Pulumi(), "")


def test_without_a_browser_the_address_is_shown(capsys, monkeypatch):
    monkeypatch.setattr(signing_in.webbrowser, "open", lambda _: False)

    signing_in.open_address(Pulumi(doors=DOORS), "portainer")
    assert "http://10.0.0.2:9000" in capsys.readouterr().out


def test_without_a_browser_the_address_is_shown_and_why(capsys, monkeypatch):
    monkeypatch.setattr(signing_in.webbrowser, "open", lambda _: False)

    assert 0 == signing_in.open_address(Pulumi(doors=DOORS), "n8n")
    shown = capsys.readouterr()
    assert "no browser" in shown.err and "https://n8n.example.org" in shown.out, "nothing opened, and it is said"
