"""SSH keys that an update makes, and their public halves: what OpenSSH itself reads."""

from __future__ import annotations

import json
import subprocess

import pytest

from catalog.presets import registry
from homeport.model import ssh_keys
from homeport.model.errors import SettingsError
from homeport.plan.resolve import resolve
from homeport.settings import load
from homeport.settings.load import Configuration
from homeport.settings.strength import weakness
from tests.support import deploy_env
from tests.unit.stack.paired_preset import PRESET

MODULE = "tests.unit.stack.paired_preset"


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Two keys of ssh-keygen: the inner lines of each as one, and its public half."""
    folder = tmp_path_factory.mktemp("keys")

    def pair(name):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name], check=True)
        return ssh_keys.body((folder / name).read_text()), (folder / f"{name}.pub").read_text().split()[1]

    return pair("mine"), pair("other")


@pytest.fixture
def asked(monkeypatch):
    """What a stack of the preset is resolved to, with these secrets."""
    monkeypatch.setitem(registry._BUILT, "paired", MODULE)
    monkeypatch.setattr(load, "PRESETS", (*load.PRESETS, "paired"))

    def run(**secrets):
        values = {"homeport:preset": "paired", "homeport:settings": json.dumps({})}
        held = {f"homeport:{name.replace('_', '-')}": value for name, value in secrets.items()}
        return resolve(Configuration("dev", values | held, frozenset(held)))

    return run


def by_openssh(private, folder):
    """The public half by OpenSSH, of a key as a container gets it."""
    file = folder / "key"
    file.write_text(f"-----BEGIN OPENSSH PRIVATE KEY-----\n{private}\n-----END OPENSSH PRIVATE KEY-----\n")
    file.chmod(0o400)
    done = subprocess.run(["ssh-keygen", "-y", "-f", file], capture_output=True, text=True, check=True)
    return done.stdout.split()[1]


@pytest.mark.req("S5-42")
def test_the_program_makes_a_key_that_openssh_reads_and_its_public_half(build):
    credentials = build({}, {}, "paired", paired=MODULE).exports["credentials"]
    public = credentials["value"]["door-key-public"]

    assert credentials["secret"], "the state holds both encrypted"
    assert "door-key" not in credentials["value"], "the service reads the public half alone"
    assert "" == weakness("ed25519-public", public)


def test_both_halves_are_taken_where_they_fit(asked, pairs, tmp_path):
    (mine, public), (_, other) = pairs

    assert public == ssh_keys.public_half(mine) == by_openssh(mine, tmp_path), "as OpenSSH says it"
    assert {} == dict(asked(door_key=mine, door_key_public=public).derived), "both are there"
    assert {"door-key-public"} == set(asked(door_key=mine).derived), "made of the key that is given"
    for wrong, words in (
        ({"door_key": mine, "door_key_public": other}, "it is another key's half"),
        ({"door_key_public": public}, "homeport:door-key, which is not given"),
        ({"door_key": mine[:-40]}, "another shape"),
        ({"door_key": mine, "door_key_public": f"ssh-ed25519 {public}"}, "another shape"),
    ):
        with pytest.raises(SettingsError, match=words):
            asked(**wrong)


def deployed(plan, folder, env):
    return deploy_env.deployed(PRESET, plan, folder, env, ("DOOR_KEY", "DOOR_KEY_PUBLIC"))


def test_an_exports_script_makes_such_a_key_and_refuses_halves_that_do_not_fit(asked, pairs, tmp_path):
    (mine, public), (_, other) = pairs
    key, half = deployed(asked(), tmp_path / "made", {}).split()

    assert "" == weakness("ed25519", key) and half == by_openssh(key, tmp_path), "OpenSSH reads what it made"
    assert f"{mine} {public}" == deployed(asked(), tmp_path / "mine", {"DOOR_KEY": mine}), "of a key that is there"
    refused = deployed(asked(), tmp_path / "twice", {"DOOR_KEY": mine, "DOOR_KEY_PUBLIC": other})
    assert "DOOR_KEY_PUBLIC is not the public half of DOOR_KEY" in refused and other not in refused
    assert "must be the inner lines of an SSH key" in deployed(asked(), tmp_path / "bad", {"DOOR_KEY": "abc"})
