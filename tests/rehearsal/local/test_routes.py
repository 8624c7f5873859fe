"""Routes that change while the proxy works, on the real engine, real Docker and a real proxy.

Nobody who goes elsewhere notices: fifty requests a second, a WebSocket and a stream of events go on meanwhile.
"""

from __future__ import annotations

import base64
import contextlib
import secrets
import zlib
from pathlib import Path

import pytest

from tests.support import echo_server, subnets
from tests.support.door import Door, Load, Stream, WebSocket
from tests.support.scratch import Scratch, docker, free_port, inspect
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
SERVER = base64.b64encode(zlib.compress(Path(echo_server.__file__).read_bytes(), 9)).decode()


def _app(**route):
    return {
        "image": "python:3.11.16-slim-bookworm",
        "command": [
            "python",
            "-c",
            f"import base64, zlib; exec(zlib.decompress(base64.b64decode('{SERVER}')))",
            "8000",
        ],
        "port": 8000,
        "route": route,
        "health": {"command": ["python", "-c", "import socket; socket.create_connection(('127.0.0.1', 8000), 2)"]},
        "memory": 64,
    }


class Doorway(Scratch):
    """A stack of a proxy and apps."""

    def __init__(self, folder):
        self.ports = [free_port() for _ in range(2)]
        front = f"{subnets.block('10.211')}.0/24"
        super().__init__(
            folder,
            services={},
            networks={"front": front},
            edge={"http_port": self.ports[0], "https_port": self.ports[1]},
            apps={
                "site": _app(access="public"),
                "talk": _app(access="public"),
                "keyed": _app(access="api-key"),
            },
        )
        (self.folder / "catalog/presets/ai_orchestrator/preset.py").write_text(PRESET)

    def edit(self, path, before, after):
        text = (self.folder / path).read_text()
        assert before in text, f"{path} is written otherwise now"
        (self.folder / path).write_text(text.replace(before, after))

    def app(self, name, **route):
        """Adds an app, or gives it another route; nothing: takes it away."""
        apps = {**self.settings["apps"], name: _app(**route)}
        self.configure(apps={key: app for key, app in apps.items() if app["route"]})

    @property
    def ids(self):
        return {name: inspect(name)["Id"] for name in self.objects("container")}

    @property
    def proxy(self):
        return f"{self.name}-caddy"

    def door(self):
        return Door.of(self.proxy, self.ports[1])

    def key(self):
        return self.outputs()["credentials"]["keyed-api-key"]


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with Doorway(tmp_path_factory.mktemp("routes")).running() as running:
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
    stack.edit("homeport/render/caddy.py", '"encode zstd gzip"', '"encode zstd gzip nonsense"')
    stack.configure(rotate={"keyed-api-key": 3})
    done = stack.up()
    said = done.stdout + done.stderr
    stack.edit("homeport/render/caddy.py", '"encode zstd gzip nonsense"', '"encode zstd gzip"')

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
