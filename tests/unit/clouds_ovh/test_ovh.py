"""The emulated OVH, driven by OVH's own SDK for Python; its name server, asked over UDP and TCP."""

from __future__ import annotations

import pytest
import requests
from dnslib import QTYPE, RCODE, DNSRecord
from ovh import exceptions

from tests.support.ovh import APPLICATION, CONSUMER, NAMESERVER, SECRET, ZONE, Ovh

RECORD = f"/domain/zone/{ZONE}/record"
REFRESH = f"/domain/zone/{ZONE}/refresh"
ADDRESS = "198.51.100.7"


@pytest.fixture
def cloud():
    made = Ovh()
    yield made
    made.close()


def asked(cloud, name, kind="A", *, tcp=False):
    reply = DNSRecord.parse(DNSRecord.question(name, kind).send("127.0.0.1", cloud.dns.port, tcp=tcp, timeout=120))
    return RCODE[reply.header.rcode], [str(row.rdata) for row in reply.rr if QTYPE[row.rtype] == kind]


def added(client, name="hook", kind="A", target=ADDRESS, **more):
    return client.post(RECORD, fieldType=kind, subDomain=name, target=target, **more)


def test_a_record_is_made_read_changed_and_deleted(cloud):
    client = cloud.client()
    row = added(client, ttl=300)
    assert {"zone": ZONE, "fieldType": "A", "subDomain": "hook", "target": ADDRESS, "ttl": 300} == {
        key: value for key, value in row.items() if key != "id"
    }
    assert [row["id"]] == client.get(RECORD, fieldType="A", subDomain="HOOK"), "a filter looks at no case"
    assert [] == client.get(RECORD, fieldType="AAAA", subDomain="hook")
    assert client.put(f"{RECORD}/{row['id']}", target="198.51.100.8", ttl=600) is None
    assert ("198.51.100.8", 600) == tuple(client.get(f"{RECORD}/{row['id']}")[key] for key in ("target", "ttl"))
    assert client.delete(f"{RECORD}/{row['id']}") is None
    with pytest.raises(exceptions.ResourceNotFoundError, match=r"\(id = \d+\) does not exist"):
        client.get(f"{RECORD}/{row['id']}")


def test_a_record_is_served_after_a_refresh_alone(cloud):
    client = cloud.client()
    serial = client.get(f"/domain/zone/{ZONE}/soa")["serial"]
    added(client)
    assert ("NXDOMAIN", []) == asked(cloud, "hook.example.com"), "the name server has not been told"
    assert not client.get(f"/domain/zone/{ZONE}/status")["isDeployed"]
    client.post(REFRESH)
    assert ("NOERROR", [ADDRESS]) == asked(cloud, "hook.example.com") == asked(cloud, "HOOK.example.com", tcp=True)
    assert client.get(f"/domain/zone/{ZONE}/status")["isDeployed"]
    assert serial + 1 == client.get(f"/domain/zone/{ZONE}/soa")["serial"]
    assert str(serial + 1) in asked(cloud, ZONE, "SOA")[1][0].split()
    assert f"{serial + 1}" in client.get(f"/domain/zone/{ZONE}/export")


def test_the_name_server_answers_as_one_with_authority(cloud):
    client = cloud.client()
    added(client, "*", "CNAME", "hook.example.com.")
    added(client)
    added(client, "_acme-challenge.hook", "TXT", "a-token")
    client.post(REFRESH)
    assert ("NOERROR", [ADDRESS]) == asked(cloud, "other.example.com"), "the asterisk, and what it leads to"
    assert ("NOERROR", ['"a-token"']) == asked(cloud, "_acme-challenge.hook.example.com", "TXT")
    assert ("NOERROR", []) == asked(cloud, "hook.example.com", "AAAA"), "the name is there, without such a record"
    assert ("NOERROR", [f"{NAMESERVER}."]) == asked(cloud, ZONE, "NS")
    assert ("NOERROR", ["127.0.0.1"]) == asked(cloud, NAMESERVER)
    assert "REFUSED" == asked(cloud, "example.org")[0], "a zone of somebody else"


@pytest.mark.parametrize(
    ("keys", "refusal", "words"),
    [
        ({"application": "unknown"}, exceptions.InvalidKey, "application key is invalid"),
        ({"consumer": "unknown"}, exceptions.NotCredential, "does not exist"),
        ({"consumer": "key-not-validated"}, exceptions.InvalidCredential, "not valid"),
        ({"secret": "another"}, exceptions.BadParametersError, "Invalid signature"),
        ({"consumer": "key-of-another-zone"}, exceptions.NotGrantedCall, "has not been granted"),
    ],
)
def test_nobody_comes_in_without_the_right_keys(cloud, keys, refusal, words):
    with pytest.raises(refusal, match=words):
        cloud.client(**keys).get(RECORD)


def test_a_right_is_for_a_method_and_a_path(cloud):
    client = cloud.client(consumer="key-that-reads")
    assert [] == client.get(RECORD)
    with pytest.raises(exceptions.NotGrantedCall):
        added(client)
    with pytest.raises(exceptions.NotGrantedCall):
        client.post(REFRESH)


def test_a_clock_that_is_off_is_refused_and_the_time_is_free_to_ask(cloud):
    client = cloud.client()
    assert [] == client.get(RECORD), "the client has learnt the time"
    cloud.control("POST", "/clock", {"advance": 90})
    with pytest.raises(exceptions.BadParametersError, match="out of time"):
        client.get(RECORD)
    assert [] == cloud.client().get(RECORD), "a client that asks anew is right again"


def test_a_signature_holds_for_its_own_call(cloud):
    client, seen = cloud.client(), {}

    def kept(request, **_options):
        seen["request"] = request
        raise requests.ConnectionError

    client.get(RECORD)
    client._session.send = kept
    with pytest.raises(exceptions.HTTPError):
        added(client)
    signed = seen["request"]
    for changed in ({"data": signed.body.replace(ADDRESS, "203.0.113.9")}, {"url": signed.url + "?x=1"}):
        sent = {"url": signed.url, "data": signed.body, "headers": signed.headers, **changed}
        sent["headers"] = {key: value for key, value in sent["headers"].items() if key != "Content-Length"}
        answer = requests.post(**sent, timeout=120)
        assert (400, "INVALID_SIGNATURE") == (answer.status_code, answer.json()["errorCode"])
    assert [] == cloud.client().get(RECORD), "nothing was made"


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"fieldType": "A", "subDomain": "a", "target": "2001:db8::1"}, exceptions.BadParametersError),
        ({"fieldType": "AAAA", "subDomain": "a", "target": "192.0.2.1"}, exceptions.BadParametersError),
        ({"fieldType": "X", "subDomain": "a", "target": "x"}, exceptions.BadParametersError),
        ({"fieldType": "A", "subDomain": "a b", "target": "192.0.2.1"}, exceptions.BadParametersError),
        ({"fieldType": "A", "subDomain": "a", "target": "192.0.2.1", "ttl": "300"}, exceptions.BadParametersError),
        ({"fieldType": "A", "subDomain": "a", "target": "192.0.2.1", "ttl": 5}, exceptions.BadParametersError),
        ({"fieldType": "A", "subDomain": "a", "target": "192.0.2.1", "proxied": True}, exceptions.BadParametersError),
        ({"fieldType": "TXT", "subDomain": "a", "target": '"half'}, exceptions.BadParametersError),
        ({"fieldType": "A", "subDomain": "a"}, exceptions.BadParametersError),
        ({"fieldType": "CNAME", "subDomain": "taken", "target": "a"}, exceptions.ResourceConflictError),
        ({"fieldType": "CNAME", "subDomain": "", "target": "a"}, exceptions.ResourceConflictError),
    ],
)
def test_a_record_that_is_none_is_refused(cloud, body, refusal):
    client = cloud.client()
    added(client, "taken")
    with pytest.raises(refusal):
        client.post(RECORD, **body)


def test_a_zone_of_somebody_else_is_not_there(cloud):
    with pytest.raises(exceptions.ResourceNotFoundError, match="This service does not exist"):
        cloud.client().get("/domain/zone/example.org/record")


def test_the_time_needs_no_key_and_all_else_does(cloud):
    assert 200 == requests.get(f"{cloud.server.url}/auth/time", timeout=120).status_code
    answer = requests.get(f"{cloud.server.url}{RECORD}", headers={"X-Ovh-Application": APPLICATION}, timeout=120)
    assert 401 == answer.status_code
    assert SECRET not in answer.text
    assert CONSUMER not in answer.text
