"""The real engine: a wrong configuration changes nothing, and the commands in its refusal fix it."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.campaign import chance, size
from tests.support.fixes import pasted

pytestmark = pytest.mark.world
ROOT = Path(__file__).parents[3]
PROGRAM = """
import os, sys
from catalog.presets.registry import declared
from homeport.model.errors import HomeportError
from homeport.settings.from_pulumi import configuration
from homeport.settings.load import load
try:
    loaded = load(configuration(), declared=declared())
except HomeportError as error:
    sys.exit(str(error))
import pulumi
if os.environ.get("WITHOUT_PROVIDER"):
    import pulumi_random
    pulumi_random.RandomBytes("ambient", length=32)
pulumi.export("preset", loaded.preset)
pulumi.export("options", dict(loaded.settings.options))
pulumi.export("redis", pulumi.Output.secret(loaded.secrets["redis-password"].reveal()))
"""
WRONG = """
config:
  homeport:presett: vpai
  homeport:domain: example.com
  homeport:redis-password: CHANGE_ME_cAnArY
  homeport:n8n-encryption-key: cAnArY
  homeport:settings:
    domian: example.com
    edge: {https_port: "8443", http_port: 0, bind: 5}
    protect_data: "true"
    acme_email: 5
    services: {ai-n8n: {cpus: "2.5", memory: "512", enabled: yes}}
    wireguard: {peers: {laptop: {slot: "2"}}}
    hosts: {main: {mode: adopt, address: true, user: 5, roles: ai, server_type: cx33, host_key: HOST_KEY}}
    waivers: {protect-data: {reason: x, expires: tomorrow}}
    embedding: {dimensions: "5", url: "http://example.com", model: "?"}
    networks: {ai-data: 10.0.0.1/24}
"""
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGVbmlF3HyDJtv5SpvDLyucYVNW6FunhMNWg25eAWqZ1"


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """The backend's folder."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def run(tmp_path_factory, state):
    """Runs a command line in a project of its own, with a backend of its own, and the engine on PATH."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "Pulumi.yaml", folder)
    (folder / "__main__.py").write_text(PROGRAM)
    environ = {
        **os.environ,
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_CONFIG_PASSPHRASE": "only here",
        "PYTHONPATH": str(ROOT),
    }
    exports = subprocess.run(
        [sys.executable, "-m", "toolchain.engine", "env"], env=environ, check=True, capture_output=True, text=True
    ).stdout

    def line(command, **more):
        done = subprocess.run(
            ["bash", "-c", f"{exports}\n{command}"],
            cwd=folder,
            env={**environ, **more},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    code, said = line("pulumi stack init dev --non-interactive")
    assert 0 == code, said
    # What bin/homeport hands on is tested with the verb; here is another project.
    (folder / "bin").mkdir()
    (folder / "bin" / "homeport").write_text('#!/bin/sh\nshift\nexec pulumi "$@"\n')
    (folder / "bin" / "homeport").chmod(0o755)
    (folder / "Pulumi.dev.yaml").write_text(WRONG.replace("HOST_KEY", f"'{HOST_KEY}'"))
    return line


@pytest.mark.req("S3-41", "A-01", "A-03")
@pytest.mark.parametrize("command", ["pulumi preview", "pulumi up --yes --skip-preview"])
def test_a_wrong_configuration_registers_nothing(run, command):
    code, said = run(f"{command} --stack dev --non-interactive --color never")

    assert 0 != code, "a pipeline stops here"
    assert 27 == said.count("fix: "), f"every mistake in one run:\n{said}"
    assert "Traceback" not in said and "cAnArY" not in said, "neither the program's inside nor a secret is shown"
    state = json.loads(run("pulumi stack export --stack dev")[1])["deployment"].get("resources", [])

    # Without a preview before it, `up` writes the stack's own entry before the SDK runs the first line of any program.
    assert [] == [resource["urn"] for resource in state if resource["type"] != "pulumi:pulumi:Stack"], (
        "nothing of ours is registered"
    )


def test_a_default_provider_is_refused(run):
    lines = re.findall(r"fix: .*", run("pulumi preview -s dev --color never")[1])
    repaired = [f"printf example.com | {{ {pasted(line)}; }}" for line in lines if pasted(line)]
    code, said = run("\n".join(["set -e", *repaired]))

    assert 0 == code, f"the commands are to be copied and run:\n{said}"
    code, said = run("pulumi preview -s dev --non-interactive --color never", WITHOUT_PROVIDER="1")

    assert 0 != code, "an ambient provider reaches whatever machine the environment points at"
    assert "Default provider for 'random' disabled" in said, said


@pytest.mark.req("P-08")
def test_the_commands_of_the_refusal_fix_everything(run):
    code, said = run("pulumi up -s dev --yes --skip-preview --non-interactive --color never")
    plain = run("pulumi config get -s dev redis-password")[1].strip()
    state = run("pulumi stack export -s dev")[1]

    assert 0 == code, f"whoever obeys is let in:\n{said}"
    assert 32 < len(plain) and plain not in said and plain not in state, "the secret is in the state encrypted only"
    assert '"ciphertext"' in state, "and it is there"


def test_an_option_is_what_was_typed(run):
    typed = {
        "one": "8",
        "two": "7.50",
        "three": "false",
        "four": "007",
        "five": "1e3",
        "six": "10000000",
        "seven": "-1",
    }
    setting = "pulumi config set -s dev --path homeport:settings.options"
    code, said = run("\n".join(["set -e", *(f"{setting}.{name} -- {text}" for name, text in typed.items())]))

    assert 0 == code, said
    code, said = run("pulumi up -s dev --yes --skip-preview --non-interactive --color never")
    assert 0 == code, f"what the engine makes of a word is none of a user's business:\n{said}"
    assert typed == json.loads(run("pulumi stack output -s dev --json options")[1])


UP = "pulumi up -s dev --yes --skip-preview --non-interactive --color never"


def kept(state):
    """The stack's state as its file has it."""
    (file,) = state.rglob("stacks/**/dev.json")
    return file


def test_another_passphrase_opens_no_state_and_changes_nothing(run, state):
    before = kept(state).read_text()
    code, said = run(UP, PULUMI_CONFIG_PASSPHRASE="another")

    assert 0 != code
    assert "incorrect passphrase" in said, said
    assert before == kept(state).read_text()


def damaged(text, part):
    """A text with one byte changed in one of its encrypted values: in its nonce, or in what is encrypted."""
    values = [*re.finditer(r'"ciphertext": *"v1:([A-Za-z0-9+/]+=*):([A-Za-z0-9+/]+=*)"', text)]
    value = part.choice(values)
    start, end = value.span(number := part.choice((1, 2, 2, 2)))
    raw = bytearray(base64.b64decode(value[number]))
    raw[part.randrange(len(raw))] ^= part.randrange(1, 256)
    return text[:start] + base64.b64encode(raw).decode() + text[end:]


@pytest.mark.campaign
def test_a_byte_that_is_changed_in_an_encrypted_value_is_noticed_before_anything_is_done(run, state):
    """Not one beside them: what is in plain in a state has no signature (docs/requirements.md, C-14)."""
    name, file = "bytes changed in a state", kept(state)
    before, part = file.read_text(), chance(name)
    try:
        for _ in range(size(name)):
            text = damaged(before, part)
            file.write_text(text)
            code, said = run(UP)
            assert 0 != code, f"an update with another secret than was kept:\n{said}"
            assert text == file.read_text(), "nothing is done, and nothing written"
    finally:
        file.write_text(before)
    assert 0 == run(UP)[0], "with the state as it was it goes on"
