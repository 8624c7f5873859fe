"""The cloud's own firewall: exactly what the host opens."""

from __future__ import annotations

import pytest

from homeport.model.host import Opening
from homeport.render.hetzner_firewall import hcloud_rules

SSH = Opening(purpose="SSH", port=22, sources=("203.0.113.9/32", "2001:db8::/48"))
VPN = Opening(purpose="WireGuard", port=51820, protocol="udp")


@pytest.mark.req("S2-32", "S5-11")
def test_each_opening_is_one_rule_and_icmp_is_the_only_other():
    rules = hcloud_rules((SSH, VPN))

    assert [("tcp", "22"), ("udp", "51820"), ("icmp", None)] == [
        (rule["protocol"], rule.get("port")) for rule in rules
    ], "a rule too many is a door nobody declared"
    assert {"in"} == {rule["direction"] for rule in rules}, "an outward rule would close everything else outwards"


def test_only_the_sources_of_an_opening_may_use_it():
    rules = hcloud_rules((SSH, VPN))

    assert ["2001:db8::/48", "203.0.113.9/32"] == rules[0]["source_ips"], "named sources must be the only ones"
    assert ["0.0.0.0/0", "::/0"] == rules[1]["source_ips"], (
        "without sources it is the whole internet, both versions of IP"
    )


def test_the_order_of_openings_is_no_change():
    assert hcloud_rules((SSH, VPN)) == hcloud_rules((VPN, SSH, VPN)), (
        "a preview must stay empty when settings are sorted anew"
    )
