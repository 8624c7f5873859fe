"""What sshd of a server forwards: one port of its loopback address, for one user, and nothing else for nobody."""

from __future__ import annotations

import contextlib
import socket
import subprocess

import pytest

from components.connection import public_key
from tests.support.host import Server, seed
from tests.support.scratch import free_port
from tests.support.waits import until

pytestmark = pytest.mark.docker
STUDIO, OTHER = 3000, 3001
_ANSWER = """import socket, sys
server = socket.create_server(('127.0.0.1', int(sys.argv[1])))
while True: server.accept()[0].sendall(sys.argv[1].encode())"""
_SHUT = {
    "allowagentforwarding": "no",
    "allowstreamlocalforwarding": "no",
    "gatewayports": "no",
    "permittunnel": "no",
    "x11forwarding": "no",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("forward"))
    try:
        made.known()
        # Somebody else who may sign in: whether he may is no word on what is forwarded for him.
        made.inside("useradd --create-home --shell /bin/sh other && install -d -o other -m 700 ~other/.ssh")
        made.inside(f"echo '{public_key(seed('client'))}' >~other/.ssh/authorized_keys")
        done = made.sshd(users=("deploy", "other"), forward=("deploy", STUDIO))
        assert done.returncode == 0, done.stderr
        for port in (STUDIO, OTHER):
            made.inside(f'systemd-run -q --unit answer-{port} python3 -c "{_ANSWER}" {port}')
            until(lambda port=port: made.inside(f"ss -Hltn 'sport = :{port}'"), "something listens there")
        yield made
    finally:
        made.remove()


@contextlib.contextmanager
def session(server, *words, user="deploy"):
    """An SSH client with more options; its end is the end of what it forwards."""
    options = [part for option in server.options().splitlines() for part in ("-o", option)]
    fresh = ("-o", "ControlMaster=no", "-o", "ControlPath=none", "-o", "ClearAllForwardings=no")
    client = subprocess.Popen(
        ["ssh", "-N", *fresh, *options, *words, f"{user}@{server.address}"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield client
    finally:
        client.kill()
        client.communicate()


def answer(server, target, user="deploy"):
    """What comes through a forwarded port; empty: nothing."""
    here = free_port()
    with session(server, "-L", f"{here}:{target}", user=user):
        return until(lambda: [came(here)], "the client does not listen")[0]


def came(port):
    """What a port of this machine says at once, until its end or a pause."""
    with socket.create_connection(("127.0.0.1", port), timeout=120) as link:
        return link.recv(64).decode()


@pytest.mark.req("S1-35")
def test_the_port_is_forwarded_to_the_user_and_no_other_destination_is(server):
    assert str(STUDIO) == answer(server, f"127.0.0.1:{STUDIO}"), "ssh -L 3000:127.0.0.1:3000"
    for other in (f"127.0.0.1:{OTHER}", f"{server.address}:22", f"[::1]:{STUDIO}", f"0.0.0.0:{STUDIO}"):
        assert "" == answer(server, other), f"{other} was reached"


@pytest.mark.req("S1-35")
def test_another_user_who_may_sign_in_is_forwarded_nothing(server):
    assert "" == answer(server, f"127.0.0.1:{STUDIO}", user="other")


@pytest.mark.req("S1-35")
@pytest.mark.parametrize("user", ["deploy", "other"])
@pytest.mark.parametrize("where", ["0:127.0.0.1:22", "127.0.0.1:3100:127.0.0.1:22", "/tmp/back:127.0.0.1:22"])
def test_nothing_is_forwarded_the_other_way(server, user, where):
    with session(server, "-o", "ExitOnForwardFailure=yes", "-R", where, user=user) as client:
        _, said = client.communicate(timeout=180)

    assert client.returncode, "the host does not listen for anybody"
    assert "forwarding failed" in said, said


@pytest.mark.req("S1-35")
def test_agent_screen_sockets_and_tunnels_stay_shut_for_everybody(server):
    def effective(user):
        text = server.inside(
            f"PATH=$PATH:/usr/sbin sshd -T -C user={user},host=a,addr=192.0.2.1,laddr=192.0.2.2,lport=22"
        )
        return dict(line.split(" ", 1) for line in text.splitlines() if " " in line)

    deploy, other = effective("deploy"), effective("other")
    open_ = {name: deploy[name] for name in ("disableforwarding", "allowtcpforwarding", "permitopen")}

    assert {"disableforwarding": "no", "allowtcpforwarding": "local", "permitopen": f"127.0.0.1:{STUDIO}"} == open_
    assert ("yes", "no") == (other["disableforwarding"], other["allowtcpforwarding"]), "nothing for anybody else"
    for settings in (deploy, other):
        assert _SHUT == {name: settings[name] for name in _SHUT}
    differing = {name for name in deploy if deploy[name] != other.get(name)}
    assert {*open_} == differing, "nothing else is another for the user than for everybody"


@pytest.mark.req("S1-35")
def test_without_the_setting_nothing_is_forwarded_again(server):
    done = server.sshd(users=("deploy", "other"))
    assert done.returncode == 0, done.stderr

    assert "" == answer(server, f"127.0.0.1:{STUDIO}")
