"""The WireGuard client against a server of the same kind, on a bridge between two containers."""

import time

import pytest

from rehearsal.probes.box import docker, start
from rehearsal.probes.errors import ProbeError
from rehearsal.probes.peer import Peer, new_key, with_strange_key
from rehearsal.probes.scan import VPN_RATE, Scan, scan, scan_patiently

pytestmark = pytest.mark.docker

SERVER = "10.99.0.2"


class Pair:
    """A server, and what its clients are told."""

    def __init__(self, server):
        self.server = server
        self._key = new_key()

    def public(self, key):
        return docker("exec", "--interactive", self.server.name, "wg", "pubkey", stdin=key.encode()).strip()

    def accepts(self, **slots):
        """The server's configuration: slot to private key of the client that has it."""
        peers = [
            f"[Peer]\nPublicKey = {self.public(key)}\nAllowedIPs = 10.99.0.{slot.removeprefix('s')}/32\n"
            for slot, key in slots.items()
        ]
        return f"[Interface]\nAddress = {SERVER}/24\nListenPort = 51820\nPrivateKey = {self._key}\n" + "".join(peers)

    def client(self, key, slot=1):
        """A client's configuration, as a stack's output has it."""
        return (
            f"[Interface]\nAddress = 10.99.0.{slot}/24\nPrivateKey = {key}\n\n"
            f"[Peer]\nPublicKey = {self.public(self._key)}\n"
            f"AllowedIPs = {SERVER}/32\nEndpoint = {self.server.address()}:51820\nPersistentKeepalive = 25\n"
        )


@pytest.fixture(scope="module")
def server(network, image):
    with Peer(network, image) as peer:
        yield peer


@pytest.fixture
def pair(server):
    made = Pair(server)
    yield made
    server.down()


@pytest.fixture
def begin(server):
    """Starts programs on the server, which end with the test: also with one that fails."""
    running = []

    def started(program, about):
        running.append(start(server.prefix, program, about))
        running[-1].wait_for(0)

    yield started
    for one in running:
        one.stop()


@pytest.fixture
def client(network, image):
    with Peer(network, image) as peer:
        yield peer


def test_a_client_reaches_the_server_with_nothing_but_its_configuration(pair, server, client):
    key = new_key()
    server.up(pair.accepts(s1=key))
    client.up(pair.client(key))
    client.until_handshake()
    with pytest.raises(ProbeError, match="gave no answer 2"):
        sink = server.sink(8080, answers=[{"status": 503, "body": "not yet"}, {"status": 202, "body": "taken"}])
        sink.wait_for(2, seconds=0.1)
    first = client.fetch(f"http://{SERVER}:8080/webhook/heartbeat?a=1", method="POST", body='{"status":"online"}')
    second = client.fetch(f"http://{SERVER}:8080/")
    assert [(503, "not yet"), (202, "taken")] == [(answer["status"], answer["body"]) for answer in (first, second)], (
        "as told, in order"
    )
    requests = sink.stop()[1:]
    assert [("POST", "/webhook/heartbeat?a=1", '{"status":"online"}', "10.99.0.1"), ("GET", "/", "", "10.99.0.1")] == [
        (request["method"], request["path"], request["body"], request["from"]) for request in requests
    ], "every request, with the address that the sender has in the tunnel"
    link = client.link()
    assert link.handshake_age < 120, "the handshake is fresh"
    client.down()
    assert 0 == client.fetch(f"http://{SERVER}:8080/", seconds=1)["status"], "without the tunnel there is no way"


def test_a_strange_key_gets_nothing_but_silence(pair, server, client):
    key = new_key()
    server.up(pair.accepts(s1=key))
    client.up(with_strange_key(pair.client(key)))
    client.knock(SERVER)
    with pytest.raises(ProbeError, match="no handshake"):
        client.until_handshake(15)
    link = client.link()
    assert (None, 0) == (link.handshake_age, link.received), "not one byte came back"
    assert link.sent >= 2 * 148, "it did try: two handshakes of 148 bytes, the second after five seconds"


def test_keys_are_rotated_without_a_lost_probe_and_the_old_one_is_dead(pair, server, client, begin):
    old, new = new_key(), new_key()
    server.up(pair.accepts(s1=old))
    client.up(pair.client(old))
    client.until_handshake()
    begin("echo", {"port": 7000})
    udp, tcp = client.probes(SERVER, 7000, kind="udp", patience=60), client.probes(SERVER, 7000, patience=60)
    docker("exec", server.name, "wg", "set", "wg0", "peer", pair.public(new), "allowed-ips", "10.99.0.3/32")
    client.up(pair.client(new, slot=3), "wg1")
    client.until_handshake(interface="wg1")
    client.lead(SERVER, "wg1")
    time.sleep(5)  # what is on its way by the old one arrives, on a busy machine too
    client.down()
    docker("exec", server.name, "wg", "set", "wg0", "peer", pair.public(old), "remove")
    time.sleep(1)
    datagrams, connections = udp.stop()[-1], tcp.stop()[-1]
    for kind, seen in (("udp", datagrams), ("tcp", connections)):
        assert ([], seen["sent"]) == (seen["lost"], seen["answered"]), f"add, switch, remove: {kind}"
        assert seen["sent"] > 9 * seen["seconds"], "ten a second"
    # A busy machine answers either kind late.
    assert connections["slowest"] < 1 or datagrams["slowest"] > 0.5, "no second SYN saved one"
    gone = client.probes(SERVER, 7000, kind="udp")
    server.switch(pair.accepts(s1=old))
    time.sleep(1)
    seen = gone.stop()[-1]
    assert len(seen["lost"]) >= 8, "the prober does count what is lost, once the key it uses was removed"


def test_a_scan_through_the_tunnel_knows_how_much_it_missed(pair, server, client, begin):
    key = new_key()
    server.up(pair.accepts(s1=key))
    client.up(pair.client(key))
    client.until_handshake()
    begin("beacon", {"ports": [5432, 5678, 6333, 9000]})
    control = {"address": SERVER, "open": [5432, 5678], "closed": []}
    found = scan_patiently(client.prefix, Scan(address=SERVER, rate=VPN_RATE, ports=((5000, 10000),)), control)
    assert [5432, 5678, 6333, 9000] == found["open"], "what listens inside"
    with pytest.raises(ProbeError, match="answers are missing"):
        scan(client.prefix, Scan(address=SERVER, rate=1_000_000), control)


def test_the_configuration_is_in_no_argument_and_no_environment(pair, server, client):
    key = new_key()
    server.up(pair.accepts(s1=key))
    client.up(pair.client(key))
    # Of what ended meanwhile there is nothing to read.
    read = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null || true"
    processes = docker("exec", client.name, "sh", "-c", read)
    assert "PATH=" in processes and "/proc/[0-9]*/environ" in processes, "arguments and environments were read"
    assert key not in docker("inspect", client.name) + processes, "the client's private key"
    modes = docker("exec", client.name, "stat", "-c", "%a %U", "/etc/wireguard", "/etc/wireguard/wg0.conf").split()
    assert ["700", "root", "600", "root"] == modes, "its folder and its file"
