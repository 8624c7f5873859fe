"""Right configurations made by chance become graphs that are as safe as those somebody thought of, and the same twice.

A sample in make test; the whole, 500, in make test-long, or alone:

    HOMEPORT_CAMPAIGN=whole sh homeport/cli/run.sh python -m pytest tests/unit/stack/test_right_graphs.py
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from ipaddress import ip_address
from itertools import count, islice
from pathlib import Path

import pytest

from homeport.model.errors import ProblemsError
from homeport.model.service import ALLOWED_CAPABILITIES
from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration
from tests.support.campaign import SEED, size
from tests.support.fuzz.values import made
from tests.unit.stack.test_graph import CONTAINER, DRAWN, forms
from tests.unit.stack.test_secure_stacks import HOST, PROXIES, STUN, WRITTEN

NAME = "right configurations as graphs"
RENTED = {"hcloud:index/server:Server", "hcloud:index/primaryIp:PrimaryIp"}
SPOKEN = ("docker:", "command:", "hcloud:")
"""Whose inputs are read by others than the engine: Docker, a process list, a cloud's metadata."""


def right():
    """Stacks that are accepted, each with a value for each secret that it must be given."""
    for number in count():
        fuzzed = made(f"{SEED} {NAME}", number, apps=number % 4 == 0)
        raw = {"homeport:preset": fuzzed.preset, "homeport:settings": json.dumps(fuzzed.settings)}
        try:
            plan = resolve(Configuration(fuzzed.stack, raw), sealed=True)
        except ProblemsError:
            continue
        needed = {name: spec for name, spec in plan.secrets.items() if spec.policy == "supplied"}
        secrets = {name: value(name, needed[name].kind) for name in needed if name not in plan.supplied}
        yield {"preset": fuzzed.preset, "stack": fuzzed.stack, "settings": fuzzed.settings, "secrets": secrets}


def value(name, kind):
    digits = hashlib.sha256(name.encode()).hexdigest()
    return f"A1{digits[:40]}" if kind == "account-password" else digits


def graphs(asked, order):
    """What each becomes; sets are in another order with another number."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("many_graphs.py"))],
        input=json.dumps(asked),
        env={**os.environ, "DOCKER_HOST": "unix:///var/run/docker.sock", "PYTHONHASHSEED": order},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def ordered(graph):
    """Without the order in which the engine happened to be told."""
    return {**graph, "resources": sorted(graph["resources"], key=lambda one: (one["type"], one["name"]))}


def unsafe(graph, asked):
    """What a graph has that no stack may have."""
    secrets = [*asked["secrets"].values()]
    secrets += [text for one in graph["resources"] if one["type"] == DRAWN for text in forms(one["name"])]
    for one in graph["resources"]:
        inputs = dict(one["inputs"])
        if one["type"].startswith(SPOKEN):
            # On a command's standard input they are meant to be.
            text = json.dumps({key: inputs[key] for key in inputs if (key, one["type"][:8]) != ("stdin", "command:")})
            yield from (f"{one['name']}: a secret" for secret in secrets if secret in text)
        if one["type"] in RENTED and asked["stack"] == "prod" and asked["settings"].get("protect_data", True):
            yield from () if one["options"].get("protect") else (f"{one['name']}: is not protected",)
        if one["type"] == CONTAINER:
            weakened = {name for name, app in asked["settings"].get("apps", {}).items() if "waivers" in app}
            yield from (f"{one['name']}: {what}" for what in loose(one["name"], inputs, weakened))


def loose(name, inputs, weakened):
    kept = {*(inputs["capabilities"].get("adds") or ())}
    limits = {limit["name"]: limit["hard"] for limit in inputs["ulimits"]}
    paths = {mount["hostPath"]: mount.get("readOnly") for mount in inputs["volumes"] if mount.get("hostPath")}
    told = {
        "keeps a capability": ["ALL"] != inputs["capabilities"]["drops"] or not kept <= ALLOWED_CAPABILITIES,
        "may gain privileges": ["no-new-privileges:true"] != inputs["securityOpts"] or inputs.get("privileged"),
        "shares what is the host's": "private" != inputs["ipcMode"]
        or inputs.get("pidMode")
        or "host" == inputs.get("networkMode"),
        "has no limit of memory": not 0 < inputs["memory"] == inputs["memorySwap"],
        "dumps its core": 0 != limits["core"],
        "can write to its own files": not inputs["readOnly"]
        and name not in WRITTEN
        and name.removesuffix("-container") not in weakened,
        "listens for the world": name not in PROXIES
        and any(
            not ip_address(port["ip"]).is_private or ip_address(port["ip"]).is_unspecified
            for port in inputs.get("ports") or ()
            if (port["external"], port.get("protocol")) != STUN
        ),
        "sees more of the host": not {*paths} <= HOST.get(name, set()) or not all(paths.values()),
    }
    return [what for what, wrong in told.items() if wrong]


@pytest.mark.slow
@pytest.mark.campaign
@pytest.mark.req("A-02")
def test_a_right_configuration_becomes_a_safe_graph_and_the_same_one_twice():
    asked = list(islice(right(), size(NAME)))
    first, second = graphs(asked, "1"), graphs(asked, "2")

    assert len(asked) == len(first)
    for one, graph, again in zip(asked, first, second, strict=True):
        assert "failed" not in graph, f"{json.dumps(one)}\n{graph['failed']}"
        assert [] == list(unsafe(graph, one)), json.dumps(one)
        assert ordered(graph) == ordered(again), f"another preview shows another graph: {json.dumps(one)}"
