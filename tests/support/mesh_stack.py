"""The mesh that test_mesh.py declares, and its component alone, run by Pulumi."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from homeport.model.mesh import Member, Mesh, Rule
from tests.support.checkout import ROOT
from tests.support.mesh import TAILSCALE, docker

MESH = Mesh(
    server="mesh.example.com",
    base_domain="net.example.com",
    members=(Member(name="ai", tags=("ai",)), Member(name="watch", tags=("watch",))),
    users=("alice",),
    rules=(Rule(sources=("tag:watch",), targets=("tag:ai",), ports="9100", protocol="tcp"),),
)

WATCHER = """
while :; do
  for one in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$one; echo; done
  sleep 0.02
done >/run/arguments 2>/dev/null
"""
REGISTERED_TWICE = """#!/bin/sh
if [ "$1" = up ] && mkdir /run/once 2>/dev/null; then echo 'backend error: authkey already used' >&2; exit 1; fi
exec /usr/local/bin/tailscale "$@"
"""
EXPIRED = """#!/bin/sh
for word do shift; [ "$word" != 10m ] || word=1ms; set -- "$@" "$word"; done
exec {docker} "$@"
"""


def nodes_of(world):
    """What the control server knows of its members."""
    return json.loads(docker("exec", world.control, "headscale", "nodes", "list", "-o", "json")) or []


def keys_of(world):
    """The keys that it has made for hosts."""
    return json.loads(docker("exec", world.control, "headscale", "preauthkeys", "list", "--user", "1", "-o", "json"))


class Stack:
    """The component alone, in a stack of its own."""

    def __init__(self, folder, world, machines):
        self.folder = folder / "program"
        self.folder.mkdir()
        (folder / "state").mkdir()
        project = 'name: mesh\nruntime:\n  name: python\nconfig:\n  pulumi:disable-default-providers: ["*"]\n'
        (self.folder / "Pulumi.yaml").write_text(project)
        (self.folder / "__main__.py").write_text((ROOT / "tests/support/mesh_program.py").read_text())
        # Commands are texts without a machine's path: they run in the project's folder.
        (self.folder / "components").symlink_to(ROOT / "components")
        self.asked = {
            "server": MESH.server,
            "base_domain": MESH.base_domain,
            "users": ["alice"],
            "control": world.control,
            "members": {member.name: member.tags for member in MESH.members},
            "image": TAILSCALE,
            "authority": world.authority,
            "environments": {machine.name: machine.environment for machine in machines},
        }
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "correct horse battery staple",
        }
        self.pulumi("stack", "init", "t", stack=False)

    def pulumi(self, *words, stack=True):
        line = [sys.executable, "-m", "toolchain.engine", "exec", "--", "pulumi", "--non-interactive", *words]
        done = subprocess.run(
            [*line, *(("--stack", "t") if stack else ())],
            cwd=self.folder,
            check=False,
            capture_output=True,
            text=True,
            timeout=200,
            env={**self.environment, "ASKED": json.dumps(self.asked)},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
