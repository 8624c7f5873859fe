"""The store of metrics and the program that reads containers, both real, in their hardened containers."""

import json
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.cadvisor.service import SERVICE as CADVISOR
from catalog.victoriametrics.service import SERVICE as STORE
from tests.support.catalog_containers import LABEL, ensure, healthy, shown
from tests.support.containers import docker
from tests.support.metrics import Store
from tests.support.waits import until

pytestmark = pytest.mark.docker
DAY = 24 * 3600
OWN_CONTAINERD = Path("/run/docker/containerd")
"""Where a dockerd that was started by itself has its own one."""


def host_config(name):
    return json.loads(shown(name))[0]["HostConfig"]


@pytest.mark.req("S5-47")
def test_what_is_written_is_there_after_a_new_container_and_what_is_too_old_is_not_kept(place, store):
    now = int(time.time())
    store.write("probe_kept 7", at=now - 60)
    store.write("probe_old 7", at=now - 3 * DAY)
    store.settle()
    docker("stop", store.name)
    name = place.replace(STORE, texts={"metrics-retention": "2d"}, publish=("--publish", "127.0.0.1::8428"))
    again = Store(healthy(name))

    assert [7.0] == list(again.ask("probe_kept", now).values()), "its volume holds it"
    assert {} == again.ask("last_over_time(probe_old[7d])", now), "the option said two days"
    store.url = again.url


@pytest.mark.req("S5-47")
def test_the_store_runs_without_any_right(store):
    host = host_config(store.name)

    assert (True, ["ALL"]) == (host["ReadonlyRootfs"], host["CapDrop"]) and not host["CapAdd"], "it needs none"


@pytest.fixture(scope="module")
def watched(place):
    """cAdvisor, and two containers that it is to see: one that is well, and one that is not."""
    ensure(CADVISOR.image)
    binds = dict(CADVISOR.binds)
    if not (Path(binds["containerd"].source) / "containerd.sock").exists():
        binds["containerd"] = replace(binds["containerd"], source=str(OWN_CONTAINERD))
    for service, answer in (("well", "true"), ("ill", "false")):
        labels = [LABEL, f"homeport.service={service}", "homeport.stack=observed", "other=unseen"]
        health = [f"--health-cmd={answer}", "--health-interval=1s", "--health-retries=1"]
        options = [f"--name={place.name}-{service}", *(f"--label={label}" for label in labels), *health]
        docker("run", "--detach", *options, "homeport/base:bookworm", "sleep", "infinity")
    name = place.start(replace(CADVISOR, binds=binds), publish=("--publish", "127.0.0.1::8080"))
    yield healthy(name)
    docker("rm", "--force", f"{place.name}-well", f"{place.name}-ill", check=False)


def metrics(name):
    address = docker("port", name, "8080/tcp").splitlines()[0]
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=120) as answer:  # the test's own container
        return answer.read().decode()


@pytest.mark.req("S5-50")
def test_cadvisor_tells_what_each_container_uses_by_the_name_of_its_service_and_whether_it_is_healthy(store, watched):
    label = 'container_label_homeport_service="{}"'

    def health():
        store.write(metrics(watched))
        store.settle()
        now = int(time.time())
        asked = {service: store.ask(f"container_health_state{{{label.format(service)}}}", now) for service in names}
        return [value for found in asked.values() for value in found.values()]

    names = ("well", "ill")
    until(lambda: health() == [1.0, 0.0], "one is healthy, the other is not, and both are seen")
    # Not a second's fraction before what was read just now.
    now = int(time.time()) + 1
    used = {
        name: store.ask(f"{name}{{{label.format('well')}}}", now)
        for name in (
            "container_cpu_usage_seconds_total",
            "container_memory_working_set_bytes",
            "container_last_seen",
        )
    }
    assert [] == [name for name, found in used.items() if not found], "processor, memory, and that it is there"
    assert "unseen" not in metrics(watched), "of other labels it says nothing"


@pytest.mark.req("S5-50")
def test_cadvisor_has_no_capability_and_sees_nothing_of_what_containers_store(watched):
    host = host_config(watched)
    places = {bind.split(":")[0] for bind in host["Binds"]}

    assert (True, ["ALL"], False) == (host["ReadonlyRootfs"], host["CapDrop"], host["Privileged"]), "not as upstream"
    assert not host["CapAdd"] and all(bind.endswith(":ro") for bind in host["Binds"] if bind.startswith("/")), (
        "and writes nowhere"
    )
    assert not places & {"/", "/var/run", "/var/lib/docker"}, "neither the host's files nor the volumes are shown to it"
