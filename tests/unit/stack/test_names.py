"""Public names of a stack whose own proxy opens its doors, where Cloudflare keeps the zone."""

from __future__ import annotations

import pytest

from tests.unit.stack.test_graph import ADOPTED, RENTED, RENTED_SECRETS

RECORD = "cloudflare:index/dnsRecord:DnsRecord"
ZONE = RENTED["cloudflare"]
SECRETS = {"cloudflare-api-token": RENTED_SECRETS["cloudflare-api-token"]}


def records(graph):
    """Name of the resource to what is told of the record."""
    keys = ("type", "name", "content", "proxied", "ttl", "zoneId")
    return {record["name"]: tuple(record["inputs"][key] for key in keys) for record in graph.all(RECORD)}


@pytest.mark.req("S3-54")
@pytest.mark.parametrize(("address", "kind"), [("203.0.113.7", "A"), ("box.example.net", "CNAME")])
def test_each_door_of_the_proxy_has_a_record_that_leads_to_its_host(build, address, kind):
    hosts = {"main": {**ADOPTED["hosts"]["main"], "address": address}}
    graph = build({**ADOPTED, "hosts": hosts, "cloudflare": ZONE}, SECRETS, stack="prod")

    assert {f"dns-n8n-{kind.lower()}": (kind, "n8n.example.com", address, False, 300, ZONE["zone_id"])} == records(
        graph
    ), "plain: the proxy shows by the name that a certificate is its to have"


@pytest.mark.req("S3-54")
def test_a_rented_servers_names_lead_to_the_address_that_stays_when_the_server_is_another(build):
    rented = {**RENTED, "exposure": "direct"}
    graph = build(rented, RENTED_SECRETS, stack="prod")
    kept = graph.one("hcloud:index/primaryIp:PrimaryIp", "main-ip")

    assert "ipv4" == kept["inputs"]["type"]
    assert ["203.0.113.10"] == [content for _, _, content, *_ in records(graph).values()], "the output of that address"


def test_without_a_zone_there_are_no_records(build):
    graph = build(ADOPTED, stack="prod")

    assert [] == [resource["type"] for resource in graph.resources if "cloudflare" in resource["type"]], (
        "and no Cloudflare at all"
    )
