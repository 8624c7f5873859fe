"""The positive control of the search for secrets: planted in 22 kinds of places in 6 encodings, found 132 times."""

import base64
import contextlib
import gzip
import io
import json
import os
import secrets
import subprocess
import sys
import tarfile
import zipfile

import pytest

from rehearsal.probes.box import Box, docker
from rehearsal.probes.canary import Canaries, sampling

pytestmark = pytest.mark.docker

ENCODINGS = {
    "raw": lambda text: text,
    "base64": lambda text: base64.b64encode(b"x" + text.encode()).decode(),
    "base64url": lambda text: base64.urlsafe_b64encode(b"xy" + text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "url": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "json": lambda text: "".join(f"\\u{ord(character):04x}" for character in text),
}


class Planted:
    """A secret of its own for every place and encoding, so that each finding is one planting."""

    def __init__(self):
        self.values = {}

    def at(self, sink):
        """Six texts to plant at a place."""
        for how in ENCODINGS:
            self.values[f"{sink}/{how}"] = f"CNRY_{sink}_{secrets.token_hex(16)}?>~"
        return [encode(self.values[f"{sink}/{how}"]) for how, encode in ENCODINGS.items()]

    def text(self, sink):
        return "".join(f"line {number}: {one} end\n" for number, one in enumerate(self.at(sink)))


def local_files(planted, folder):
    """Eight places that are files: state, history, backup, settings, log, event log, a zipped dump, a core."""
    (folder / "state.json").write_text(json.dumps({"resources": [{"inputs": {"env": planted.at("state")}}]}))
    (folder / "history.json.gz").write_bytes(gzip.compress(json.dumps(planted.at("history")).encode()))
    (folder / "state.json.bak").write_text(planted.text("backup"))
    (folder / "Pulumi.prod.yaml").write_text(planted.text("settings"))
    (folder / "engine.log").write_text("x" * 300_000 + planted.text("log") + "y" * 300_000)
    (folder / "events.jsonl").write_text(
        "".join(json.dumps({"event": json.dumps(canary)}) + "\n" for canary in planted.at("events"))
    )
    with zipfile.ZipFile(folder / "report.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.txt", planted.text("zip"))
    (folder / "core").write_bytes(
        os.urandom(100_000) + b"\0".join(canary.encode() for canary in planted.at("core")) + os.urandom(100_000)
    )
    return lambda canaries: canaries.files([str(folder)])


def streams(planted):
    """Four places that are texts: output, errors, resources with their names, HTTP journal with user data."""
    out, errors = planted.text("stdout"), planted.text("stderr")
    resources = [{"urn": f"urn:pulumi:prod::x::t::{canary}"} for canary in planted.at("urn")]
    bodies = [
        {"body": json.dumps({"user_data": base64.b64encode(gzip.compress(one.encode())).decode()})}
        for one in planted.at("journal")
    ]

    def find(canaries):
        found = canaries.text("stdout", "up", out) + canaries.text("stderr", "up", errors)
        return found + canaries.records("resource", "export", resources) + canaries.records("http", "hetzner", bodies)

    return find


@contextlib.contextmanager
def on_docker(planted, image):
    """Seven places of a daemon: labels, environment, command, logs, image configuration, layer, volume."""
    mark = f"homeport.test.canary={secrets.token_hex(4)}"
    name = f"homeport-canary-{secrets.token_hex(4)}"
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        text = planted.text("layer").encode()
        member = tarfile.TarInfo("kept")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text))
    history = [
        part for one in planted.at("image") for part in ("--change", f"LABEL a{secrets.token_hex(3)}={json.dumps(one)}")
    ]
    docker("import", "--change", f"LABEL {mark}", *history, "-", f"{name}:1", stdin=layer.getvalue())
    volume = [part for number, one in enumerate(planted.at("volume")) for part in ("--label", f"v{number}={one}")]
    docker("volume", "create", "--label", mark, *volume, name)
    flags = [part for number, one in enumerate(planted.at("label")) for part in ("--label", f"l{number}={one}")]
    flags += [part for number, one in enumerate(planted.at("env")) for part in ("--env", f"E{number}={one}")]
    printed = planted.text("logs")
    script = f"import sys;print({printed!r}.replace(chr(0),''))"
    docker(
        "run",
        "--name",
        name,
        "--label",
        mark,
        "--network",
        "none",
        *flags,
        "--entrypoint",
        "python3",
        image,
        "-c",
        script,
        *planted.at("cmd"),
    )
    try:
        saved = subprocess.run(["docker", "save", f"{name}:1"], check=True, capture_output=True).stdout
        yield lambda canaries: canaries.docker(only=f"label={mark}") + canaries.text("layer", name, saved)
    finally:
        docker("rm", "--force", name)
        docker("volume", "rm", name)
        docker("image", "rm", f"{name}:1")


def test_every_secret_planted_in_22_places_in_6_encodings_is_found(tmp_path, image):
    planted = Planted()
    sampler = sampling()
    environ = {**os.environ, **{f"P{number}": one for number, one in enumerate(planted.at("environ"))}}
    finders = [local_files(planted, tmp_path), streams(planted), lambda canaries: canaries.processes(sampler)]
    # It is there until its standard input ends, which is after the search.
    argv = [sys.executable, "-c", "input()", *planted.at("cmdline")]
    with (
        subprocess.Popen(argv, env=environ, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL),
        on_docker(planted, image) as daemon,
        Box("none", image) as host,
    ):
        script = "mkdir -p /var/lib/cloud/instance; umask 077; cat >/var/lib/cloud/instance/user-data.txt"
        docker("exec", "--interactive", host.name, "sh", "-c", script, stdin=planted.text("host").encode())
        finders += [daemon, lambda canaries: canaries.files(["/var/lib/cloud"], host.prefix)]
        canaries = Canaries(planted.values)
        findings = [one for find in finders for one in find(canaries)]
    secrets_seen = {finding.secret for finding in findings}
    sinks = {name.partition("/")[0] for name in planted.values}
    assert (22, 132) == (len(sinks), len(planted.values)), "the requirements ask for 20 places in 6 encodings"
    assert set() == planted.values.keys() - secrets_seen, f"found {len(secrets_seen)} of {len(planted.values)}"
    assert ["0600 root:root"] == sorted(
        {f"{finding.mode} {finding.owner}" for finding in findings if "/var/lib/cloud" in finding.where}
    ), "with its mode"
    assert [] == canaries.unread, "everything was read"
