"""Fuzzed settings, a sample: refused in words, or accepted without a change of what any artefact means.

The whole, read by the real programs, is tests/rehearsal/fuzz.
"""

from __future__ import annotations

import pytest

from homeport.model import addresses
from tests.support.campaign import sample
from tests.support.fuzz import campaign
from tests.support.fuzz.artefacts import PURE
from tests.support.fuzz.fields import fields
from tests.support.fuzz.values import SKELETONS, Fuzzed, injected, made

SAMPLE = 120
"""Two seconds of make check."""


@pytest.mark.req("CF-01")
def test_no_accepted_setting_changes_what_an_artefact_means():
    findings = campaign.run("1", range(SAMPLE))

    assert [] == findings.holes, findings.figures()
    assert findings.accepted > SAMPLE / 10, "a wall that refuses everything would prove nothing"
    assert findings.compared > findings.accepted / 2, "most are compared with a twin"


@pytest.mark.req("CF-01")
def test_no_accepted_setting_of_an_app_changes_what_an_artefact_means():
    findings = campaign.run("1", range(SAMPLE // 4), apps=True)

    assert [] == findings.holes, findings.figures()
    assert findings.accepted > SAMPLE / 40, "a wall that refuses everything would prove nothing"
    assert findings.compared > findings.accepted / 2, "most are compared with a twin"


@pytest.mark.campaign
def test_no_text_that_is_put_into_a_setting_is_read_as_code():
    """What is accepted is read as that text alone; by the real programs, chosen by chance: tests/rehearsal/fuzz."""
    points = campaign.injections()
    findings = campaign.judged(injected(*point) for point in sample("injected texts", points))

    assert len({code for *_, code in points}) >= 60, "of each kind of syntax"
    assert [] == findings.holes, findings.figures()
    assert findings.accepted, "a wall that refuses everything would prove nothing"


def test_a_configuration_of_the_campaign_is_the_same_in_every_run():
    assert made("1", 7) == made("1", 7)


@pytest.mark.parametrize("skeleton", SKELETONS)
def test_what_the_campaign_starts_from_is_accepted(skeleton):
    assert campaign.planned(skeleton, SKELETONS[skeleton][2]), "else every refusal proves nothing"


def test_every_setting_of_the_schema_is_fuzzed():
    found = {
        ".".join(part for part in place.named.split(".") if part != "*")
        for name, _, settings in SKELETONS.values()
        for place in fields(name, settings)
    }

    wanted = ("ssh.sources", "access.emails", "embedding.url", "hosts.main.address", "wireguard.peers.qzphone.slot")
    wanted += ("options.handler-url", "services.n8n.memory")
    assert [] == [path for path in wanted if path not in found]


def test_a_text_that_reaches_a_firewall_file_is_found(monkeypatch):
    """As it was when a zone of IPv6 was taken for part of an address."""
    monkeypatch.setattr(addresses, "_parsed", addresses.ip_address)
    settings = {**SKELETONS["tunnel"][2], "ssh": {"sources": ["fe80::1%lo -i eth9"]}}
    places = fields("jett", settings)
    place = next(place for place in places if place.named == "ssh.sources.*" and place.kind == "text")
    findings = campaign.judged([Fuzzed(0, "tunnel", settings, (place,))])

    assert findings.holes, "refused by the renderer alone, in no words of the settings"


@pytest.mark.parametrize(
    ("source", "holes"), [("192.0.2.7", 0), ("192.0.2.7 -i eth9", 1), ("192.0.2.7 -j ACCEPT\n-A OTHER", 1)]
)
def test_a_text_that_a_program_reads_as_more_than_itself_is_a_hole(source, holes):
    findings = campaign.Findings()
    texts = {name: f"-A GATE -s {text} -j RETURN" for name, text in (("mine", source), ("twin", "qqword"))}
    findings.texts["iptables4"] = texts
    findings.pairs.add(("iptables4", "0 gate", "mine", "twin", (("qqword", source),), False))

    found = campaign.read_back(findings, {"iptables4": lambda listed: [PURE["iptables4"](text) for text in listed]})
    assert holes == len(found), found
