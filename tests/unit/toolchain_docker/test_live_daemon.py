"""What only a real daemon can show: every property that our program sets, created, read back, without a difference."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.rehearsal.conformance.busybox_image import absence, docker
from tests.support.waits import until
from tests.unit.toolchain_docker.live import BUSYBOX, PREFIX, container
from toolchain.plugins.base import InitError, ProviderError

pytestmark = [pytest.mark.docker, pytest.mark.skipif(bool(absence()), reason=absence() or "-")]

HARDENED = {
    "capabilities": {"drops": ["ALL"], "adds": ["CAP_CHOWN", "CAP_NET_BIND_SERVICE"]},
    "cpus": "0.5",
    "destroyGraceSeconds": 1,
    "dns": ["192.0.2.53"],
    "envs": ["B=2", "A=1"],
    "healthcheck": {"tests": ["CMD", BUSYBOX, "true"], "interval": "1s", "timeout": "2s", "retries": 3},
    "hosts": [{"host": "db", "ip": "192.0.2.7"}],
    "init": True,
    "labels": [{"label": "homeport.test", "value": "live"}],
    "logDriver": "json-file",
    "logOpts": {"max-size": "10m", "max-file": "3"},
    "memory": 64,
    "memorySwap": 64,
    "readOnly": True,
    "restart": "unless-stopped",
    "securityOpts": ["no-new-privileges:true"],
    "shmSize": 8,
    "stopSignal": "SIGINT",
    "stopTimeout": 5,
    "sysctls": {"net.ipv4.ip_unprivileged_port_start": "0"},
    "tmpfs": {"/tmp": "rw,noexec,nosuid,size=16m,mode=1777"},
    "ulimits": [{"name": "nofile", "soft": 1024, "hard": 2048}],
    "user": "1000:1000",
    "wait": True,
    "waitTimeout": 30,
    "workingDir": "/tmp",
}


def test_a_hardened_container_shows_no_difference_after_a_refresh(world, image):
    network, _, _ = world.make("Network", name=f"{PREFIX}-n", labels=[{"label": "homeport.test", "value": "live"}])
    volume, _, _ = world.make("Volume", name=f"{PREFIX}-v", labels=[{"label": "homeport.test", "value": "live"}])
    extra = {
        "networksAdvanced": [{"name": f"{PREFIX}-n", "aliases": ["app"]}],
        "networkMode": f"{PREFIX}-n",
        "volumes": [{"volumeName": volume, "containerPath": "/data"}],
        "ports": [{"internal": 80, "external": 0, "ip": "127.0.0.1"}],
    }
    container_id, state, inputs = world.make("Container", **container(image, "hard", **HARDENED, **extra))
    kind = world.type("Container")
    assert network, "the network has an id"
    published = state["ports"][0]["external"]
    assert published > 0, "the daemon chose a free port"
    inputs["ports"][0]["external"] = published
    same, refreshed, _ = kind.read("urn", container_id, state, inputs)
    assert container_id == same, "it is the same container"
    diff = kind.diff("urn", container_id, refreshed, inputs, inputs)
    assert {} == dict(diff.detailed), "a second preview is empty (D11 to D26)"


@pytest.mark.parametrize(
    ("how", "seen_at"), [("stop", "mustRun"), ("kill", "mustRun"), ("stop start", ""), ("restart", "")]
)
def test_what_was_stopped_or_restarted_by_hand_shows_no_difference_once_it_is_put_back(world, image, how, seen_at):
    volume, _, _ = world.make("Volume", name=f"{PREFIX}-v")
    news = container(image, "by-hand", mustRun=True, destroyGraceSeconds=1, restart="unless-stopped")
    news |= {"volumes": [{"volumeName": volume, "containerPath": "/data"}], "stopTimeout": 1}
    container_id, state, inputs = world.make("Container", **news)
    kind = world.type("Container")
    for verb in how.split():
        docker(verb, container_id)
    _, state, seen = kind.read("urn", container_id, state, inputs)
    found = kind.diff("urn", container_id, state, seen, inputs).detailed
    assert dict.fromkeys(filter(None, [seen_at]), "UPDATE") == dict(found), "it is started, and no more"
    state = kind.update("urn", container_id, state, seen, inputs, preview=False, timeout=0)

    _, state, seen = kind.read("urn", container_id, state, inputs)
    assert {} == dict(kind.diff("urn", container_id, state, seen, inputs).detailed), "a second preview is empty"


def test_a_change_of_limits_is_made_in_place(world, image):
    container_id, state, inputs = world.make("Container", **container(image, "limits", memory=64, memorySwap=64))
    news = {**inputs, "memory": 96, "memorySwap": 96, "restart": "always"}
    kind = world.type("Container")
    after = kind.update("urn", container_id, state, inputs, news, preview=False, timeout=0)
    host = world.provider.daemon().call("GET", f"/containers/{container_id}/json")["HostConfig"]
    assert 96 * 1024 * 1024 == host["Memory"], "the daemon has the new limit"
    assert "always" == host["RestartPolicy"]["Name"], "and the new restart policy"
    assert (96, 96) == (after["memory"], after["memorySwap"]), "the state says so"


def test_an_update_that_the_daemon_refuses_is_an_error(world, image):
    container_id, state, inputs = world.make("Container", **container(image, "refused", memory=64, memorySwap=64))
    news = {**inputs, "memory": 128}
    with pytest.raises(InitError, match="Unable to update a container: Error response from daemon"):
        world.type("Container").update("urn", container_id, state, inputs, news, preview=False, timeout=0)


def test_files_are_there_before_the_container_starts(world, image):
    script = f"{BUSYBOX} stat -c %a:%u /etc/app.conf; {BUSYBOX} cat /etc/app.conf"
    more = {
        "command": [BUSYBOX, "sh", "-c", script],
        "uploads": [{"file": "/etc/app.conf", "content": "hello", "permissions": "0400"}],
        "mustRun": False,
        "attach": True,
        "logs": True,
    }
    _, state, _ = world.make("Container", **container(image, "upload", **more))
    assert "400:0\nhello" == state["containerLogs"], "mode, owner and content, and the output is kept"
    assert 0 == state["exitCode"], "it ended well"


def test_a_container_that_ends_at_once_shows_as_not_running(world, image):
    container_id, state, inputs = world.make("Container", **container(image, "ends") | {"command": [BUSYBOX, "false"]})

    def ended():
        refreshed = world.type("Container").read("urn", container_id, state, inputs)[1]
        return None if refreshed["mustRun"] else refreshed

    refreshed = until(ended, "it shows as running")
    assert (False, 1) == (refreshed["mustRun"], refreshed["exitCode"]), "as drift, not as an error"


def test_a_container_without_health_check_cannot_be_waited_for(world, image):
    with pytest.raises(InitError, match="does not have a healthcheck defined"):
        world.make("Container", **container(image, "wait", wait=True))


def test_a_container_that_cannot_join_its_network_is_kept_as_unfinished(world, image):
    with pytest.raises(InitError, match="homeport-no-such-network not found") as unfinished:
        world.make("Container", **container(image, "lost", networksAdvanced=[{"name": "homeport-no-such-network"}]))
    state = unfinished.value.state
    assert unfinished.value.id == state["id"], "the engine needs the id to clean up"
    news = world.inputs("Container", container(image, "lost"))
    diff = world.type("Container").diff("urn", unfinished.value.id, state, news, news)
    assert diff.delete_before_replace, "the next up replaces it, the broken one first"


def test_a_graceful_stop_waits_and_an_ungraceful_one_does_not(world, image):
    trap = [BUSYBOX, "sh", "-c", f"trap '{BUSYBOX} sleep 1; exit 0' TERM; while :; do {BUSYBOX} sleep 0.1; done"]
    gentle, _, _ = world.make("Container", **container(image, "gentle", destroyGraceSeconds=600) | {"command": trap})
    rude, _, _ = world.make(
        "Container", **container(image, "rude", stopTimeout=600) | {"command": [BUSYBOX, "sleep", "600"]}
    )
    started = time.monotonic()
    world.delete(gentle)
    assert 1 <= time.monotonic() - started < 300, "it had its time and was not killed"
    started = time.monotonic()
    world.delete(rude)
    assert time.monotonic() - started < 300, "without a grace period it is killed at once (D14)"


def test_sixteen_containers_are_made_at_once(world, image):
    def one(number):
        return world.make("Container", **container(image, f"many-{number}", memory=16, memorySwap=16))[0]

    with ThreadPoolExecutor(16) as pool:
        ids = list(pool.map(one, range(16)))
    assert 16 == len(set(ids)), "all were made"
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(world.delete, ids))
    left = docker("ps", "-aq", "--filter", f"name={PREFIX}-many").stdout
    assert b"" == left, "and all are gone"


def test_a_container_made_elsewhere_can_be_taken_over(world, image):
    container_id, _, inputs = world.make(
        "Container", **container(image, "import", memory=32, memorySwap=32, readOnly=True)
    )
    _, state, imported = world.type("Container").read("urn", container_id, {}, {})
    expected = {key: inputs[key] for key in ("name", "command", "memory", "memorySwap", "readOnly")}
    assert expected == {key: imported.get(key) for key in expected}, "an import finds what was set"
    assert f"{PREFIX}-import" == state["name"], "and its state"


def test_a_preview_leaves_the_daemon_alone(world, image):
    inputs = world.inputs("Container", container(image, "preview"))
    new_id, _ = world.type("Container").create("urn", inputs, preview=True, timeout=0)
    assert "" == new_id, "there is no id yet"
    assert b"" == docker("ps", "-aq", "--filter", f"name={PREFIX}-preview").stdout, "nothing was made"


def test_an_image_that_cannot_be_had_is_an_error_in_the_official_words(world):
    with pytest.raises(
        ProviderError, match="Unable to create container with image localhost:1/none:1: unable to pull image"
    ):
        world.make("Container", **container("localhost:1/none:1", "none"))
