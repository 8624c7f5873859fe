"""The real engine on a state that an earlier version of the program left: an update has nothing to do.

`tests/recordings/state/redis.json` is what `pulumi stack export --show-secrets` gave at dc123fa for one service on this
machine's Docker, without what names the machine. Its secrets are good for nothing: the stack was destroyed at once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.checkout import copied

pytestmark = pytest.mark.world
RECORDED = json.loads((Path(__file__).parents[2] / "recordings" / "state" / "redis.json").read_text())


@pytest.fixture(scope="module")
def pulumi(tmp_path_factory):
    """The recorded stack, in a copy of the checkout and a state folder of its own."""
    folder, state = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("state")
    copied(folder)
    name, config = RECORDED["stack"], json.loads(json.dumps(RECORDED["config"]))
    # The image that it had: the catalog's is another one since, and that is a change that somebody asked for.
    config["homeport:settings"]["services"].setdefault("ai-redis", {})["image"] = "redis:7-alpine"
    (folder / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": config}))
    environment = {
        **{key: value for key, value in os.environ.items() if key != "DOCKER_HOST"},
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_CONFIG_PASSPHRASE": "only here",
    }

    def run(*argv, stdin=None):
        command = [sys.executable, "-m", "toolchain.engine", "exec", "--", "pulumi", "--non-interactive", *argv]
        done = subprocess.run(
            command, cwd=folder, env=environment, input=stdin, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("stack", "init", name)
    # Its secrets are in plain; the engine encrypts them by this stack's own passphrase, and has to be told so.
    salt = yaml.safe_load((folder / f"Pulumi.{name}.yaml").read_text())["encryptionsalt"]
    deployment = RECORDED["export"]["deployment"] | {
        "secrets_providers": {"type": "passphrase", "state": {"salt": salt}}
    }
    run("stack", "import", "--stack", name, stdin=json.dumps(RECORDED["export"] | {"deployment": deployment}))
    return run


@pytest.mark.req("P-03")
def test_an_update_of_a_stack_made_before_changes_nothing(pulumi):
    preview = json.loads(pulumi("preview", "--json", "--stack", RECORDED["stack"]))
    changes = [
        (step["op"], step["urn"].rpartition("::")[2], *sorted(step.get("detailedDiff") or ()))
        for step in preview["steps"]
        if step["op"] != "same"
    ]
    kept = {name for op, name in changes if op == "create" and _is_kept_of_a_service_that_is_off(name)}

    assert [] == [change for change in changes if change[1] not in kept], (
        "whoever updates homeport loses nothing and waits for nothing"
    )
    resources = RECORDED["export"]["deployment"]["resources"]
    assert len(resources) == preview["changeSummary"]["same"], "each resource of the state was compared"


def _is_kept_of_a_service_that_is_off(name: str) -> bool:
    """Data volumes and secrets of a service that the recorded stack had off; nothing was kept of it then."""
    services = RECORDED["config"]["homeport:settings"]["services"]
    off = [service for service, chosen in services.items() if chosen.get("enabled") is False]
    return name.startswith((*off, "secrets-"))
