"""node_exporter on a server that has nothing yet: the distribution's package, in the unit of the catalog."""

import subprocess
import urllib.request

import pytest

from catalog.node_exporter.program import NODE_EXPORTER
from homeport.render import host_programs as render
from homeport.render import packages
from tests.support.alerts import rules, system
from tests.support.checkout import ROOT
from tests.support.host import bare
from tests.support.waits import until

pytestmark = pytest.mark.docker
ADDRESS = "100.64.0.3"
TEXTS = {"node-address": ADDRESS, "subnet:egress": "172.20.4.0/24"}
URL = f"http://{ADDRESS}:9100/metrics"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = bare(tmp_path_factory.mktemp("node"))
    try:
        made.pinned()
        done = made.unit("packages", apply=packages.install(NODE_EXPORTER.packages))
        assert done.returncode == 0, done.stderr
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="module")
def exporter(server):
    """The host with it: laid as the component does while the mesh is not up yet, which comes up after it."""
    done = server.unit(
        "program-node-exporter",
        render.files(NODE_EXPORTER, TEXTS, ROOT),
        render.apply(NODE_EXPORTER, TEXTS),
        remove=render.remove(NODE_EXPORTER, TEXTS),
        more={"also": (), "units": NODE_EXPORTER.units, "texts": TEXTS, "take_over": ()},
    )
    assert done.returncode == 0, done.stderr
    server.inside(f"ip address add {ADDRESS}/32 dev lo")
    return server


def answers(server, url):
    return (
        0
        == subprocess.run(
            ["docker", "exec", server.container, "curl", "-sf", "-m", "20", "-o", "/dev/null", url], check=False
        ).returncode
    )


def test_it_answers_at_the_meshs_address_as_soon_as_that_is_there_and_nowhere_else(exporter):
    until(lambda: answers(exporter, URL), "it tries again until the mesh has given the host its address")
    listening = exporter.inside("ss -Hltn 'sport = :9100' | awk '{print $4}'").split()

    assert [f"{ADDRESS}:9100"] == listening, "neither at the host's public address nor at its loopback one"
    assert "masked" == exporter.inside("systemctl is-enabled prometheus-node-exporter || true").strip(), (
        "the package's own unit would be at all of them, after the next reboot at the latest"
    )
    assert "enabled" == exporter.inside("systemctl is-enabled node-exporter").strip(), "it comes back after a reboot"
    assert "prometheus" == exporter.inside("ps -o user= -C prometheus-node-exporter").strip(), "as the package's user"
    with pytest.raises(OSError):
        urllib.request.urlopen(f"http://{exporter.address}:9100/metrics", timeout=5)  # the test's own machine


def test_it_hands_on_what_its_script_tells_of_containers(exporter):
    until(lambda: answers(exporter, URL), "it answers")
    until(lambda: exporter.inside("ls /run/container-states").split() == ["containers.prom"], "the script has begun")
    labels = 'name="web",container_label_homeport_service="web"'
    exporter.inside(f"echo 'container_last_seen{{{labels}}} 7' >/run/container-states/web.prom")
    text = exporter.inside(f"curl -sf {URL}; rm /run/container-states/web.prom")

    assert 'container_last_seen{container_label_homeport_service="web",name="web"} 7' in text, "from within its unit"
    assert "node_textfile_scrape_error 0" in text
    assert "active" == exporter.inside("systemctl is-active container-states").strip(), "whether Docker answers or not"


@pytest.mark.req("S5-54")
def test_what_it_tells_is_what_the_alerts_ask_for(exporter, store):
    until(lambda: answers(exporter, URL), "it answers")
    now = int(exporter.inside("date +%s"))
    text = exporter.inside(f"curl -sf {URL}")
    for at in (now - 60, now - 30, now):
        store.write(text, at=at, job="node", instance="workstation")
        store.write("up 1", at=at, job="node", instance="workstation")
    store.settle()

    names = ("node_cpu_seconds_total{mode='idle'}", "node_filesystem_avail_bytes", "node_filesystem_size_bytes")
    every = (
        *names,
        "node_boot_time_seconds{job='node'}",
        "node_memory_MemAvailable_bytes",
        "node_memory_MemTotal_bytes",
    )
    assert [] == [name for name in every if not store.ask(name, now)], "by these names, in this version too"
    asked = {rule.title: rule.expr for rule in rules(system()) if rule.labels.get("kind") == "host"}
    busy = store.ask(asked["A host's processors are busy"].replace("> 90", "<= 100"), now)
    assert [(("instance", "workstation"),)] == [*busy], "one value a host"
