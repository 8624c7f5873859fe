"""A preset of somebody else's, one service more.

Data in two files, and every layer does for it what it does for ours.
"""

from __future__ import annotations

import pytest

from tests.unit.stack.test_graph import CONTAINER, RENTED, RENTED_SECRETS


@pytest.fixture
def notes(build):
    return build(RENTED, RENTED_SECRETS, "notes", stack="prod", notes="tests.unit.stack.sixth_preset")


@pytest.mark.req("P-05")
def test_a_service_more_is_hardened_stored_and_bound_as_those_of_homeport(notes):
    inputs = notes.one(CONTAINER, "notes-container")["inputs"]

    assert (True, ["ALL"], ["no-new-privileges:true"], "1000:1000") == (
        inputs["readOnly"],
        inputs["capabilities"]["drops"],
        inputs["securityOpts"],
        inputs["user"],
    ), "hardened without a word of its own"
    assert ["127.0.0.1"] == [port["ip"] for port in inputs["ports"]], "for the tunnel of its host, and nobody else"
    assert "notes-notes" in [volume["volumeName"] for volume in inputs["volumes"]], "its data is in a volume"
    assert notes.one("command:local:Command", "notes-healthy"), "an update waits for its health"


@pytest.mark.req("P-05")
def test_its_database_its_name_and_who_may_come_in_are_made_for_it(notes):
    application = notes.one("cloudflare:index/zeroTrustAccessApplication:ZeroTrustAccessApplication", "access-notes")
    name = notes.one("cloudflare:index/dnsRecord:DnsRecord", "dns-notes")["inputs"]
    roles = notes.one("command:local:Command", "database-notes-roles")["inputs"]

    assert "notes.example.com" == application["inputs"]["domain"] == name["name"], (
        "one description: name and access rule"
    )
    assert [{"precedence": 1, "id": "access-people-id"}] == application["inputs"]["policies"], "people, after a login"
    assert name["proxied"], "by the tunnel"
    assert 'CREATE ROLE "notes"' in str(roles["stdin"]), "its role, in the preset's PostgreSQL"
