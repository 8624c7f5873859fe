"""The host's firewall as text, case by case; adding a case needs no Python."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from homeport.model.firewall import MESH, VPN, ContainerWays, FirewallRule
from homeport.model.host import Opening
from homeport.render import netfilter, ufw

CASES = sorted((Path(__file__).parents[2] / "cases" / "firewall").glob("*.json"))


def rules(case):
    return tuple(
        FirewallRule(
            **{**rule, "opening": Opening(**{**rule["opening"], "sources": tuple(rule["opening"].get("sources", ()))})}
        )
        for rule in case["rules"]
    )


def ways(case):
    asked = case.get("ways", {})
    return ContainerWays(
        closed=tuple(asked.get("closed", ())),
        vpn=asked.get("vpn", False),
        calls=tuple((address, port) for address, port in asked.get("calls", ())),
    )


def in_order(wanted, lines):
    """What of the wanted lines does not stand there, or not in that order."""
    rest = iter(lines)
    return [line for line in wanted if line not in rest]


@pytest.mark.req("AT-04")
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_rules(path):
    case = json.loads(path.read_text())
    for version in (4, 6):
        text = ufw.user_rules(rules(case), version)
        assert [] == in_order(case[f"v{version}"], text.splitlines()), f"{case['because']}\n{text}"
        accepted = [line for line in text.splitlines() if line.endswith("-j ACCEPT") and "user-input" in line]
        known = [line for line in case[f"v{version}"] if line.endswith("-j ACCEPT")]
        assert sorted(known) == sorted(accepted), f"a rule that no case names is a rule too many\n{text}"
        gate = netfilter.restore(rules(case), version, ways(case)).splitlines()
        for chain, key in (("HOMEPORT-FORWARD", "forward"), ("DOCKER-USER", "forward"), ("HOMEPORT-INPUT", "input")):
            wanted = [f"-A {chain} {line}" for line in case.get(f"{key}{version}", ["-j DROP"])]
            assert [] == in_order(wanted, gate), f"{case['because']}\n" + "\n".join(gate)
            assert f"-A {chain} -j DROP" == [line for line in gate if line.startswith(f"-A {chain} ")][-1], (
                "what is not named is closed"
            )


@pytest.mark.req("B-03")
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_private_network_of_the_provider_is_shut_as_the_internet_is(path):
    """Nobody knows the name of its interface before: what is let in by an interface is let in by those of homeport."""
    case = json.loads(path.read_text())
    text = "".join(
        ufw.user_rules(rules(case), version) + netfilter.restore(rules(case), version, ways(case)) for version in (4, 6)
    )

    assert {*re.findall(r"-i (\S+)", text)} <= {"lo", *netfilter.BRIDGES, VPN, MESH}, (
        "by any other, what is shut is shut"
    )
    assert " ! -i " not in text, "also to what is not one of them"


def test_there_are_cases():
    assert len(CASES) >= 3, "an empty folder would pass for ever"


def test_the_order_of_doors_changes_nothing():
    case = json.loads((CASES[0].parent / "direct.json").read_text())
    turned = tuple(reversed(rules(case)))

    assert ufw.files(rules(case)) == ufw.files(turned), "settings in another order are no change of the firewall"


def test_a_purpose_cannot_smuggle_in_a_rule():
    evil = FirewallRule(opening=Opening(purpose="x\n-A ufw-user-input -j ACCEPT", port=1))

    assert "\n-A ufw-user-input -j ACCEPT" not in ufw.user_rules((evil,), 4), "a comment is hex, whatever was in it"
