"""Paths that lead somewhere else: only names of the allow-list are tasks, and a name is no path."""

from __future__ import annotations

import itertools
import socket

import pytest

from apps.host_agent.tests.conftest import TOKEN

UP = ("..", "%2e%2e", "%252e%252e", "..;", "%c0%ae%c0%ae", ".%2e", "%u002e%u002e", "\\..", "..%00", "....//")
SLASH = ("/", "%2f", "%252f", "\\", "%5c", "//")
TARGET = ("etc/passwd", "etc/shadow", "proc/self/root/etc/passwd", "proc/self/environ", "host-agent/.env")
PAYLOADS = [
    *(f"{(up + slash) * 4}{target}" for up, slash, target in itertools.product(UP, SLASH, TARGET)),
    *(
        "/etc/passwd",
        "//etc/passwd",
        "date/../../etc/passwd",
        "date%00",
        "date/",
        "date/x",
        "./date",
        "date%0a",
        "%64ate",
    ),
    *("DATE", "date ", " date", "date;id", "date|id", "$(id)", "`id`", "-date", "--help", "dat%C3%A9", "d\u0430te"),
    *("git-pull", "git-status", "backup-n8n", "a" * 33, "", "0date", "date.sock", "../sockets/date"),
]


@pytest.mark.req("H-06", "H-08", "S1-51")
def test_no_payload_reaches_a_file_or_a_task(agent):
    assert len(PAYLOADS) >= 300, "as many as the row asks for"
    helpers = len(agent.activator.helpers)
    for payload in PAYLOADS:
        target = f"/tasks/{payload}".encode("utf-8", "surrogateescape").replace(b" ", b"%20")
        line = b"POST " + target + b" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n\r\n"
        heard = agent.raw(line)
        assert heard.split(b" ")[1] in {b"404", b"400"}, f"{payload!r}: {heard[:100]!r}"
        assert b"root:" not in heard and TOKEN.encode() not in heard, payload
    assert helpers == len(agent.activator.helpers), "nothing was started"


@pytest.mark.req("H-06")
def test_a_socket_of_another_name_is_no_task(agent):
    for name in ("X.sock", ".sock", "a b.sock", "-x.sock", "date"):
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(agent.sockets / name))
            other.listen()
    (agent.sockets / "linked.sock").symlink_to("/run/docker.sock")
    try:
        assert {"tasks": ["date", "linked"]} == agent.ask("GET", "/tasks")[1], "what root lays there is a task"
    finally:
        (agent.sockets / "linked.sock").unlink()
