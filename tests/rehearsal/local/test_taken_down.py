"""Both ways to take a protected stack down, by the real engine: on a stack of commands that only note their end."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from types import SimpleNamespace

import pytest

from homeport.cli import lifecycle
from homeport.cli.pulumi_cli import PulumiCli
from tests.support.checkout import ROOT

pytestmark = pytest.mark.world
PROGRAM = """
import pulumi
import pulumi_command as command

def noted(name, **opts):
    return command.local.Command(
        name, create="true", delete=f"echo {name} >> gone", opts=pulumi.ResourceOptions(**opts)
    )

class Tunnel(pulumi.ComponentResource):
    def __init__(self):
        super().__init__("homeport:cloudflare:Tunnel", "tunnel")
        tunnel = noted("tunnel", parent=self)
        noted("connector", parent=self, deleted_with=server, depends_on=[tunnel, server])

server = noted("server", protect=True)
layer = noted("layer", deleted_with=server, depends_on=[server])
volume = noted("volume", protect=True, retain_on_delete=True, depends_on=[layer])
noted("service", depends_on=[volume])
Tunnel()
"""


@pytest.fixture(scope="module")
def pulumi(tmp_path_factory):
    folder, state = tmp_path_factory.mktemp("program"), tmp_path_factory.mktemp("state")
    (folder / "Pulumi.yaml").write_text("name: homeport\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    printed = subprocess.run(
        [sys.executable, "-m", "toolchain.engine", "env"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    lines = (shlex.split(line.removeprefix("export "))[0].partition("=") for line in printed.splitlines())
    ours = {"PULUMI_BACKEND_URL": f"file://{state}", "PULUMI_CONFIG_PASSPHRASE": "only here"}
    environ = {**os.environ, **{name: value for name, _, value in lines}, **ours}
    ready = PulumiCli(stack=SimpleNamespace(name="taken"), environ=environ, root=folder)
    ready.ask("stack", "init", named=False)
    return ready


def _gone(pulumi) -> list[str]:
    file = pulumi.root / "gone"
    names = file.read_text().split() if file.exists() else []
    file.unlink(missing_ok=True)
    return names


@pytest.mark.req("NP-01")
def test_what_is_protected_stays_with_what_it_needs_or_goes_with_everything(pulumi):
    assert 0 == pulumi.run("up", "--yes", "--skip-preview", "--non-interactive", quiet=True)
    protected = lifecycle.protected_objects(pulumi, keep_data=True, delete_data="")
    kept = lifecycle.destroy(pulumi, protected=protected, keep_data=True)
    first = _gone(pulumi)

    assert ["command server", "command volume"] == protected
    assert (0, {"connector", "service", "tunnel"}) == (kept, set(first)), "the volume's server and its layers stay"
    assert first.index("connector") < first.index("tunnel"), "no tunnel is deleted while it is connected"

    assert 0 == pulumi.run("up", "--yes", "--skip-preview", "--non-interactive", quiet=True), "and all comes back"
    everything = lifecycle.destroy(pulumi, protected=protected, keep_data=False)
    second = _gone(pulumi)
    assert 0 == everything
    assert {"connector", "service", "tunnel", "volume", "server"} == set(second), "the layer went with its server"
    assert "connector" == second[0], "beside its server the engine would have passed it over"
    assert [] == [item for item in pulumi.state().get("resources") or [] if item["type"] != "pulumi:pulumi:Stack"]
