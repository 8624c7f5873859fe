"""What is no request, or too much of one: bodies, headers, slow callers, crowds."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import resource
import socket
import time
from pathlib import Path

import host_agent_http
import pytest

from apps.host_agent.tests.conftest import TOKEN
from apps.host_agent.tests.test_operations import until

HEAD = f"POST /tasks/date HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n".encode()
GB = 1 << 30
CROWD = 10_000 if os.environ.get("HOMEPORT_CAMPAIGN") == "whole" else 2_000
MEMORY_MAX = 256 * 1024
"""Of the unit, in KiB."""


def status(heard):
    return int(heard.split(b" ", 2)[1]) if heard else 0


def peak(agent):
    """The most memory that the process had, in KiB."""
    lines = Path(f"/proc/{agent.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


@pytest.mark.req("H-09")
@pytest.mark.parametrize(
    "data",
    [
        HEAD + f"Content-Length: {GB}\r\n\r\n".encode() + b"x" * 200_000,
        HEAD + b"Content-Length: 1025\r\n\r\n" + b"x" * 1025,
        HEAD
        + b"Content-Encoding: gzip\r\nContent-Length: 101790\r\n\r\n"
        + gzip.compress(bytes(100 << 20), 9)[:101_790],
        HEAD + b"Content-Type: application/json\r\nContent-Length: 200000\r\n\r\n" + b"[" * 100_000 + b"]" * 100_000,
    ],
    ids=["1 GB announced", "1025 bytes", "a gzip bomb", "JSON 100,000 deep"],
)
def test_a_body_that_is_too_long_is_refused_before_it_is_read(agent, data):
    assert 413 == status(agent.raw(data)), "no operation takes a body"


@pytest.mark.req("H-09")
def test_a_gigabyte_that_is_really_sent_takes_no_memory(make):
    agent = make()
    sent = 0
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", agent.port), 30) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(GB >> 20):
            connection.sendall(b"100000\r\n" + bytes(1 << 20) + b"\r\n")
            sent += 1
    assert sent < 64, f"{sent} MB were taken of a body that is refused after one KB"
    assert peak(agent) < MEMORY_MAX, "more than the unit may have"
    assert 200 == agent.ask("GET", "/health")[0], "and it answers on"


@pytest.mark.req("H-09")
@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"\r\n\r\n\r\n", 400),
        (b"hello\r\n\r\n", 400),
        (b"GET /health HTTP/9.9\r\nHost: x\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n", 400),
        (b"GET /he alth HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (HEAD + b"Content-Length: -1\r\n\r\n", 400),
        (HEAD + b"Content-Length: 5, 6\r\n\r\n", 400),
        (HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: gzip\r\n\r\n", 411),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n40000000\r\n" + b"x" * 200_000, 411),
        (HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 411),
        (b"GET /health HTTP/1.1\r\nHost: x\r\n continued: y\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\nHost: x\n\n", 400),
        (b"GET  /health HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("GET /h\u00e9 HTTP/1.1\r\nHost: x\r\n\r\n".encode(), 400),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 30_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * 30_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 10, 400),
    ],
)
def test_what_is_no_request_is_refused_by_its_kind(agent, data, wanted):
    heard = agent.raw(data + b"\r\n\r\n")

    assert status(heard) == wanted, heard[:200]
    assert b'{"detail": ' in heard, "in the same form as every other refusal"


def test_two_requests_in_one_are_one(agent):
    heard = agent.raw(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" + HEAD + b"\r\n")

    assert 1 == heard.count(b"HTTP/1.1 "), "nothing is smuggled in behind the first"
    assert b"connection: close" in heard.lower()


def test_head_and_methods_that_an_operation_does_not_take(agent):
    heard = agent.raw(b"HEAD /health HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n\r\n")
    assert 405 == status(heard) and heard.endswith(b"\r\n\r\n"), "no body for HEAD"
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"):
        assert 405 == agent.ask(method, "/tasks")[0], method


@pytest.mark.req("H-09")
def test_who_is_slow_is_not_waited_for(make):
    agent = make()
    waits = []
    for data in (
        b"GET /hea",
        HEAD + b"Content-Length: 10\r\n\r\nab",
        HEAD,
        b"G",
    ):
        connection = socket.create_connection(("127.0.0.1", agent.port), 60)
        connection.sendall(data)
        waits.append((data, connection))
    began = time.monotonic()
    for data, connection in waits:
        heard = b""
        with contextlib.suppress(OSError):
            while part := connection.recv(4096):
                heard += part
        connection.close()
        assert 408 == status(heard), f"{data!r}: {heard[:80]!r}"
    assert time.monotonic() - began < 6 * host_agent_http.PATIENCE, "all of them at once, not one after the other"


@pytest.mark.req("H-09")
def test_a_crowd_is_sent_away_and_another_address_is_served(make):
    agent = make()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    crowd = min(CROWD, max(hard, soft) - 500)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, crowd + 400), hard))
    connections, refused = [], 0
    try:
        for number in range(crowd):
            connection = socket.socket()
            connection.settimeout(10)
            connection.bind((f"127.0.4.{number % 8 + 1}", 0))
            with contextlib.suppress(OSError):
                connection.connect(("127.0.0.1", agent.port))
                connections.append(connection)
        assert 200 == agent.ask("GET", "/health", source="127.0.5.1")[0], "another address is served meanwhile"
        for connection in connections[-200:]:
            with contextlib.suppress(OSError):
                refused += status(connection.recv(4096)) == 429
    finally:
        for connection in connections:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert refused > 150, f"{refused} of the last 200 were told that there are too many"
    began = time.monotonic()
    until(lambda: _answers(agent), "it answers again")
    print(f"{len(connections)} connections, again after {time.monotonic() - began:.2f} s, peak {peak(agent)} KiB")
    assert peak(agent) < MEMORY_MAX


def _answers(agent):
    with contextlib.suppress(OSError):
        return agent.ask("GET", "/health")[0] == 200
    return False


@pytest.mark.req("H-09")
def test_one_source_that_holds_all_its_connections_takes_nobody_else_s(make):
    agent = make()
    held = [socket.create_connection(("127.0.0.1", agent.port), 10, ("127.0.4.1", 0)) for _ in range(100)]
    try:
        until(lambda: status(_last(held)) == 429, "the last of a hundred is one too many")
        assert 200 == agent.ask("GET", "/tasks", source="127.0.4.2")[0]
    finally:
        for connection in held:
            connection.close()


def _last(held):
    with contextlib.suppress(OSError):
        held[-1].settimeout(5)
        return held[-1].recv(4096)
    return b""


def test_answers_are_json_and_not_kept_by_anybody(agent):
    _, headers, text = agent.whole("GET", "/health")
    assert ("application/json", "no-store", "nosniff") == (
        headers["Content-Type"],
        headers["Cache-Control"],
        headers["X-Content-Type-Options"],
    )
    assert json.loads(text) and "Server" not in headers, "nor what it is made of"
