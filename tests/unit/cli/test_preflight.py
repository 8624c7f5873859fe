"""One look before the first resource, on the emulated clouds: what is refused is named, and nothing was made."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ed25519

from homeport.cli import cloudflare, lifecycle
from homeport.cli.preflight import api as api_of_clouds
from homeport.cli.preflight import look
from homeport.cli.preflight.api import Answer, Api
from homeport.cli.preflight.hetzner import fingerprint
from homeport.cli.preflight.take_over import take_over
from homeport.cli.stack import Stack, read
from homeport.model import names
from homeport.model.errors import SettingsError, ToolError
from rehearsal.clouds.hetzner.api import fixed
from rehearsal.clouds.kit.api import CONTROL
from tests.support.cloudflare import ACCOUNT, PERMISSIONS, SEED, TOKEN, ZONE, Cloud
from tests.support.other_forms import fields, with_more, with_strange, without
from tests.unit.clouds_hetzner.emulated import TOKEN as HCLOUD
from tests.unit.clouds_hetzner.emulated import Emulated

pytestmark = pytest.mark.slow  # each emulated Cloudflare makes its signing key
SETTINGS = {
    "environment": "prod",
    "domain": "example.com",
    "exposure": "tunnel",
    "hosts": {"main": {"mode": "create", "server_type": "cx33", "location": "fsn1"}},
    "cloudflare": {"account_id": ACCOUNT, "zone_id": ZONE, "team": "team"},
    "access": {"emails": ["admin@example.com"]},
}
READER = "r" * 64
LACKING = {name: f"{number}" * 40 for number, name in enumerate(PERMISSIONS)}
APPS, PROVIDERS = (f"/accounts/{ACCOUNT}/access/{kind}" for kind in ("apps", "identity_providers"))
RECORDS = f"/zones/{ZONE}/dns_records"


class World:
    """Both clouds, and a stack that looks at them."""

    def __init__(self, folder, **seed):
        tokens = {token: {one: "edit" for one in PERMISSIONS if one != name} for name, token in LACKING.items()}
        self.hetzner = Emulated(tokens={HCLOUD: "edit", READER: "read"})
        self.cloudflare = Cloud(folder / "cloudflare", tokens=tokens, seed={ACCOUNT: {**SEED[ACCOUNT], **seed}})
        self.settings = json.loads(json.dumps(SETTINGS))
        self.resources = []
        self.values = {
            "homeport:hcloud-token": HCLOUD,
            "homeport:cloudflare-api-token": TOKEN,
            "hcloud:endpoint": self.hetzner.listener.url,
            "cloudflare:baseUrl": self.cloudflare.emulator.api_url,
        }

    @property
    def pulumi(self):
        stack = Stack(name="prod", preset="jett", settings=self.settings)
        state, values = {"resources": self.resources}, self.values
        return SimpleNamespace(stack=stack, config=lambda: values, state=lambda: state)

    def look(self):
        return look.look(self.pulumi)

    def refused(self, check=""):
        refused = self.look().refused
        unnamed = [one.fix for one in refused if "pulumi config" in one.fix and "--stack prod" not in one.fix]
        assert [] == unnamed, "no stack is selected"
        return [f"{one.what} / {one.fix}" for one in refused if check in one.check]

    def made(self):
        """What any call has made or changed; a refused or vain one has not."""
        rows = [
            *self.hetzner.ask("GET", f"{CONTROL}/journal")[1],
            *self.cloudflare.control("GET", "/journal"),
        ]
        return [row for row in rows if row["method"] != "GET" and row["status"] < 300]

    def forget(self):
        self.hetzner.ask("DELETE", f"{CONTROL}/journal")
        self.cloudflare.control("DELETE", "/journal")

    def close(self):
        self.hetzner.listener.stop()
        self.cloudflare.emulator.close()


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()


def knows(world, kind, key, name="x", **inputs):
    world.resources.append(
        {"type": kind, "id": str(key), "urn": f"urn:pulumi:prod::homeport::{kind}::{name}", **inputs}
    )


@pytest.mark.req("NW-19", "NW-02")
@pytest.mark.parametrize("verb", ["preflight", "preview", "up"])
def test_what_is_wrong_in_the_file_is_named_before_anybody_is_asked(monkeypatch, verb, capsys):
    def nobody(*_, **__):
        raise AssertionError("no engine is needed and no address is asked")

    for name in ("_pulumi", "look_at_clouds", "_ready", "_docker"):
        monkeypatch.setattr(lifecycle, name, nobody)
    stack = read("prod")
    calls = {
        "preflight": lambda: lifecycle.preflight(stack, json=False, others=False, yes=False),
        "preview": lambda: lifecycle.preview(stack, []),
        "up": lambda: lifecycle.up(stack, yes=True),
    }
    with pytest.raises(SettingsError) as refused:
        calls[verb]()

    named = [problem.path.removeprefix("homeport:settings.") for problem in refused.value.problems]
    assert ["acme_email", "domain", "hosts.main.address", "hosts.main.host_key"] == named, "as the file is shipped"
    assert 1 == lifecycle.preflight(stack, json=True, others=False, yes=False), "for a program too"
    document = json.loads(capsys.readouterr().out)
    assert not document["ready"] and 4 == len(document["findings"])


@pytest.mark.req("RW-10")
def test_a_stack_that_has_everything_is_ready_and_its_price_is_told_by_hetzner(world):
    report = world.look()
    lines = "\n".join(report.lines())

    assert () == report.refused, lines
    assert all(f"has {name}: Edit" in lines for name in PERMISSIONS), "each permission was tried"
    assert "6.99 EUR a month without tax" in lines, "cx33 for 6.49, and an IPv4 address for 0.50"
    assert "Zero Trust" in lines
    assert "example.com is active" in lines
    assert [] == world.made(), "a look makes nothing"


@pytest.mark.req("RW-10")
@pytest.mark.parametrize("lacks", [*PERMISSIONS, "Hetzner"])
def test_a_token_that_lacks_one_permission_is_refused_by_its_name_before_anything_is_made(world, monkeypatch, lacks):
    name, token = ("hcloud-token", READER) if lacks == "Hetzner" else ("cloudflare-api-token", LACKING[lacks])
    world.values[f"homeport:{name}"] = token
    pulumi, ran = world.pulumi, []
    pulumi.run = lambda *words: ran.append(words) or 0
    monkeypatch.setattr(lifecycle, "recover", lambda *_: False)
    monkeypatch.setattr(lifecycle, "refuse_lockout", lambda _: None)

    with pytest.raises(ToolError) as refused:
        lifecycle.update(pulumi, SimpleNamespace(since=0.0))
    text = str(refused.value)

    assert "may only read" in text if lacks == "Hetzner" else f"lacks {lacks}: Edit" in text
    assert 1 == text.count("lacks ") + text.count("may only read"), "that one, and no other"
    assert "fix: " in text
    assert f"pulumi config set --stack prod --secret homeport:{name}" in text, "the command that sets another"
    assert ([], []) == (ran, world.made()), "Pulumi never began, and nothing was made"
    assert token not in text


@pytest.mark.req("RW-10")
@pytest.mark.parametrize(
    ("name", "check"), [("hcloud-token", "Hetzner token"), ("cloudflare-api-token", "Cloudflare token")]
)
@pytest.mark.parametrize("value", ["wrong", ""])
def test_a_wrong_or_missing_token_is_one_finding_and_the_other_cloud_is_looked_at_all_the_same(
    world, name, check, value
):
    world.values[f"homeport:{name}"] = value and "x" * (64 if "hcloud" in name else 40)
    report = world.look()

    assert [check] == [one.check for one in report.refused], "not one for each call"
    assert any(one.outcome == "ok" and one.check != check for one in report.findings)


@pytest.mark.req("RW-08")
@pytest.mark.parametrize(
    ("change", "reason", "fix"),
    [
        ({"server_type": "cx22"}, "cx22 is not sold any more in fsn1", "server_type cx23"),
        ({"server_type": "cx32"}, "cx32 is not sold any more", "server_type cx33"),
        ({"server_type": "cpx31"}, "cpx31 is not sold any more in fsn1", "server_type cpx32"),
        ({"server_type": "cx23", "location": "ash"}, "sold there: ccx13", "server_type"),
        ({"server_type": "cx43"}, "cx43 cannot be had now in fsn1", "server_type cx53"),
        ({"location": "xyz"}, "Hetzner has no location 'xyz'", "location fsn1"),
    ],
)
def test_a_server_that_cannot_be_ordered_is_refused_with_one_that_can(world, change, reason, fix):
    world.hetzner.ask("PUT", f"{CONTROL}/sold_out", {"cx43": ["fsn1"]})
    world.settings["hosts"]["main"] |= change
    [text] = world.refused("server main")

    assert reason in text
    assert fix in text


def test_an_image_that_hetzner_does_not_have_for_the_servers_processor_is_refused(world, monkeypatch):
    rows, filters = fixed._LISTS["images"]
    only = tuple(row for row in rows if (row["name"], row["architecture"]) != ("debian-13", "arm"))
    monkeypatch.setitem(fixed._LISTS, "images", (only, filters))
    world.settings["hosts"]["main"] |= {"server_type": "cax21", "image": "debian-13"}

    [text] = world.refused("server main")
    assert "no image 'debian-13' for arm, which cax21 needs" in text


@pytest.mark.req("RW-08")
def test_a_server_that_runs_already_may_be_of_a_type_that_is_no_longer_sold(world):
    world.settings["hosts"]["main"]["server_type"] = "cx32"
    knows(world, "hcloud:index/server:Server", 1, "main-server", inputs={"serverType": "cx32"})

    assert [] == world.refused("server")


@pytest.mark.req("CA-17")
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("servers", "prod-main"),
        ("firewalls", "prod-main"),
        ("primary_ips", "prod-main-ipv6"),
        ("ssh_keys", "prod-main"),
    ],
)
def test_a_name_that_is_taken_at_hetzner_is_refused_unless_the_state_knows_it(world, kind, name):
    made = {
        "servers": {"server_type": "cx23", "image": "debian-12"},
        "firewalls": {},
        "primary_ips": {"type": "ipv6", "location": "fsn1"},
        "ssh_keys": {"public_key": public(new_key())},
    }
    row = world.hetzner.make(f"/{kind}", {"name": name, **made[kind]})[kind.removesuffix("s")]

    [text] = world.refused("names at Hetzner")
    assert f"called {name} is there already ({row['id']})" in text
    knows(world, "hcloud:index/firewall:Firewall", row["id"])
    assert [] == world.refused("names"), "this stack's own"


@pytest.mark.req("RW-12")
def test_a_supplied_key_that_hetzner_has_already_is_used_and_no_collision(world):
    key = new_key()
    world.values["homeport:ssh-private-key"] = key
    world.hetzner.make("/ssh_keys", {"name": "laptop", "public_key": public(key)})
    lines = world.look().lines()

    assert [] == world.refused()
    assert any("is at Hetzner already, as laptop" in line for line in lines), lines


def test_a_fingerprint_is_the_one_that_hetzner_shows(world):
    key = public(new_key())
    row = world.hetzner.make("/ssh_keys", {"name": "laptop", "public_key": key})["ssh_key"]

    assert row["fingerprint"] == fingerprint(key)


@pytest.mark.req("CA-17")
@pytest.mark.parametrize(
    ("kind", "content"), [("CNAME", "old.example.net"), ("A", "192.0.2.77"), ("AAAA", "2001:db8::77")]
)
def test_a_record_of_our_name_is_named_with_where_it_leads_and_refused_unless_it_is_ours(world, kind, content):
    body = {"name": "n8n.example.com", "type": kind, "content": content, "ttl": 1, "proxied": True}
    record = world.cloudflare.made("POST", RECORDS, body)

    [text] = world.refused("DNS record")
    assert f"n8n.example.com is there already: {kind} to {content}" in text
    assert "homeport preflight --take-over --stack prod" in text, "adopted on request"
    knows(world, "cloudflare:index/dnsRecord:DnsRecord", record["id"])
    assert [] == world.refused("DNS"), "this stack's own"


@pytest.mark.req("RW-11")
@pytest.mark.req("CA-17")
def test_the_accounts_one_time_pin_is_named_with_the_setting_that_uses_it(world):
    provider = world.cloudflare.access("identity_providers", {"name": "PIN login", "type": "onetimepin"})

    [text] = world.refused("login")
    assert "'PIN login'" in text
    assert f"homeport:settings.access.identity_provider {provider['id']}" in text
    world.settings["access"]["identity_provider"] = provider["id"]
    assert [] == world.refused("login"), "it is used, and no second one is made"
    world.settings["access"]["identity_provider"] = f"{'0' * 8}-0000-0000-0000-{'0' * 12}"
    [text] = world.refused("login")
    assert f"PIN login (onetimepin) is {provider['id']}" in text, (
        "one that is not there is refused, with those that are"
    )


@pytest.mark.req("CA-17")
def test_what_this_stack_made_without_an_answer_is_no_strangers_and_the_next_update_removes_it(world):
    tunnel = f"{names.tunnel('jett', 'main')}-1a2b3c"
    world.cloudflare.access("identity_providers", {"name": "homeport onetimepin 1a2b3c", "type": "onetimepin"})
    app = {"name": "homeport n8n.example.com 1a2b3c", "domain": "n8n.example.com", "type": "self_hosted"}
    world.cloudflare.access("apps", app)
    world.cloudflare.made("POST", f"/accounts/{ACCOUNT}/cfd_tunnel", {"name": tunnel, "config_src": "cloudflare"})
    strange = world.look().lines()

    knows(world, "random:index/randomId:RandomId", "x", names.MARK, outputs={"hex": "1a2b3c"})
    ours = world.look().lines()

    assert ([], []) == (world.refused("login"), world.refused("Access application")), (
        "its mark tells: a setting that named this provider would name one that the next update removes"
    )
    assert any(tunnel in line for line in strange), "the positive control: without the mark it is somebody's"
    assert not any(tunnel in line for line in ours), "likewise"
    orphans = cloudflare.orphans(
        world.pulumi.state(), cloudflare.client(TOKEN, world.cloudflare.emulator.api_url), ACCOUNT, ZONE
    )
    assert ["Access application", "identity provider", "tunnel"] == [one.kind for one in orphans], "all of it"


@pytest.mark.req("CA-17")
def test_what_others_made_under_our_names_is_taken_over_on_request_names_before_their_guards(
    world, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOMEPORT_CACHE", str(tmp_path / "cache"))
    app = {"name": "old", "domain": "n8n.example.com", "type": "self_hosted"}
    old = world.cloudflare.access("apps", app)
    world.cloudflare.access("apps", {**app, "name": "other", "domain": "other.example.com"})
    body = {"name": "n8n.example.com", "type": "CNAME", "content": "old.example.net", "ttl": 1, "proxied": True}
    record = world.cloudflare.made("POST", RECORDS, body)
    report = world.look()
    assert {"DNS record", "Access application"} == {one.check for one in report.refused}
    world.forget()

    removed = take_over(report, world.values)

    deleted = [row["path"].rpartition("/")[2] for row in world.made()]
    assert [record["id"], old["id"]] == deleted, "the name goes first: it must not outlive its guard"
    assert 2 == len(removed)
    assert "old.example.net" in (tmp_path / "cache" / "taken-over" / f"{record['id']}.json").read_text()
    assert () == world.look().refused
    assert ["other"] == [row["name"] for row in world.cloudflare.made("GET", APPS)], "nothing else was touched"


@pytest.mark.req("RW-10")
def test_an_account_without_zero_trust_or_of_another_team_is_told_how_to_go_on(tmp_path, world):
    world.settings["cloudflare"]["team"] = "other"
    [text] = world.refused("Zero Trust")
    assert "this account's team is team, not other" in text
    assert "cloudflare.team team" in text

    off = World(tmp_path / "off", team="")
    try:
        [text] = off.refused()
        assert "is not switched on in this account" in text, "said once, and no permission is blamed for it"
        assert "one.dash.cloudflare.com" in text
    finally:
        off.close()


@pytest.mark.req("RW-10")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"domain": "example.org"}, "example.com does not hold jett.example.org, n8n.example.org"),
        ({"zone_id": "f" * 32}, "Cloudflare has no zone of this id"),
    ],
)
def test_a_zone_that_is_not_the_domains_is_refused(world, change, reason):
    world.settings["domain"] = change.get("domain", "example.com")
    world.settings["cloudflare"] |= {key: value for key, value in change.items() if key == "zone_id"}

    assert any(reason in text for text in world.refused("zone")), world.look().lines()


@pytest.mark.req("RW-09")
def test_a_name_that_the_edge_has_no_certificate_for_is_refused_by_the_zones_own_name(world):
    world.settings["domain"] = "preprod.example.com"
    world.settings["cloudflare"]["zone"] = "preprod.example.com"  # as the settings have it, not as Cloudflare does

    texts = world.refused("zone")
    assert any("no certificate for n8n.preprod.example.com" in text for text in texts)
    assert any("hostnames.n8n n8n-preprod.example.com" in text for text in texts), "a name that works"


@pytest.mark.req("RW-10")
def test_a_zone_that_its_registrar_does_not_delegate_is_refused_with_its_name_servers(world):
    with world.cloudflare.emulator.store.change() as data:
        data["zones"][ZONE]["status"] = "pending"

    [text] = world.refused("DNS")
    assert "ns1.example.net and ns2.example.net" in text


@pytest.mark.req("RW-10")
@pytest.mark.parametrize(("key", "cloud"), [("hcloud:endpoint", "Hetzner Cloud"), ("cloudflare:baseUrl", "Cloudflare")])
def test_a_cloud_that_does_not_answer_is_said_once_and_stops_only_a_stack_that_has_nothing_there_yet(world, key, cloud):
    world.values[key] = "http://127.0.0.1:9/v1"
    first = world.look()
    knows(world, "hcloud:index/server:Server", 1, "main-server", inputs={"serverType": "cx33"})
    knows(world, "cloudflare:index/dnsRecord:DnsRecord", "x")
    later = [one for one in world.look().findings if one.check == cloud]

    assert [cloud] == [one.check for one in first.refused], "one line, whatever could not be asked"
    assert ["unknown"] == [one.outcome for one in later], "a stack that runs is not held up by it"
    assert "ConnectError" in later[0].what


def test_the_document_has_every_finding_and_whether_the_stack_is_ready(world):
    world.settings["hosts"]["main"]["server_type"] = "cx22"
    document = world.look().document()

    assert ("prod", False) == (document["stack"], document["ready"])
    assert {"check", "outcome", "what", "fix"} == set(document["findings"][0])
    assert all(row["fix"] for row in document["findings"] if row["outcome"] != "ok"), "what is wrong has a way out"


def test_a_stack_that_rents_and_opens_nothing_is_not_looked_at():
    stack = Stack(name="dev", preset="jett", settings={})
    pulumi = SimpleNamespace(stack=stack, config=None, state=None)

    assert () == look.look(pulumi).findings == look.require(pulumi).findings, "dev pays nothing"


def new_key():
    return (
        ed25519.Ed25519PrivateKey.generate()
        .private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption())
        .decode()
    )


def public(private):
    key = form.load_ssh_private_key(private.encode(), None).public_key()
    return key.public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()


class Replayed:
    """The answers of one look again and again, each time as `change` makes them; nobody is asked any more."""

    def __init__(self, world, monkeypatch):
        self.answers, self.change, self.pulumi = {}, lambda answer: answer, world.pulumi
        real = Api.ask

        def asked(api, method, path, **query):
            key = (api.cloud, method, path, *sorted(query.items()))
            self.answers[key] = answer = real(api, method, path, **query)
            return answer

        def told(api, method, path, **query):
            return self.change(self.answers.get((api.cloud, method, path, *sorted(query.items())), Answer(404, {})))

        monkeypatch.setattr(Api, "ask", asked)
        self.usual = self.look()
        monkeypatch.setattr(Api, "ask", told)
        monkeypatch.setattr(api_of_clouds.httpx, "Client", lambda **_: SimpleNamespace(close=lambda: None))

    def look(self, change=None):
        self.change = change or self.change
        return look.look(self.pulumi).findings

    def fields(self):
        return sorted(set().union(*(fields(answer.body) for answer in self.answers.values())))


@pytest.mark.req("E-08")
def test_an_api_that_goes_on_breaks_no_look_and_what_is_not_read_is_said(world, monkeypatch):
    """Each field of all answers once left out and once with a value that nobody knows, and a new one in all of them."""
    replayed = Replayed(world, monkeypatch)
    names_of_fields = replayed.fields()
    assert len(names_of_fields) > 50 and replayed.usual == replayed.look(), "the same again"
    assert replayed.usual == replayed.look(with_more), "a field more is of no matter"

    unsaid = []
    for field in names_of_fields:
        for change in (without, with_strange):
            found = replayed.look(lambda answer, change=change, field=field: change(answer, field))
            unsaid += [f"{change.__name__} {field}: {one}" for one in found if one.outcome != "ok" and not one.fix]
            if missing := {one.check for one in replayed.usual} - {one.check for one in found}:
                told = any(one.outcome != "ok" for one in found)
                unsaid += [] if told else [f"{change.__name__} {field}: nothing is said of {missing}"]

    assert [] == unsaid, "whatever was not checked is said, with what helps"


@pytest.mark.req("E-08")
def test_a_state_that_nobody_knows_is_a_warning_and_no_refusal(world, monkeypatch):
    replayed = Replayed(world, monkeypatch)

    found = replayed.look(lambda answer: with_strange(answer, "status"))

    assert [] == [one for one in found if one.outcome == "refused"], "the update itself will tell"
    assert {"Cloudflare token", "zone"} == {one.check for one in found if one.outcome == "warning"}


@pytest.mark.req("D-10")
@pytest.mark.parametrize("days", [1, -1])
def test_a_clock_that_is_off_is_refused_before_anything_is_made(world, monkeypatch, days):
    monkeypatch.setattr(api_of_clouds, "time", SimpleNamespace(time=lambda: time.time() + days * 86_400))
    pulumi, ran = world.pulumi, []
    pulumi.run = lambda *words: ran.append(words) or 0
    monkeypatch.setattr(lifecycle, "recover", lambda *_: False)
    monkeypatch.setattr(lifecycle, "refuse_lockout", lambda _: None)

    with pytest.raises(ToolError, match=r"clock: this machine's is 86\d\d\d s (ahead of|behind) Hetzner Cloud's"):
        lifecycle.update(pulumi, SimpleNamespace(since=0.0))
    assert ([], []) == (ran, world.made()), "what a run has made is known by its time"
