"""The executor's container as homeport makes it, beside the one that its own tests try to break out of."""

from __future__ import annotations

import sys

import pytest

from homeport.model.container import container_spec
from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration
from tests.support.checkout import ROOT

sys.path.append(str(ROOT / "apps" / "executor" / "tests"))
from executor_containers import HARDENED

FOR_SPEED = {"--cpus 1"}


@pytest.mark.req("I-02", "I-03", "I-04")
def test_its_tests_try_the_container_that_homeport_makes():
    plan = resolve(Configuration("dev", {"homeport:preset": "ai-orchestrator", "homeport:settings": "{}"}))
    spec = container_spec(plan.blueprint, plan.blueprint.service("ai-executor"))
    wanted = {
        f"--network {spec.network_mode}",
        f"--user {spec.user}",
        f"--pids-limit {spec.pids}",
        f"--memory {spec.memory}m",
        f"--memory-swap {spec.memory}m",
        f"--ipc {spec.ipc}",
        *(f"--group-add {group}" for group in spec.groups),
        *(f"--cap-drop {name}" for name in spec.capabilities_dropped),
        *(f"--cap-add {name}" for name in spec.capabilities_added),
        *(f"--security-opt {option.removesuffix(':true')}" for option in spec.security_options),
        *(f"--tmpfs {path}:{options}" for path, options in spec.tmpfs.items()),
        *(f"--ulimit {limit.name}={limit.hard}" for limit in spec.ulimits),
        *(["--read-only"] if spec.read_only else []),
    }
    tried = set(" ".join(HARDENED).replace(" --", "\n--").splitlines())

    assert wanted == tried - FOR_SPEED, "what they find says nothing of another container"
