"""Whether the names of a stack that is open to the internet lead to its host."""

from __future__ import annotations

import socket
from dataclasses import replace
from types import SimpleNamespace

import pytest

from homeport.cli.preflight import dns
from homeport.cli.stack import read

HOST, OTHER = "203.0.113.7", "203.0.113.9"


@pytest.fixture
def asked(monkeypatch):
    """Preflight's answer for a resolver that knows these addresses; an error stands for its complaint."""
    proxy = SimpleNamespace(name="ai-caddy", edge=True)
    host = SimpleNamespace(services=[proxy], machine=SimpleNamespace(mode="adopt", address=HOST))
    blueprint = replace(read("dev").plan.blueprint, domain="example.org", hostnames={}, exposure="direct")
    settings = SimpleNamespace(cloudflare=None, dns=None)
    plan = SimpleNamespace(local=False, endpoints={}, blueprint=blueprint, settings=settings, hosts={"main": host})

    def ask(answer, *, offline=False, **more):
        def resolve(name, *_, **__):
            if name != HOST and isinstance(answer, Exception) and (offline or name != "example.com"):
                raise answer
            return [(None, None, None, "", (HOST if name == HOST else answer, 443))]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        return dns.findings(SimpleNamespace(**{**vars(plan), **more}))

    return ask


@pytest.mark.parametrize(
    ("answer", "outcome", "words"),
    [
        (HOST, "ok", f"leads to {HOST}"),
        (OTHER, "warning", f"leads to {OTHER}, and the host is {HOST}"),
        (socket.gaierror(socket.EAI_NONAME, "not known"), "warning", "does not resolve"),
        (socket.gaierror(socket.EAI_AGAIN, "failure"), "unknown", "was not checked: the resolver"),
    ],
)
def test_each_name_is_said_to_lead_to_the_host_or_not(asked, answer, outcome, words):
    findings = asked(answer)

    assert findings, "there is a name at least"
    assert {outcome} == {one.outcome for one in findings}
    assert all(words in one.what for one in findings), findings
    assert all(one.fix or outcome == "ok" for one in findings), "what is wrong has a way out"


@pytest.mark.parametrize(
    "more", [{"local": True}, {"endpoints": {"hcloud": "x"}}, {"settings": SimpleNamespace(cloudflare=1, dns=None)}]
)
def test_names_that_nobody_sets_by_hand_are_not_asked_for(asked, more):
    assert () == asked(socket.gaierror(socket.EAI_NONAME, "not known"), **more)


def test_where_not_even_a_name_that_is_everywhere_resolves_none_is_called_missing(asked):
    findings = asked(socket.gaierror(socket.EAI_NONAME, "not known"), offline=True)

    assert {"unknown"} == {one.outcome for one in findings}, "a machine without a way to the internet's DNS"
