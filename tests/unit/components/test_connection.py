from __future__ import annotations

import base64
import io
import os
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from components.connection import private_key, public_key, spelled, ssh_options
from components.host import Host
from components.host_unit import HostFilesArgs, packed
from homeport.model.host import HostFile

SEED = base64.b64encode(bytes(range(32))).decode()


def test_a_seed_gives_the_same_pair_each_time_and_openssh_reads_it():
    form = serialization
    read = form.load_ssh_private_key(private_key(SEED).encode(), None)
    raw = read.private_bytes(form.Encoding.Raw, form.PrivateFormat.Raw, form.NoEncryption())
    shown = read.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()

    assert bytes(range(32)) == raw, "the key is not the seed's"
    assert public_key(SEED) == shown, "the public half belongs to another key"
    assert private_key(SEED) == private_key(SEED), "a text that changes would be written at every run"


def test_only_the_pinned_host_is_spoken_to_and_its_socket_is_named_after_its_key(monkeypatch, tmp_path):
    # Short: a socket's path has a limit.
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setenv("HOMEPORT_CACHE", folder)
        first, second = (ssh_options("main", f"ssh-ed25519 {key}", "") for key in "AB")

    assert {"StrictHostKeyChecking=yes", "UserKnownHostsFile=none", "GlobalKnownHostsFile=none"} < set(first)
    assert "KnownHostsCommand=/bin/echo homeport-main ssh-ed25519 A" in first
    sockets = [option for options in (first, second) for option in options if option.startswith("ControlPath=")]
    assert 2 == len(set(sockets)), "what is left of a former machine's connection would be used for the new one"
    monkeypatch.setenv("HOMEPORT_CACHE", str(tmp_path / ("long" * 20)))
    assert not [option for option in ssh_options("main", "ssh-ed25519 A", "") if "Control" in option], (
        "too long for a socket"
    )
    monkeypatch.setenv("HOMEPORT_SSH_MULTIPLEX", "0")
    assert not [option for option in ssh_options("main", "ssh-ed25519 A", "") if "Control" in option], (
        "it was switched off"
    )


@pytest.mark.parametrize(("length", "shared"), [(36, True), (37, False)])
def test_a_connection_is_shared_as_long_as_its_socket_s_path_fits(monkeypatch, length, shared):
    """104 characters with the final NUL (unix(4) of macOS).

    The folder, a slash, the key's 8 and a dash, 40 for %C, 17 for ssh's draft.
    """
    monkeypatch.setenv("HOMEPORT_CACHE", "/tmp/homeport".ljust(length - len("/ssh"), "x"))
    monkeypatch.setattr("components.connection.private", lambda folder: folder)
    control = [option for option in ssh_options("main", "ssh-ed25519 A", "") if "ControlPath" in option]

    assert shared == bool(control), control
    assert length + len("/") + len("01234567-") + 40 + 17 <= 103 or not shared, "the expected length is the system's"


def test_the_script_is_the_last_in_a_bundle_so_that_one_cut_short_never_runs():
    args = HostFilesArgs(
        host=Host(name="main", stack="t", namespace=""), files=(HostFile(path="/etc/a", content="{x}"),), values={}
    )
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(packed(args, {"x": "1"})))) as tar:
        names = tar.getnames()

    assert "bundle/unit.sh" == names[-1]


@pytest.mark.req("CA-13")
@pytest.mark.parametrize("name", ["with blanks", "100%sure", "it's", "a#b", "10%C %d"])
@pytest.mark.parametrize("below_home", [False, True])
def test_ssh_reads_the_paths_that_were_meant(monkeypatch, name, below_home):
    # Short: a socket's path has a limit.
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        cache = Path(folder, name)
        monkeypatch.setenv("HOMEPORT_CACHE", str(cache))
        if below_home:
            monkeypatch.setattr(Path, "home", lambda: Path(folder))
        options = ssh_options("main", "ssh-ed25519 A", spelled(cache / "keys" / "dev-main"))
        argv = [part for option in options for part in ("-o", option)]
        read = subprocess.run(["ssh", "-G", *argv, "host.example.com"], capture_output=True, text=True, check=False)

    assert read.returncode == 0, f"ssh refuses its options: {read.stderr}"
    facts = dict(line.partition(" ")[::2] for line in read.stdout.splitlines())
    # `ssh -G` fills in %-tokens of the socket's path, and leaves the key's as it is.
    if not below_home:
        assert facts["controlpath"].startswith(f"{cache}/ssh/"), facts["controlpath"]
    tokens = {"%d": folder, "%%": "%"}
    identity = re.sub("%[d%]", lambda token: tokens[token[0]], facts["identityfile"])
    assert identity == f"{cache}/keys/dev-main", "the key's file is not found"


@pytest.mark.req("CA-13")
def test_plain_paths_are_spelled_as_ever(monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: Path("/srv/jo"))
    assert "%d/.cache/homeport/keys/prod-main" == spelled(Path("/srv/jo/.cache/homeport/keys/prod-main")), (
        "another text would be an update of every host"
    )
    assert "/srv/cache/ssh/ab-%C" == spelled(Path("/srv/cache/ssh"), "/ab-%C")


@pytest.mark.req("CA-13")
def test_docker_finds_an_ssh_whose_folder_has_a_blank(tmp_path):
    tools = tmp_path / "my tools"
    tools.mkdir()
    for name, text in (("ssh", 'printf "[%s]" "$@"'), ("docker", 'ssh "$@"')):
        (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o755)
    script = Path(__file__).parents[3] / "components" / "scripts" / "docker_over_ssh.sh"
    option = 'ControlPath="/a b/100%%sure/it\'s-%C"'
    environ = {"PATH": f"{tools}:{os.environ['PATH']}", "HOMEPORT_SSH_OPTS": option, "TMPDIR": str(tools)}
    done = subprocess.run(
        ["sh", "-c", f'. "{script}"; docker "$@"', "sh", "host", "a b"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"[-o][{option}][host][a b]" == done.stdout, done.stderr
