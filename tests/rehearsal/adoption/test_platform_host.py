"""vps-infrastructure on a machine that had nothing: compose by hand, what its programs tell, and a reboot.

One machine for the whole file, in the order of its life.
"""

from __future__ import annotations

import json

import pytest

from catalog.supabase_db.service import SERVICE
from tests.support.platform_host import PlatformHost
from tests.support.waits import until

pytestmark = pytest.mark.world
TIMERS = 7
"""Six of the backups, and that of the registry's collection."""
TALK = (
    r"""exec 3<>/dev/tcp/host.docker.internal/9000; printf 'GET %s HTTP/1.0\r\nHost: host\r\n\r\n' "$0" >&3; cat <&3"""
)
ASKS = (
    'docker run --rm --network "$1" --add-host host.docker.internal:host-gateway --entrypoint timeout '
    '"$2" 5 bash -c "$3" "$4"'
)
"""A further container on a network of the stack, which finds the host as the AI Dev Server does: by its name."""


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    made = PlatformHost(tmp_path_factory.mktemp("platform-host"))
    try:
        assert "" == made.inside("command -v git || command -v docker || true"), "the image has what is to be installed"
        code, said = made.homeport("up", "--yes", seconds=900)
        assert code == 0, said[-6000:]
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="module")
def token(host):
    return host.stack.outputs()["credentials"]["host-agent-bearer-token"]


def healthy(host, name):
    state = host.containers().get(name, {"State": {}})["State"]
    return state.get("Running") and state.get("Health", {}).get("Status") == "healthy"


def lives(host, *but):
    """Who runs, since when: all containers but these."""
    return {
        name: (item["Id"], item["State"]["StartedAt"]) for name, item in host.containers().items() if name not in but
    }


def registry(host, password=""):
    """How the registry answers on the loopback address, to its user or to a stranger."""
    script = "import base64, sys, urllib.request as u, urllib.error as e\n"
    script += "word = base64.b64encode(('registry:' + sys.argv[1]).encode()).decode()\n"
    script += "headers = {'Authorization': 'Basic ' + word} if sys.argv[1] else {}\n"
    script += "try: print(u.urlopen(u.Request('http://127.0.0.1:5000/v2/', headers=headers), timeout=120).status)\n"
    script += "except e.HTTPError as error: print(error.code)\n"
    return int(host.inside('python3 -c "$2" "$1"', password, script))


def from_container(host, network, path):
    """HostAgent's status and answer to a container without a token; nothing where it does not get there."""
    said = host.inside(ASKS, network, SERVICE.image, TALK, path, check=False)
    if not said:
        return 0, {}
    head, _, body = said.partition("\n\n")
    return int(head.split()[1]), json.loads(body)


def reached(host, path):
    """The same from the network that is for it; nothing where that takes longer than five seconds."""
    status, body = from_container(host, "agent_default", path)
    return (status, body) if status else ()


@pytest.mark.req("S1-62")
def test_each_service_is_stopped_and_started_alone_and_an_update_brings_back_what_is_described(host):
    password = host.stack.outputs()["credentials"]["registry-password"]
    described = {name: item["Config"]["Image"] for name, item in host.containers().items()}
    kept = host.kept()
    host.inside("docker exec registry sh -c 'echo mine >/var/lib/registry/mine'")
    host.inside("docker exec supabase-db psql -qU supabase_admin postgres -c 'create table mine (a int)'")

    # Down and up again: compose's own container, with everything that it needs.
    others = lives(host, "registry")
    host.compose("registry", "down")
    assert others == lives(host), "that one service alone is down"
    host.compose("registry", "up", "-d")
    until(lambda: healthy(host, "registry"), "compose's registry is healthy")
    assert others == lives(host, "registry")
    assert (401, 200) == (registry(host), registry(host, password)), "with its secrets, at its port"
    assert "mine\n" == host.inside("docker exec registry cat /var/lib/registry/mine"), "and its data"
    networks = host.containers()["registry"]["NetworkSettings"]["Networks"]
    assert ["registry_default"] == list(networks)

    # Down, and left so.
    others = lives(host, "dtc-frontend-app")
    host.compose("dtc-frontend-app", "down")
    assert others == lives(host)

    # The same container all the time, as its folder's is one of several.
    others, before = lives(host, "supabase-db"), host.containers()["supabase-db"]["Id"]
    for word in ("stop", "start", "restart"):
        host.compose("supabase", word, "supabase-db")
        assert (word != "stop") == host.containers()["supabase-db"]["State"]["Running"], word
        assert (before, others) == (host.containers()["supabase-db"]["Id"], lives(host, "supabase-db")), word
    until(lambda: healthy(host, "supabase-db"), "it is healthy after a restart")
    host.compose("supabase", "stop")

    # In the place of one that runs.
    others, before = lives(host, "caddy"), host.containers()["caddy"]["Id"]
    host.compose("caddy", "up", "-d", "--force-recreate")
    until(lambda: healthy(host, "caddy"), "compose's proxy is healthy")
    assert before != host.containers()["caddy"]["Id"]
    assert others == lives(host, "caddy")
    assert kept == host.kept(), "no network or volume came or went"

    host.inside("systemctl stop host-agent")
    here = lives(host)
    code, said = host.homeport("preview", seconds=600)
    assert code == 0, said
    for words in (
        "host main: host-agent.service is stopped: would be brought back",
        "container registry is one that compose made: it is taken away, and the stack's is made again",
        "container caddy is one that compose made: it is taken away, and the stack's is made again",
        "container dtc-frontend-app is gone: it is made again",
        "container supabase-db is stopped",
    ):
        assert words in said, said
    assert here == lives(host), "a preview changes nothing"

    code, said = host.homeport("up", "--yes", seconds=900)
    assert code == 0, said[-6000:]
    now = host.containers()
    assert described == {name: item["Config"]["Image"] for name, item in now.items()}
    assert {host.stack.name} == {item["Config"]["Labels"].get("homeport.stack") for item in now.values()}
    assert kept == host.kept()
    until(lambda: host.asked("/health")[0] == 200, "so does a program of the host itself")
    assert "mine\n" == host.inside("docker exec registry cat /var/lib/registry/mine"), "data is kept"
    assert "mine" in host.inside("docker exec supabase-db psql -AtU supabase_admin postgres -c '\\dt public.mine'")
    assert (401, 200) == (registry(host), registry(host, password))
    again = host.stack.pulumi("preview", "--refresh", "--expect-no-changes", "--diff", timeout=600)
    assert again.returncode == 0, again.stdout[-4000:] + again.stderr[-1000:]
    code, said = host.homeport("preview", seconds=600)
    assert code == 0 and "container " not in said, said


def test_git_is_there_for_host_agent_and_the_backup_on_a_machine_that_came_without(host, token):
    status, body = host.asked("/git/status", token)
    assert 200 == status, body
    assert "main" == body["branch"], body
    said = host.inside("systemctl start host-backup@state; cat /var/lib/homeport-backup/results/state.json")
    assert "ok" == json.loads(said)["status"], said
    assert "1" == host.typed("git log --oneline -- docker-compose | wc -l").strip(), "the folder is a repository"


def test_the_status_tells_what_the_programs_of_the_host_do_and_which_backup_is_the_newest(host, token):
    version = host.asked("/health")[1]["version"]
    code, said = host.homeport("status", "--json")
    document = json.loads(said[said.index("{") :])

    assert (0, True) == (code, document["healthy"]), said
    units = {row["unit"]: row for row in document["programs"]}
    assert {"active"} == {row["state"] for row in units.values()}, units
    assert version == units["host-agent.service"]["version"]
    assert TIMERS == sum(name.endswith(".timer") for name in units)
    assert ["state"] == [row["work"] for row in document["works"]], "what has run"

    host.inside("systemctl stop host-agent; systemctl start host-backup@workflows || true")
    code, said = host.homeport("status")
    host.inside(
        "systemctl reset-failed; rm /var/lib/homeport-backup/results/workflows.json; systemctl start host-agent"
    )
    assert 1 == code, said
    for words in (
        "host-agent.service is inactive",
        "http://127.0.0.1:9000/health does not answer",
        "host-backup@workflows.service, which it starts, failed last (exit-code)",
        "workflows failed last, and went well never",
    ):
        assert words in said, said
    assert token not in said


@pytest.mark.req("S1-08", "S1-48")
def test_a_container_reaches_host_agent_by_name_from_the_network_that_is_for_it_and_from_no_other(host):
    until(lambda: host.asked("/health")[0] == 200, "it runs")
    status, body = until(lambda: reached(host, "/health"), "no container gets there")
    assert (200, "ok") == (status, body.get("status"))
    status, _ = until(lambda: reached(host, "/git/status"), "no container gets there")
    assert 401 == status, "nothing but its health without a token"
    others = ("bridge", "dtc_default", "registry_default", "supabase_default")
    assert {0} == {from_container(host, network, "/health")[0] for network in others}


def sockets(host):
    """The operations whose sockets listen."""
    said = host.inside("systemctl list-units --plain --no-legend --state=listening 'host-agent-task@*.socket'")
    return {line.split()[0].removeprefix("host-agent-task@").removesuffix(".socket") for line in said.splitlines()}


@pytest.mark.req("P-27", "S1-48")
def test_after_a_reboot_host_agent_its_sockets_and_the_timers_are_back_and_the_services_too(host, token):
    before = sockets(host)
    assert {"git-status", "backup-n8n", *host.asked("/tasks", token)[1]["tasks"]} <= before
    host.reboot()
    until(lambda: host.asked("/health")[0] == 200, "HostAgent answers after a boot")
    until(lambda: all(healthy(host, name) for name in host.containers()), "all services are healthy again", 240)
    assert 200 == until(lambda: reached(host, "/health"), "no container gets there")[0]
    assert before == sockets(host)
    assert 200 == host.asked("/git/status", token)[0], "a task behind its socket answers"
    ours = "{n8n,pg,registry}-backup.timer backup-{drill,watch}.timer state-snapshot.timer registry-gc.timer"
    timers = host.inside(f"bash -c 'systemctl list-timers --no-legend --plain {ours}'").splitlines()
    assert TIMERS == len(timers), timers
    code, said = host.homeport("status")
    assert 0 == code, said
