"""TLS at the edge: which names have a certificate, and that behind it all is as without."""

from __future__ import annotations

import ssl

import pytest

from rehearsal.claims.run import check
from rehearsal.claims.systems import CLAIMS
from tests.support.cloudflare import ZONE, connected, origin
from tests.unit.rehearsal_claims.described import Host

pytestmark = [pytest.mark.slow, pytest.mark.req("RW-09")]

APP = "app.example.com"
DEEP = "n8n.preprod.example.com"


def proxied(cloud, tunnel, *names):
    for name in names:
        record = {"type": "CNAME", "name": name, "content": f"{tunnel}.cfargotunnel.com", "proxied": True, "ttl": 1}
        cloud.made("POST", f"/zones/{ZONE}/dns_records", record)


def names_of(connection):
    return {name for kind, name in connection.getpeercert()["subjectAltName"] if kind == "DNS"}


def handshake(cloud, name):
    """What OpenSSL says of the handshake for that name."""
    try:
        with cloud.secured(name):
            return "certificate"
    except ssl.SSLError as error:
        return error.reason


def test_the_apex_one_level_below_it_and_the_page_to_log_in_have_a_certificate(cloud):
    names = ("example.com", APP, "other.example.com", "APP.example.com", "team.cloudflareaccess.com")
    shown = {name: handshake(cloud, name) for name in names}
    assert dict.fromkeys(names, "certificate") == shown, "verified with the authority and the name"


def test_a_deeper_name_another_zones_and_none_fail_in_the_handshake(cloud):
    names = (
        DEEP,
        "a.team.cloudflareaccess.com",
        "app.example.org",
        "com",
        "xexample.com",
        "example.com.example.org",
        None,
    )
    shown = {name: handshake(cloud, name) for name in names}
    assert dict.fromkeys(names, "SSLV3_ALERT_HANDSHAKE_FAILURE") == shown, "there is no certificate to show"
    assert "certificate" == handshake(cloud, APP), "and the edge goes on"


def test_a_proxied_record_gives_a_deeper_name_no_certificate_and_plain_http_answers_it(cloud):
    with origin() as (service, _):
        tunnel = cloud.tunnel(service=service, host=DEEP)
        with connected(cloud, tunnel):
            assert 200 == cloud.visit(DEEP)[0], "the record, the tunnel and the rule are right"
            assert "certificate" != handshake(cloud, DEEP), "and no browser gets there"


def test_a_certificate_covers_its_zone_and_one_level_and_nothing_else(cloud):
    with cloud.secured(APP) as connection:
        assert {"example.com", "*.example.com"} == names_of(connection), "as Universal SSL has it"


def test_a_zone_of_a_subdomain_has_a_certificate_of_its_own(cloud):
    account = cloud.emulator.store.get("zones", ZONE)["account"]
    cloud.made("POST", "/zones", {"name": "preprod.example.com", "account": {"id": account}})
    with cloud.secured(DEEP) as connection:
        assert {"preprod.example.com", "*.preprod.example.com"} == names_of(connection), "one level below that zone"


def test_a_zone_that_is_not_active_has_no_certificate_yet(cloud):
    with cloud.emulator.store.change() as data:
        data["zones"][ZONE]["status"] = "pending"
    assert "certificate" != handshake(cloud, APP), "Universal SSL comes with the activation"


def test_behind_tls_access_and_the_tunnel_are_as_without(cloud):
    cloud.app(cloud.policy())
    with origin() as (service, seen):
        tunnel = cloud.tunnel(service=service)
        with connected(cloud, tunnel):
            with cloud.secured(APP) as connection:
                assert 302 == cloud.visit(APP, secured=connection)[0], "to the login"
            _, token = cloud.log_in("ada@example.com")
            cookie = {"Cookie": f"CF_Authorization={token}"}
            with cloud.secured(APP) as connection:
                answer = cloud.visit(APP, "/a?b=c", "POST", cookie, b"x" * 200_000, secured=connection)
            assert (200, b"POST /a?b=c " + b"x" * 200_000) == answer[:2], "and through the tunnel, a long body too"
            assert APP == seen[0]["host"], "the origin sees the public hostname"


def test_an_upgraded_connection_over_tls_carries_both_directions(cloud):
    with origin() as (service, _):
        tunnel = cloud.tunnel(service=service)
        with connected(cloud, tunnel), cloud.secured(APP) as connection:
            connection.sendall(
                f"GET /ws HTTP/1.1\r\nHost: {APP}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n".encode()
            )
            got = b""
            while b"\r\n\r\n" not in got:
                got += connection.recv(1000)
            assert got.startswith(b"HTTP/1.1 101"), "the origin's consent is handed on"
            connection.sendall(b"ping")
            assert b"PING" == connection.recv(100), "bytes go up and come back"


@pytest.mark.parametrize(("domain", "state"), [("example.com", "passed"), ("preprod.example.com", "failed")])
def test_the_claim_on_certificates_holds_one_level_below_the_zone_and_fails_deeper(cloud, domain, state):
    host = Host()
    host.domain, host.edge_tls, host.edge_ca = domain, cloud.emulator.edge_tls_url, str(cloud.emulator.edge_ca)
    tunnel = cloud.tunnel()
    proxied(cloud, tunnel, *host.hostnames.values())
    for name in host.hostnames.values():
        cloud.app(cloud.policy(), domain=name)
    claim = next(claim for claim in CLAIMS["jett"] if claim.name == "names-have-certificates")

    result = check(claim, host)

    assert state == result.state, f"expected {result.expected} got {result.got}"
