"""Routes that change while the proxy works, on the real engine, real Docker and a real proxy.

Nobody who goes elsewhere notices: fifty requests a second, a WebSocket and a stream of events go on meanwhile.
"""

from __future__ import annotations

import contextlib
import secrets

import pytest

from tests.support.door import Load, Stream, WebSocket
from tests.support.doorway import Doorway, app
from tests.support.scratch import docker
from tests.support.waits import until

pytestmark = pytest.mark.world

PRESET = """
from dataclasses import replace

from catalog.caddy.service import SERVICE
from homeport.model.network import Network
from homeport.model.preset import Preset

PRESET = Preset(
    name="ai-orchestrator",
    purpose="A proxy, and nothing behind it",
    services=(replace(SERVICE, networks=("front",)),),
    networks=(Network(name="front", subnet="172.30.90.0/24", internal=False),),
    routes=(),
)
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with Doorway(
        tmp_path_factory.mktemp("routes"),
        PRESET,
        {"site": app(access="public"), "talk": app(access="public"), "keyed": app(access="api-key")},
    ).running() as running:
        yield running


@pytest.fixture
def door(stack):
    return stack.door()


@pytest.fixture
def going_on(door):
    """A WebSocket, a stream, and the load: what must not notice."""
    socket_, stream = WebSocket(door, "talk.localhost"), Stream(door, "talk.localhost")
    with Load(door, "site.localhost") as load:
        until(lambda: load.seen[200] > 20, "the load runs")
        yield socket_, stream, load
    assert {200} == set(load.seen), load.seen
    assert "still here" == socket_.echo("still here"), "a WebSocket lives on"
    assert all(stream.tick() for _ in range(20)), "a stream goes on"
    socket_.close()
    stream.close()


def _up(stack):
    done = stack.up()
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.req("OS-30", "OS-31")
@pytest.mark.usefixtures("going_on")
def test_an_app_that_comes_is_renamed_and_goes_and_a_new_key_touch_nobody_else(stack, door):
    before = stack.ids
    old = stack.key()
    assert (401, 200) == (door.ask("keyed.localhost"), door.ask("keyed.localhost", "/", f"X-API-Key: {old}"))

    stack.app("late", access="public")
    _up(stack)
    assert 200 == door.ask("late.localhost"), "the new name answers when the update ends"
    assert before == {name: id_ for name, id_ in stack.ids.items() if name in before}, "one container more, that is all"
    late = stack.ids[f"{stack.name}-late"]

    stack.app("late", access="public", host="later")
    stack.configure(rotate={"keyed-api-key": 2})
    _up(stack)
    assert (0, 200) == (door.ask("late.localhost"), door.ask("later.localhost")), "another name, the same app"
    assert (401, 200) == tuple(door.ask("keyed.localhost", "/", f"X-API-Key: {key}") for key in (old, stack.key())), (
        "the old key is worth nothing any more"
    )
    assert {**before, f"{stack.name}-late": late} == stack.ids, "no container was replaced for a name and a key"

    stack.app("late")
    _up(stack)
    assert before == stack.ids, "the app's container is gone, and no other"
    assert f"{stack.name}-app-late" not in stack.objects("network")


@pytest.mark.req("OS-31", "OS-32")
@pytest.mark.usefixtures("going_on")
def test_routes_that_the_proxy_refuses_never_take_the_place_of_those_that_run(stack):
    stack.edit("homeport/render/caddy.py", "@whole zstd gzip", "@whole zstd gzip nonsense")
    stack.configure(rotate={"keyed-api-key": 3})
    done = stack.up()
    said = done.stdout + done.stderr
    stack.edit("homeport/render/caddy.py", "@whole zstd gzip nonsense", "@whole zstd gzip")

    assert done.returncode != 0, "an update that did not bring its routes is no success"
    assert f"{stack.proxy}: refuses the new routes" in said, said
    assert "nonsense" in said, "its own words"
    assert "fix: " in said, "and what to do"


@pytest.mark.req("OS-32")
def test_what_it_refused_it_does_not_start_with_either(stack):
    docker("restart", stack.proxy)
    door = stack.door()

    until(lambda: door.ask("site.localhost") == 200, "it starts with what it ran with")
    _up(stack)
    assert 200 == door.ask("keyed.localhost", "/", f"X-API-Key: {stack.key()}"), "and takes what is right"


@pytest.mark.req("P-02")
def test_nothing_is_left_to_do_also_after_a_refresh(stack):
    done = stack.pulumi("preview", "--refresh", "--expect-no-changes")

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.req("OS-33")
def test_a_large_upload_passes_and_one_beyond_the_limit_does_not(door):
    def put(megabytes):
        body = secrets.token_bytes(1 << 20) * megabytes
        head = f"PUT /up HTTP/1.1\r\nHost: site.localhost:{door.port}\r\nContent-Length: {len(body)}\r\n"
        with door.connect("site.localhost") as connection:
            connection.sendall((head + "Connection: close\r\n\r\n").encode())
            with contextlib.suppress(OSError):
                connection.sendall(body)
            return connection.makefile("rb").read()

    assert f"read {9 << 20}".encode() in put(9)
    assert b" 413 " in put(11).splitlines()[0], "ten megabytes unless the settings say more"


@pytest.mark.req("OS-30")
def test_nothing_is_left_of_proxy_apps_and_their_networks(stack):
    done = stack.pulumi("destroy", "--yes", "--skip-preview")

    assert done.returncode == 0, done.stdout + done.stderr
    assert [] == [*stack.objects("container"), *stack.objects("network"), *stack.objects("volume")]
