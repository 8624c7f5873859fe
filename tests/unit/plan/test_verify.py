"""What a stack that is up must look like, as it follows from its description, and what differs."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from homeport.cli import example
from homeport.model.container import container_spec
from homeport.model.firewall import FirewallRule
from homeport.model.host import Opening
from homeport.plan import verify
from homeport.plan.verify import Verdict
from rehearsal.claims import access, containers, doors, network
from tests.support.checkout import ROOT
from tests.support.inspected import inspected

EXAMPLES = json.loads((ROOT / "tests/cases/examples/supplied.json").read_text())
BROKEN = json.loads((ROOT / "tests/cases/verify/containers.json").read_text())
FIX = "bin/homeport up"


def judged(blueprint, name, seen=None):
    """The verdicts on a service's container, as described unless another is given."""
    service = blueprint.service(name)
    there = inspected(blueprint, service) if seen is None else seen
    return tuple(verify.container(container_spec(blueprint, service), there, FIX))


@pytest.mark.req("P-24")
def test_each_kind_of_check_cites_the_rows_of_the_claim_that_proves_the_same_in_a_rehearsal():
    claims = (*access.CLAIMS, *containers.CLAIMS, *doors.CLAIMS, *network.CLAIMS)
    rows = {claim.name: claim.rows for claim in claims}

    assert {kind: rows[claim] for kind, (claim, _) in verify.CLAIMS.items()} == {
        kind: cited for kind, (_, cited) in verify.CLAIMS.items()
    }


@pytest.mark.req("P-24")
@pytest.mark.parametrize("name", EXAMPLES)
def test_each_container_of_every_preset_that_is_as_described_passes(name):
    blueprint = example.example(name).plan.blueprint
    verdicts = [verdict for service in blueprint.services for verdict in judged(blueprint, service.name)]

    assert [] == [verdict for verdict in verdicts if verdict.outcome != "ok"]
    assert len(verdicts) == 8 * len(blueprint.services), "nothing of it is left out"


@pytest.mark.req("P-24")
@pytest.mark.parametrize("case", BROKEN)
def test_a_container_with_one_thing_undone_fails_that_check_and_no_other(case):
    kind, changes, what = BROKEN[case]
    blueprint = example.example("ai-orchestrator/dev").plan.blueprint
    seen = inspected(blueprint, blueprint.service("ai-caddy"))
    for path, value in changes.items():
        *folders, key = path.split(".")
        place = seen
        for folder in folders:
            place = place[folder]
        place[key] = value
    failed = [verdict for verdict in judged(blueprint, "ai-caddy", seen) if verdict.outcome != "ok"]

    assert [Verdict(kind=kind, where="ai-caddy", outcome="fail", what=what, fix=FIX)] == failed


def test_what_is_not_there_or_does_not_run_is_not_said_to_be_right():
    blueprint = example.example("ai-orchestrator/dev").plan.blueprint
    gone = judged(blueprint, "ai-caddy", "there is no such container")
    assert {("not asked", "there is no such container")} == {(each.outcome, each.what) for each in gone}
    seen = inspected(blueprint, blueprint.service("ai-caddy"))
    seen["State"]["Status"], seen["NetworkSettings"]["Ports"] = "exited", {}
    (unasked,) = (each for each in judged(blueprint, "ai-caddy", seen) if each.outcome != "ok")
    assert ("published", "not asked", "it does not run") == (unasked.kind, unasked.outcome, unasked.what)


def test_a_volume_that_only_the_image_asks_for_is_nobodys_mistake():
    blueprint = example.example("ai-orchestrator/dev").plan.blueprint
    seen = inspected(blueprint, blueprint.service("ai-caddy"))
    seen["Mounts"].append({"Type": "volume", "Name": "0f" * 32, "RW": True})

    assert {"ok"} == {each.outcome for each in judged(blueprint, "ai-caddy", seen)}


@pytest.mark.req("P-24")
@pytest.mark.parametrize("name", EXAMPLES)
def test_of_each_public_address_the_declared_ports_are_open_and_all_others_that_the_stack_knows_are_closed(name):
    plan = example.example(name).plan
    for host in plan.hosts.values():
        checks = {check.number: check for check in verify.ports_outside(plan, host, {6379, 22})}
        declared = {opening.port for opening in host.openings if opening.protocol == "tcp"}
        assert declared == {number for number, check in checks.items() if check.open}
        assert {2375, 2376, 6379, 22} <= checks.keys(), "Docker, SSH and what containers listen on"
        assert len(checks) < 100, "no scan"
        inner = {port.outside for service in host.services for port in plan.blueprint.published(service)}
        assert inner <= {*checks, *(opening.port for opening in host.openings if opening.protocol == "udp")}
        forwarded = {rule.opening.port for rule in host.rules if rule.published}
        assert checks.keys() - forwarded == {
            each.number for each in verify.ports_outside(plan, host, {6379}, ipv6=True)
        }


@pytest.mark.req("P-24")
def test_of_what_its_owner_opens_nobody_says_whether_something_listens():
    plan = example.example("vpai/prod").plan
    host = plan.hosts["app"]
    without = verify.ports_outside(plan, host, ())
    opening = Opening(purpose="hosts.app.open", port=443, owners=True)
    rule = FirewallRule(opening=opening, published=True)
    opened = replace(host, openings=(*host.openings, opening), rules=(*host.rules, rule))

    for ipv6 in (False, True):
        assert without == verify.ports_outside(plan, opened, {443}, ipv6=ipv6), (
            "its own container listens there, or none"
        )
    assert {(443, False)} == {*((c.number, c.open) for c in verify.ports_outside(plan, host, {443}))} - {
        (c.number, c.open) for c in without
    }, "where nobody opened it, it is closed"


@pytest.mark.req("P-24")
def test_a_stack_on_this_machine_publishes_on_the_address_that_each_port_names_and_on_no_other():
    plan = example.example("ai-orchestrator/dev").plan
    (host,) = plan.hosts.values()

    for loopback in (True, False):
        checks = verify.ports_here(plan, host, loopback=loopback)
        assert [(8080, "ai-caddy", loopback), (8443, "ai-caddy", loopback)] == [
            (check.number, check.purpose, check.open) for check in checks
        ]


@pytest.mark.req("P-24")
def test_each_public_name_leads_where_its_record_says_or_nobody_can_be_asked():
    found = {name: verify.names_of(example.example(name).plan) for name in EXAMPLES}

    (direct,) = found["ai-orchestrator/prod"]
    hosts, mesh = {"main": {"address": "203.0.113.10"}}, {"ai": "100.64.0.2"}
    assert ("n8n.example.com", False, "") == (direct.hostname, direct.proxied, direct.unasked)
    assert "203.0.113.10" == verify.wanted(direct.record, hosts, mesh)
    assert "" == verify.wanted(direct.record, {}, {}), "before an update has made a host"
    assert all(name.proxied and not name.record and not name.unasked for name in found["jett/prod"])
    members = [name.record for name in found["vpai/prod"] if name.record.member]
    assert {"100.64.0.2"} == {verify.wanted(record, hosts, mesh) for record in members if record.member == "ai"}
    assert all("this machine" in name.unasked for name in found["vpai/dev"])


def test_one_check_that_fails_fails_its_rows_and_one_that_was_not_asked_proves_none():
    verdicts = [
        Verdict(kind="networks", where="a", outcome="ok", what=""),
        Verdict(kind="networks", where="b", outcome="fail", what="", fix=FIX),
        Verdict(kind="certificate", where="a", outcome="ok", what=""),
        Verdict(kind="certificate", where="b", outcome="not asked", what=""),
        Verdict(kind="name", where="a", outcome="not asked", what=""),
    ]
    rows = {row: verify.outcome_of(count) for row, count in verify.by_row(verdicts).items()}

    assert {"AT-08": "fail", "RW-09": "ok", "S2-38": "not asked"} == rows
