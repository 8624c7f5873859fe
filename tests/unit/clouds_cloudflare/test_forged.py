"""The configuration that the product writes, a connector that follows it, and an edge that lies (requirement B-11).

A request is handed to the connector as the edge hands it, with any assertion or none: what a broken edge, a stolen
account or an application removed in the dashboard would send. What the stub does here cloudflared does by its own code:
this proves the configuration, and the emulator's side of it. It proves nothing of how often cloudflared itself fetches
keys: the stub is told them and fetches none.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager

import pytest
import yaml

from homeport.model import template
from homeport.model.access import PublicHostname
from homeport.model.route import Guard
from homeport.render import cloudflared
from rehearsal.clouds.cloudflare.decide import COOKIE
from rehearsal.clouds.cloudflare.signing import DAY, encoded
from tests.support.cloudflare import ACCOUNT, ZONE, origin, wait_for
from tests.unit.clouds_cloudflare.test_access import forgeries
from toolchain.cloudflared.connector import Connector
from toolchain.cloudflared.wire import DATA, END, HEAD

pytestmark = pytest.mark.slow

HOST = "n8n.example.com"
ADA = "ada@example.com"
HOOK = Guard(kind="service-token", because="programs", paths=("/webhook/*",))
OPEN = Guard(kind="bypass", because="signed by its sender", paths=("/hook/*",))
CLOSED = Guard(kind="closed", because="nobody", paths=("/admin",))
LOGIN = Guard(kind="login", because="people")


class Jett:
    """One door, protected and reached as the product does it.

    Made by hand, as the program's own way is tested elsewhere.
    """

    def __init__(self, cloud, service):
        self.cloud = cloud
        self.door = PublicHostname(name="n8n", hostname=HOST, origin=service, guards=(HOOK, OPEN, CLOSED, LOGIN))
        self.token = cloud.access("service_tokens", {"name": "n8n"})
        policies = {
            "n8n.webhook": cloud.policy("non_identity", [{"service_token": {"token_id": self.token["id"]}}]),
            "n8n.hook": cloud.policy("bypass", [{"everyone": {}}]),
            "n8n.admin": cloud.policy("deny", [{"everyone": {}}]),
            "n8n": cloud.policy(),
        }
        areas = self.door.areas()
        self.apps = {area.key: cloud.app(policies[area.key], domain=HOST + area.path) for area in areas}
        self.tunnel = cloud.made("POST", f"/accounts/{ACCOUNT}/cfd_tunnel", {"name": "jett", "config_src": "local"})[
            "id"
        ]
        for name in (HOST, "other.example.com"):
            record = {"name": name, "content": f"{self.tunnel}.cfargotunnel.com", "type": "CNAME"}
            cloud.made("POST", f"/zones/{ZONE}/dns_records", {**record, "proxied": True, "ttl": 1})

    @contextmanager
    def connected(self):
        values = {
            "tunnel-id": self.tunnel,
            "team": "team",
            **{f"aud:{key}": app["aud"] for key, app in self.apps.items()},
        }
        config = yaml.safe_load(template.fill(cloudflared.config((self.door,)), values, template.YAML))
        connector = Connector(
            self.cloud.token_of(self.tunnel), self.cloud.emulator.tunnel, {"ingress": config["ingress"]}
        )
        threading.Thread(target=connector.run, args=(1,), daemon=True).start()
        try:
            wait_for(lambda: connector.ready == 1)
            yield
        finally:
            connector.stop.set()

    def handed(self, assertion, path="/"):
        """What the connector answers to a request that the edge hands down with that assertion."""
        headers = [("Cf-Access-Jwt-Assertion", assertion)] if assertion else []
        request = {"method": "GET", "target": path, "host": HOST, "headers": headers, "upgrade": False, "length": 0}
        wait_for(lambda: self.cloud.emulator.hub.links(self.tunnel))
        stream = self.cloud.emulator.hub.links(self.tunnel)[0].open(request)
        stream.send(END)
        status = 0
        while True:
            kind, payload = stream.next(5)
            if kind == HEAD:
                status = json.loads(payload)["status"]
            elif kind != DATA:
                return status

    def good(self, key="n8n", days=1):
        now = time.time()
        claims = {"aud": [self.apps[key]["aud"]], "iss": "https://team.cloudflareaccess.com", "iat": now, "nbf": now}
        return self.cloud.control("POST", "/assertion", {"claims": {**claims, "exp": now + days * DAY}})["token"]


@pytest.fixture
def jett(cloud):
    with origin() as (service, seen):
        made = Jett(cloud, service)
        made.seen = seen
        with made.connected():
            yield made


@pytest.mark.req("B-11")
def test_behind_the_edge_every_forged_assertion_is_403_and_the_good_one_200(jett):
    right, wrong = forgeries(jett.cloud, jett.apps["n8n"])
    got = {name: jett.handed(token) for name, token in wrong.items()}

    assert dict.fromkeys(wrong, 403) == got, "missing, expired, wrong audience, issuer, algorithm, key or claims"
    assert 11 > len(wrong) > 8, "the list of B-11 and some more"
    assert [] == jett.seen, "the service heard of none of them"
    assert 200 == jett.handed(right), "or everything would be refused"


def test_an_assertion_for_one_part_opens_no_other_part(jett):
    for_hooks, for_people = jett.good("n8n.webhook"), jett.good("n8n")

    assert [200, 403] == [jett.handed(for_hooks, path) for path in ("/webhook/a", "/")], "a program is no person"
    assert [200, 403] == [jett.handed(for_people, path) for path in ("/", "/webhook/a")], "and no other way round"
    assert [403, 403] == [jett.handed(visitor, "/admin") for visitor in (for_hooks, for_people)], "closed is closed"
    assert 400 == jett.handed("", "/hook/../rest/settings"), "the open path leads nowhere else"


@pytest.mark.req("B-11")
def test_a_flood_of_unknown_keys_is_refused_without_a_fetch_of_keys(jett):
    # The key is looked for before the signature, so that of another header will do.
    _, claims, signature = jett.good().split(".")
    tops = ({"alg": "RS256", "kid": f"{number:064x}"} for number in range(1000))
    flood = [f"{encoded(json.dumps(top).encode())}.{claims}.{signature}" for top in tops]
    before = jett.cloud.control("GET", "/counters")["certs"]
    began = time.monotonic()
    got = {jett.handed(token) for token in flood}
    seconds = time.monotonic() - began

    assert {403} == got, "none of them"
    assert before == jett.cloud.control("GET", "/counters")["certs"], (
        f"0 fetches in {seconds:.1f} s, 1 a minute is allowed"
    )
    assert 200 == jett.handed(jett.good()), "and the good one is not shut out by it"


@pytest.mark.req("B-11")
@pytest.mark.parametrize(("days", "expected"), [(0, 200), (6, 200), (8, 403)])
def test_the_key_before_is_worth_something_for_seven_days(jett, days, expected):
    old = jett.good(days=30)
    jett.cloud.control("POST", "/keys/rotate")
    jett.cloud.control("POST", "/clock", {"advance": days * DAY})
    fresh = jett.good(days=30)

    wait_for(lambda: jett.handed(fresh) == 200)
    assert expected == jett.handed(old), f"on day {days}"


def test_visitors_get_what_their_kind_gets(jett):
    cloud = jett.cloud
    token = {"CF-Access-Client-Id": jett.token["client_id"], "CF-Access-Client-Secret": jett.token["client_secret"]}
    status, session = cloud.log_in(ADA, HOST)
    cookie = {"Cookie": f"{COOKIE}={session}"}
    got = {
        "nobody": cloud.visit(HOST)[0],
        "ada": cloud.visit(HOST, headers=cookie)[0],
        "ada at a program's door": cloud.visit(HOST, "/webhook/a", headers=cookie)[0],
        "a program": cloud.visit(HOST, "/webhook/a", headers=token)[0],
        "a program at the editor": cloud.visit(HOST, headers=token)[0],
        "a wrong secret": cloud.visit(HOST, "/webhook/a", headers={**token, "CF-Access-Client-Secret": "0" * 64})[0],
        "anybody at the open path": cloud.visit(HOST, "/hook/a")[0],
        "ada at the closed path": cloud.visit(HOST, "/admin", headers=cookie)[0],
        "ada at a name without a door": cloud.visit("other.example.com", headers=cookie)[0],
        "a step upwards": cloud.visit(HOST, "/hook/../rest")[0],
        "a forged assertion": cloud.visit(HOST, headers={"Cf-Access-Jwt-Assertion": jett.good()})[0],
    }

    assert (200, 403) == (status, cloud.log_in("eve@example.com", HOST)[0]), "eve is denied at the login"
    assert {
        "nobody": 302,
        "ada": 200,
        "ada at a program's door": 302,
        "a program": 200,
        "a program at the editor": 403,
        "a wrong secret": 403,
        "anybody at the open path": 200,
        "ada at the closed path": 302,
        "ada at a name without a door": 404,
        "a step upwards": 400,
        "a forged assertion": 302,
    } == got


def test_an_application_removed_in_the_dashboard_closes_its_door(jett):
    jett.cloud.made("DELETE", f"/accounts/{ACCOUNT}/access/apps/{jett.apps['n8n']['id']}")

    assert 403 == jett.cloud.visit(HOST)[0], "the edge lets everybody through now, the connector nobody"
    assert [] == jett.seen, "the service hears nothing"


def test_without_the_check_behind_the_tunnel_that_door_would_stand_open(jett, monkeypatch):
    """The guard's own proof: the same with the check taken out of the configuration."""
    monkeypatch.setattr(cloudflared, "_origin", lambda *_: [])
    jett.cloud.emulator.hub.drop(jett.tunnel)
    jett.cloud.made("DELETE", f"/accounts/{ACCOUNT}/access/apps/{jett.apps['n8n']['id']}")
    with jett.connected():
        wait_for(lambda: any(jett.cloud.visit(HOST)[0] == 200 for _ in range(4)))
