"""A stack of two hosts in a mesh by the real engine, one adopted and one rented: from nothing to nothing.

One rehearsal for the whole file, in the order of its life. The emulated OVH keeps the zone, Pebble issues certificates,
and the mesh is a real one.
"""

from __future__ import annotations

import json

import pytest

from rehearsal.machine.daemon import labelled
from rehearsal.probes.box import Box, run
from tests.support.meshed import ASKED, Meshed
from tests.support.waits import until

# Building the mesh's two programs takes minutes.
pytestmark = [pytest.mark.docker, pytest.mark.world, pytest.mark.long]
MESH = "100.64."


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    made = Meshed(tmp_path_factory.mktemp("meshed"))
    try:
        made.remove()  # what a run that was cut off has left
        done = made.homeport("rehearse", "--no-claims")
        assert done.returncode == 0, done.stdout[-6000:]
        yield made
    finally:
        made.remove()


def fetched(stack, url, name="", **headers):
    """Status and body as somebody on the internet has it, at the address of a URL, for the name of a certificate."""
    with Box(stack.world["network"]["name"]) as box:
        about = {"url": url, "server_name": name, "headers": {"Host": name, **headers}}
        answer = run(box.prefix, "fetch", about)[0]
    return answer["status"], answer.get("body", "")


def asked(stack, container, url):
    """What a container of the hub gets; nothing where it does not get there."""
    script = f"wget -q -T 5 -O - {url} || true"
    return stack.run("hub", "docker", "exec", container, "sh", "-c", script)


def nodes(stack):
    said = json.loads(stack.run("hub", "docker", "exec", "headscale", "headscale", "nodes", "list", "-o", "json"))
    return sorted((node["id"], node["given_name"], *node["ip_addresses"], *node["forced_tags"]) for node in said)


def keys(stack):
    said = json.loads(
        stack.run("hub", "docker", "exec", "headscale", "headscale", "preauthkeys", "list", "-u", "1", "-o", "json")
    )
    return [key["key"] for key in said]


@pytest.mark.req("S5-12", "S5-13", "S5-14", "P-07")
def test_members_are_in_without_a_hand_and_a_second_preview_is_empty_also_after_a_refresh(stack):
    members = {name: address for _, name, address, *_ in nodes(stack)}
    shown = json.loads(stack.pulumi("stack", "output", "mesh", "--json").stdout)

    assert {"ai", "hub"} == {*members}, "each host is in, once, under its own name"
    assert members == shown, "their addresses are outputs"
    assert all(address.startswith(MESH) for address in members.values()), members
    for flags in ((), ("--refresh",)):
        done = stack.pulumi("preview", "--expect-no-changes", "--diff", *flags)
        assert 0 == done.returncode, done.stdout[-4000:]


@pytest.mark.req("S5-13")
def test_who_is_in_is_not_enrolled_again(stack):
    before = nodes(stack), keys(stack)
    done = stack.homeport("rehearse", "--no-claims")

    assert 0 == done.returncode, done.stdout[-4000:]
    assert before == (nodes(stack), keys(stack)), "no second node, and no key that nobody needed"
    assert "is brought back" not in done.stdout, "what a client writes by itself is nobody's change by hand"


@pytest.mark.req("S5-60", "S5-61", "S5-90")
def test_a_name_for_members_leads_into_the_mesh_and_answers_strangers_with_403(stack):
    records = {row["subDomain"]: row["target"] for row in stack.records() if row["fieldType"] == "A"}
    members = {name: address for _, name, address, *_ in nodes(stack)}
    public = stack.world["adopted"]["ai"]["address"]
    forged = {"X-Forwarded-For": members["hub"], "X-Real-IP": members["hub"], "Forwarded": f"for={members['hub']}"}

    assert members["ai"] == records["app"], "whoever is no member finds nobody there"
    assert {"headscale", "hook"} <= {name for name, target in records.items() if target == stack.address("hub")}
    assert (0, "") == fetched(stack, f"https://{records['app']}/", "app.example.com"), "silence by its name"
    assert 403 == fetched(stack, f"https://{public}/", "app.example.com")[0], "and 403 by the public address"
    assert 403 == fetched(stack, f"https://{public}/", "app.example.com", **forged)[0], "whatever a header says"
    script = "import urllib.request as u; print(u.urlopen('https://app.example.com/', timeout=10).read().decode())"
    inside = stack.run("hub", "env", "SSL_CERT_FILE=/etc/homeport/mesh/authority.pem", "python3", "-c", script)
    assert "the app" == inside.strip(), "a member comes in by the name, and its certificate is trusted"


@pytest.mark.req("S5-63")
def test_the_relay_hands_on_its_paths_over_the_mesh_and_no_other(stack):
    hub = stack.address("hub")

    until(
        lambda: fetched(stack, f"https://{hub}/webhook/x", "hook.example.com") == (200, "the app"),
        "nothing is handed on",
    )
    for path in ("/", "/webhook", "/rest/login", "/webhook/../rest/login"):
        assert 404 == fetched(stack, f"https://{hub}{path}", "hook.example.com")[0], path
    status, _ = fetched(stack, f"https://{hub}/webhook/x", "app.example.com")
    assert status != 200, "the hub knows the relay's name alone"


@pytest.mark.req("S5-14")
def test_a_container_reaches_members_where_that_is_declared_and_nowhere_else(stack):
    address = next(address for _, name, address, *_ in nodes(stack) if name == "ai")

    assert "Apache" in asked(stack, "asks", "http://ai.mesh.example.com:9100/"), "by the member's name"
    assert "" == asked(stack, "asks", f"http://{address}:9101/"), "another port of the same member"
    assert "" == asked(stack, "asks", f"http://{stack.address('ai')}:80/"), "the network has no other way out"
    assert "" == asked(stack, "silent", f"http://{address}:9100/"), "a container that declares no call"


def test_down_takes_the_records_the_servers_and_everything_else_away(stack):
    world = stack.world["id"]
    done = stack.homeport("rehearse-destroy")

    assert 0 == done.returncode, done.stdout[-4000:]
    assert [] == stack.records(), "no record is left at OVH"
    assert {"ai"} == {*stack.machines()}, "the rented server is given back, the adopted one runs"
    left = stack.run("ai", "sh", "-c", "docker ps -aq; ls -d /etc/homeport /var/lib/tailscale 2>/dev/null || true")
    assert "" == left.strip(), "and is as it was"
    stack.remove()
    assert [] == [name for kind in ("container", "volume", "network") for name in labelled(kind, world)]
    assert not ASKED.folder.exists(), "nor of its state"
