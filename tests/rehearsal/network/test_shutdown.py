"""How containers end when the machine goes down, on a real host: in their order, and back after the boot."""

from __future__ import annotations

import time

import pytest

from homeport.render import shutdown, wireguard
from rehearsal.probes.box import docker
from tests.support.waits import until

pytestmark = pytest.mark.docker

# On SIGTERM: one asks the other, which it needs, a second later and says what it got; that one says goodbye; a third
# does not listen.
_ASKS = (
    'trap "sleep 1; nc -z -w 2 answers 5432 && echo asks: answered >>/out/log || echo asks: nobody >>/out/log; '
    'exit 0" TERM'
)
_ANSWERS = 'trap "echo answers: ends >>/out/log; exit 0" TERM; (nc -lk 5432 &)'
_DEAF = 'trap "" TERM'
_WAITS = "while :; do sleep 1 & wait $!; done"


def started(server, name, does, seconds):
    server.run(
        f"docker run -d --restart unless-stopped --name {name} --network other --stop-timeout {seconds} "
        f"-v /var/ending:/out "
        f"tiny:1 sh -c '{does}; {_WAITS}'"
    )


@pytest.fixture
def containers(server):
    server.run("mkdir -p /var/ending; rm -f /var/ending/log")
    started(server, "answers", _ANSWERS, 20)
    # By its address: Docker's names go with dockerd.
    address = server.run("docker inspect -f '{{.NetworkSettings.Networks.other.IPAddress}}' answers").strip()
    started(server, "asks", _ASKS.replace("answers 5432", f"{address} 5432"), 20)
    started(server, "deaf", _DEAF, 3)
    server.put(shutdown.files((("asks", "deaf"), ("answers",)), (wireguard.UNIT,)), "systemctl daemon-reload")
    yield
    server.run("docker rm -f asks answers deaf >/dev/null")
    server.engine()


@pytest.mark.req("F-02", "P-27")
@pytest.mark.usefixtures("containers")
def test_a_container_ends_while_what_it_needs_is_there_and_all_are_back_after_the_boot(server):
    began = time.monotonic()
    docker("stop", "--time", "180", server.name)
    seconds = time.monotonic() - began
    docker("start", server.name)
    until(lambda: server.ok("systemctl is-active docker"), "no Docker after the boot")
    entries = server.run("cat /var/ending/log").splitlines()
    names = "docker ps --format '{{.Names}}'"
    back = {"asks", "answers", "deaf", "service"}
    until(lambda: back <= set(server.run(names).split()), "it was no `docker stop`, after which they would stay down")
    print(f"down in {seconds:.1f} s")

    assert ["asks: answered", "answers: ends"] == entries, "first what needs, then what is needed"
    assert seconds < 90, "one that does not listen costs its own time, not systemd's 90 s"


def test_a_restart_of_the_daemon_ends_no_container(server):
    running = "docker inspect -f '{{.Name}} {{.State.StartedAt}}' service other"
    before = server.run(running)
    server.run("systemctl restart docker")
    until(lambda: server.ok("docker version"), "no Docker")

    assert before == server.run(running), "they live on, and the list of what runs is for the day the machine goes down"
    assert server.run("cut -d ' ' -f 3 /run/homeport-containers").split(), "which it names"
