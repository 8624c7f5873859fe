"""Records at OVH that were changed by hand are found; keys that cannot set them are named before anything is made."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from homeport.cli import ovh
from tests.support.ovh import APPLICATION, CONSUMER, SECRET, ZONE, Ovh

KEYS = {
    "homeport:ovh-application-key": APPLICATION,
    "homeport:ovh-application-secret": SECRET,
    "homeport:ovh-consumer-key": CONSUMER,
}
URN = "urn:pulumi:prod::homeport::homeport:ovh:Zone$command:local:Command::zone-n8n"


@pytest.fixture
def cloud():
    made = Ovh()
    yield made
    made.close()


def pulumi(cloud, target="198.51.100.7", config=KEYS):
    """What the state has of one record."""
    words = f"sh components/scripts/ovh.sh set {cloud.server.url} {ZONE} A n8n.example.com 300 {target}"
    row = {"type": "command:local:Command", "urn": URN, "inputs": {"create": words}}
    other = {
        "type": "command:local:Command",
        "urn": "urn:other",
        "inputs": {"create": "sh components/scripts/gate.sh x"},
    }
    return SimpleNamespace(state=lambda: {"resources": [row, other]}, config=lambda: config)


def set_by_hand(cloud, target, ttl=300):
    path = f"/domain/zone/{ZONE}/record"
    return cloud.client().post(path, fieldType="A", subDomain="n8n", target=target, ttl=ttl)


@pytest.mark.req("FP-22")
@pytest.mark.parametrize(
    ("target", "words"),
    [("198.51.100.7", ""), ("203.0.113.9", "was changed by hand, it leads to 203.0.113.9"), ("", "is gone")],
)
def test_a_record_that_is_another_is_set_again(cloud, target, words):
    if target:
        set_by_hand(cloud, target)
    found = ovh.drift(pulumi(cloud))
    assert [(f"record A n8n.example.com {words}: it is set again", (URN,))] * bool(words) == [
        (item.what, item.replace) for item in found
    ]


def test_a_zone_that_cannot_be_asked_keeps_nobody_from_an_update(cloud):
    assert [] == list(ovh.drift(pulumi(cloud, config={**KEYS, "homeport:ovh-consumer-key": "unknown"})))


@pytest.mark.req("S5-65", "E-08")
def test_keys_are_looked_at_before_the_first_resource(cloud, monkeypatch):
    stack = SimpleNamespace(
        settings=SimpleNamespace(
            dns=SimpleNamespace(endpoint=cloud.server.url, zone=ZONE, provider="ovh"),
            hosts={"main": SimpleNamespace(mode="adopt", address="198.51.100.7")},
            domain=ZONE,
        ),
        blueprint=SimpleNamespace(
            proxies=(SimpleNamespace(name="caddy"),),
            proxy_of=lambda _: SimpleNamespace(name="caddy"),
            exposure="direct",
            homes={"caddy": "main"},
            edge=SimpleNamespace(bind="0.0.0.0"),
            routes=(SimpleNamespace(name="n8n", guards=()),),
            host=lambda route: f"{route.name}.{ZONE}",
        ),
    )

    def said(config):
        return [(item.outcome, item.what, item.fix) for item in ovh.preflight(stack, config)]

    assert [("ok", "the keys may set records of example.com", "")] == said(KEYS)
    lacks = said({})
    assert ["ovh-application-key is not set", "ovh-application-secret is not set", "ovh-consumer-key is not set"] == [
        what for _, what, _ in lacks
    ]
    outcome, what, fix = said({**KEYS, "homeport:ovh-consumer-key": "key-that-reads"})[0]
    assert ("refused", True, True) == (outcome, "may not POST" in what, "createToken" in fix)
    stack.settings.dns.zone = "example.org"
    assert "the account has no zone example.org" in said(KEYS)[0][1]
    crashed = SimpleNamespace(returncode=1, stderr="Traceback (most recent call last):\nKeyError: 'status'\n")
    monkeypatch.setattr(ovh, "_asked", lambda *_: crashed)
    [(outcome, what, _)] = said(KEYS)
    assert ("unknown", True) == (outcome, "another form" in what), "an answer that it cannot read is no traceback"
