"""What claims expect: the preset's file, written by hand, and the blueprint in the same words."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from fnmatch import fnmatchcase
from types import SimpleNamespace

import pytest

from catalog.presets import registry
from homeport.cli import expectations, rehearse
from rehearsal.claims.expected import PROD, expected, hosts, systems
from rehearsal.claims.network import only_declared
from rehearsal.claims.systems import claims_of
from rehearsal.probes.canary import Finding, unlawful
from tests.support.checkout import ROOT
from tests.unit.stack.test_graph import VPAI

NOWHERE = {"account_id": "0" * 32, "zone_id": "0" * 32, "team": "rehearsal"}
PLAIN = {"exposure", "tcp", "udp", "networks", "vpn_address", "vpn_peer", "vpn_peer_address", "vpn_tcp"}
PLAIN |= {"mesh_tcp", "members_tcp", "calls"}
"""What blueprint and file both have, beside services and routes."""
OF_HOSTS = {"vpai": VPAI}
"""The settings of a system that has several hosts."""


def described(preset, environment=PROD, **changes):
    """The blueprint of a rehearsal whose user says no more than these settings."""
    rehearsal = rehearse.Rehearsal(preset=preset, environment=environment)
    own = OF_HOSTS.get(preset) if environment == PROD else None
    settings = {**(own or rehearse.settings(rehearsal, NOWHERE)), **changes}
    # Through JSON, as it goes to the claims.
    return json.loads(json.dumps(expectations.described(rehearsal.stack(settings).plan)))


def comparable(service):
    return replace(service, root_because=str(bool(service.root_because)), clean_stop={}, kept={})


@pytest.mark.parametrize(
    ("environment", "preset", "host"),
    [
        (environment, preset, host)
        for environment in (PROD, "preprod")
        for preset in systems(environment)
        for host in hosts(preset, environment=environment)
    ],
)
def test_the_blueprint_is_what_the_file_of_its_preset_expects(environment, preset, host):
    known = described(preset, environment)
    written, planned = (expected(preset, of, host, environment) for of in ({}, known))
    domain = "example.com" if environment == PROD else f"{environment}.example.com"

    assert hosts(preset, environment=environment) == hosts(preset, known, environment), "the hosts of its example"

    for name in sorted(PLAIN):
        assert getattr(written, name) == getattr(planned, name), f"{name}: which of the two is wrong?"
    assert {name: comparable(service) for name, service in written.services.items()} == {
        name: comparable(service) for name, service in planned.services.items()
    }, "a weaker container is a defect, or has to be written down by hand as well"
    assert {
        name: replace(route, host=route.host or f"{name}.{domain}") for name, route in written.routes.items()
    } == planned.routes, "who comes in by which name"


def test_who_is_let_through_by_a_name_of_vpai_is_told_by_the_very_program_that_it_has_come_to_it():
    settings = {"autofix": {"repositories": "alice/platform", "tests": "make test"}}
    known = described("vpai", **settings)
    several = {host: expected("vpai", known, host) for host in hosts("vpai", known)}
    open_ones = {
        name: name in system.all_answers()
        for system in several.values()
        for name, route in system.routes.items()
        if any(door.kind == "itself" for door in route.doors)
    }

    assert dict.fromkeys(("autofix", "couchdb", "headscale", "hook"), True) == open_ones, "answers, or a health address"
    asked = {name: answer for system in several.values() for name, answer in system.all_answers().items()}
    for name, answer in asked.items():
        assert answer.says or answer.status == 200, f"{name}: a refusal alone may be any proxy's"
    preset = registry.preset("vpai")
    for name in ("autofix", "hook"):
        (paths,) = [
            guard.paths for route in preset.routes if route.name == name for guard in route.guards if guard.paths
        ]
        assert any(fnmatchcase(asked[name].path, path) for path in paths), f"{name}: its proxy hands that on"
    workflows = (ROOT / "catalog/presets/vpai/n8n/workflows").glob("*.json")
    webhooks = [node["parameters"] for each in workflows for node in json.loads(each.read_text())["nodes"]]
    there = [about for about in webhooks if f"/webhook/{about.get('path')}" == asked["hook"].path]
    assert [("POST", "headerAuth")] == [(about["httpMethod"], about["authentication"]) for about in there]
    assert asked["autofix"].says in (ROOT / "apps/auto_fix/auto_fix_receiver.py").read_text(), "its own words"


def test_each_host_of_a_mesh_with_backups_is_expected_to_reach_whom_they_call_as_their_user():
    rehearsal = rehearse.Rehearsal(preset="vpai", environment="prod")
    plan = rehearsal.stack(VPAI).plan
    users = {
        name: program.backup.user for name, host in plan.hosts.items() for program in host.programs if program.backup
    }
    calls = {host: expected("vpai", described("vpai"), host).heartbeat for host in hosts("vpai")}

    assert {"ai", "vpn"} == {*users}
    assert users == {host: call.user for host, call in calls.items() if call}
    assert {("uptime", "/api/push/nobody-has-this")} == {(call.route, call.path) for call in calls.values() if call}
    off = described("vpai", services={"uptime-kuma": {"enabled": False}})
    assert [None, None] == [expected("vpai", off, host).heartbeat for host in users], "nobody is there to hear"


def test_of_a_preprod_that_is_alone_in_its_mesh_a_device_asks_what_a_second_host_would():
    system = expected("vpai", described("vpai", "preprod"), environment="preprod")
    claims = {claim.name for claim in claims_of("vpai", system)}

    assert ("",) == hosts("vpai", described("vpai", "preprod"), "preprod"), "one machine, not those of prod"
    assert {"a device": [443, 9100]} == system.mesh_tcp, "what rules let hosts of its own roles do"
    assert {
        *("members-reach-declared-ports", "hosts-reach-declared-ports", "names-for-members"),
        *("names-lead-where-declared", "doors", "one-layer-alone", "outside-sees-declared-ports"),
        *("reached-by-networks", "secrets-only-where-declared", "reboot-opens-nothing", "second-preview-empty"),
    } <= claims
    assert system.services["postgresql"].clean_stop, "what its file alone has"


COPY = re.compile(r"^ExecStartPre=-?\+/usr/bin/install -m 400 -o (\S+) /etc/homeport/\S+ (/run/\S+)$", re.MULTILINE)


def test_a_secret_that_a_unit_copies_for_its_program_is_expected_there_and_nowhere_else():
    copies = [
        (preset, user, path)
        for preset in registry.names()
        for program in registry.preset(preset).programs
        for file in program.files
        if file.source.startswith("apps/")
        for unit in sorted(ROOT.glob(file.source))
        for user, path in COPY.findall(unit.read_text() if unit.suffix == ".service" else "")
    ]
    assert len(copies) >= 4, "auto-fix's three units copy four secrets"
    for preset, user, path in copies:
        lying = Finding(secret="s", how="raw", sink="file", where=path, owner=f"{user}:root", mode="0400")
        allowed = expected(preset).allowed_files()
        assert [] == unlawful([lying], allowed), f"{preset}: {path} is in no list of the files that may hold secrets"
        assert unlawful([replace(lying, owner="nobody:root")], allowed), f"{path} is for one user alone"


def test_every_preset_has_expected_values():
    assert sorted(registry.names()) == systems(), "what nothing is expected of is rehearsed without a claim"


def test_settings_change_what_is_expected_and_the_file_keeps_what_no_blueprint_says():
    changed = {"services": {"uptime-kuma": {"enabled": False}, "postgres": {"memory": 768}}}
    found = expected("jett", described("jett", **changed, hostnames={"n8n": "flows.example.com"}))

    assert "uptime-kuma" not in found.services, "what is off is not expected"
    assert 768 == found.services["postgres"].memory
    assert expected("jett").services["postgres"].clean_stop == found.services["postgres"].clean_stop
    ai = expected("vpai", described("vpai"), "ai").services
    assert expected("vpai", host="ai").services["redis"].kept == ai["redis"].kept != {}, (
        "what was spent outlives a reboot"
    )
    assert "flows.example.com" == found.routes["n8n"].host
    assert "/opt/jett" == found.folder


def test_what_an_owner_opens_is_let_in_and_nothing_of_the_stack_is_expected_to_listen_there():
    hosts_ = {**VPAI["hosts"], "app": {**VPAI["hosts"]["app"], "open": ["80/tcp", "443/tcp", "443/udp"]}}
    before, after = (expected("vpai", described("vpai", **more), "app") for more in ({}, {"hosts": hosts_}))

    assert ((), ()) == (before.owners_tcp, before.owners_udp), "nothing, where nobody says so"
    assert replace(before, owners_tcp=(80, 443), owners_udp=(443,)) == after, (
        "who reaches what of the stack is as it was"
    )
    view = SimpleNamespace(expected=after, addresses=("192.0.2.50", "2001:db8::50"))
    silent = {"open": [22], "closed": 2, "refused": 0}
    assert dict.fromkeys(view.addresses, silent) == only_declared(view), "let in, and nobody answers in a rehearsal"


def test_the_member_whose_key_its_device_keeps_is_not_the_one_that_claims_play():
    vpn = {
        "subnet": "10.9.0.0/24",
        "slot": 2,
        "peers": {"local": {"slot": 1, "public_key": "6oIqpEbBcXFNnTu8yf1rHRSfX4pJWvUNqVzhqUCBg1k="}, "b": {"slot": 3}},
    }
    found = described("jett", wireguard=vpn)

    assert ("10.9.0.2", "b", "10.9.0.3") == (found["vpn_address"], found["vpn_peer"], found["vpn_peer_address"])


def test_what_is_off_is_no_failed_claim():
    off = {"services": {name: {"enabled": False} for name in ("n8n", "uptime-kuma")}}
    claims = {claim.name for claim in claims_of("jett", expected("jett", described("jett", **off)))}

    assert not {"heartbeat-is-taken", "no-node-runs-code", "people-log-in"} & claims, "of n8n, which is not there"
    assert {"doors", "dashboard-on-and-off", "handshake"} <= claims
