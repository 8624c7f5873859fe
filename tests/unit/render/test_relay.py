"""The relay's site: which paths it hands on, to whom, under which name; and what its blueprint may not say."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from homeport.model.check import problems
from homeport.model.route import Guard
from homeport.plan.zone import records
from homeport.render.files import service_files
from tests.support.checkout import ROOT
from tests.support.relay import HOOK, N8N, blueprint


def text(made, name):
    return service_files(made, made.service(name), ROOT).plain["Caddyfile"][1].decode()


@pytest.mark.req("FP-18", "S5-63")
def test_only_its_paths_are_handed_on_under_the_name_of_the_other_proxy():
    site = text(blueprint(), "caddy-vpn").partition(f"https://{HOOK} {{")[2]
    assert "@paths-0 path /webhook/* /webhook-test/*" in site
    handed, rest = site.partition("handle @paths-0 {")[2].split("handle {", 1)
    assert ["reverse_proxy", "https://100.64.0.2:443", "{"] == handed.split()[:3]
    assert f"header_up Host {N8N}" in handed and f"tls_server_name {N8N}" in handed
    assert "respond 404" in rest and "reverse_proxy" not in rest
    assert 'the host behind this name does not answer" 502' in site


def test_each_proxy_has_its_own_names_alone():
    made = blueprint()
    assert N8N not in text(made, "caddy-vpn").replace(f"Host {N8N}", "").replace(f"tls_server_name {N8N}", "")
    assert HOOK not in text(made, "caddy")


@pytest.mark.req("S5-64")
def test_the_record_of_the_relay_leads_to_the_host_that_it_is_on():
    machines = {"ai": ("adopt", "198.51.100.1"), "vpn": ("adopt", "198.51.100.2")}
    hosts = {name: SimpleNamespace(mode=mode, address=address) for name, (mode, address) in machines.items()}
    found = records(blueprint(), SimpleNamespace(hosts=hosts))
    assert {(HOOK, "A", "vpn"), (N8N, "A", "ai")} == {(item.hostname, item.kind, item.host) for item in found}


def test_a_relay_of_everything_a_proxy_that_is_none_and_two_on_one_host_are_refused():
    made = blueprint()
    wide = replace(made.routes[1], guards=(Guard(kind="open", because="all"),))
    lost = replace(made.routes[1], proxy="n8n")
    beside = replace(made, homes=dict.fromkeys(made.homes, "ai"))
    cases = {
        "a relay hands on no other paths": replace(made, routes=(made.routes[0], wide)),
        "n8n is no edge proxy": replace(made, routes=(made.routes[0], lost)),
        "one edge proxy a host is needed, and caddy and caddy-vpn": beside,
    }
    for words, wrong in cases.items():
        assert [item.what for item in problems(wrong) if words in item.what], words
        assert not [item.what for item in problems(made) if words in item.what], words
