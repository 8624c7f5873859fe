"""The name server of a world, by queries as the C library writes them and by what is no query at all."""

from __future__ import annotations

import socket
import struct

import pytest

from rehearsal.machine.resolver import Resolver, answer

HOSTS = {"region1.v2.argotunnel.com": "198.18.0.1"}
A, AAAA = 1, 28


def query(name, kind=A, identity=0x1234):
    words = b"".join(bytes([len(word)]) + word.encode() for word in name.split("."))
    return struct.pack("!6H", identity, 0x0100, 1, 0, 0, 0) + words + b"\0" + struct.pack("!2H", kind, 1)


@pytest.mark.parametrize(
    ("name", "kind", "code", "address"),
    [
        ("region1.v2.argotunnel.com", A, 0, "198.18.0.1"),
        ("Region1.V2.ArgoTunnel.com", A, 0, "198.18.0.1"),
        ("region1.v2.argotunnel.com", AAAA, 0, ""),
        ("acme-v02.api.letsencrypt.org", A, 3, ""),
    ],
)
def test_a_name_of_the_world_is_found_and_any_other_does_not_exist(name, kind, code, address):
    asked = query(name, kind)
    said = answer(asked, HOSTS)
    identity, flags, questions, answers = struct.unpack_from("!4H", said)

    assert (0x1234, code, 1, int(bool(address))) == (identity, flags & 0xF, questions, answers)
    assert asked[12:] in said, "the question is repeated"
    assert not address or socket.inet_aton(address) == said[-4:]


@pytest.mark.parametrize("asked", [b"", b"\0" * 12, query("a.example")[:-3], query("a.example")[:15]])
def test_what_is_no_whole_query_gets_no_answer(asked):
    assert b"" == answer(asked, HOSTS)


def test_the_server_answers_over_udp():
    resolver = Resolver("127.0.0.1", HOSTS, 0).start()
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.settimeout(180)
            asker.sendto(b"nonsense", ("127.0.0.1", resolver.port))
            asker.sendto(query("region1.v2.argotunnel.com"), ("127.0.0.1", resolver.port))
            assert socket.inet_aton("198.18.0.1") == asker.recv(512)[-4:], "and goes on after nonsense"
    finally:
        resolver.close()
