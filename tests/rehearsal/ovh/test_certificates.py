"""The real Caddy with OVH's module gets certificates by DNS-01, as the stack's own files tell it to."""

from __future__ import annotations

import http.client
import socket
import ssl
import subprocess
from dataclasses import replace

import pytest
from cryptography import x509

from catalog.caddy.service import SERVICE as PROXY
from homeport.model.authority import Authority
from homeport.model.blueprint import Blueprint, Edge
from homeport.model.route import Guard, Route
from homeport.render.files import first_routes, routes, service_files
from tests.support.checkout import ROOT
from tests.support.containers import docker
from tests.support.ovh import APPLICATION, CONSUMER, SECRET, ZONE
from tests.support.waits import until
from toolchain.images.recipes.caddy_ovh.recipe import RECIPE as CADDY

pytestmark = pytest.mark.docker
LIFETIME = 120
"""Seconds that a certificate lives here: it is renewed after two thirds of them."""
NAME = "n8n.example.com"
KEYS = {"ovh-application-key": APPLICATION, "ovh-application-secret": SECRET, "ovh-consumer-key": CONSUMER}
HARDENED = ("--read-only", "--cap-drop", "ALL", "--cap-add", "NET_BIND_SERVICE", "--security-opt", "no-new-privileges")


def files(place, keys=KEYS):
    """The bundle that the stack gives the proxy: routes, the authority, its keys."""
    proxy = replace(PROXY, image=CADDY.image)
    guards = (Guard(kind="closed", because="nothing is behind it here"),)
    authority = Authority(url=place.url, root=place.root, challenge="ovh", endpoint=place.cloud.server.url)
    blueprint = Blueprint(
        preset="case",
        environment="prod",
        services=(proxy,),
        networks=(),
        routes=(Route(name="n8n", service="n8n", port=5678, guards=guards),),
        # No name of it is reached from outside: nothing but DNS-01 can show that it is ours.
        edge=Edge(bind="127.0.0.1", ports={"http": 80, "https": 443}, public=False, authority=authority),
        exposure="vpn",
        domain=ZONE,
    )
    return proxy, routes(service_files(blueprint, proxy, ROOT), keys, "key")


def deliver(volume, text):
    argv = ["sh", "components/scripts/deliver.sh", volume, CADDY.image]
    subprocess.run(argv, cwd=ROOT, input=text.encode(), check=True, capture_output=True)


def started(place, part, number, keys=KEYS):
    proxy, laid = files(place, keys)
    volume, data = place.volume(f"{part}-files"), place.volume(f"{part}-data")
    deliver(volume, first_routes(proxy))
    deliver(volume, laid.bundle)
    owned = "uid=10001,gid=10001,mode=0700"
    docker("run", "--rm", "--user", "0", "-v", f"{data}:/data", CADDY.image, "chown", "-R", "10001:10001", "/data")
    config = f"/etc/homeport/{laid.mark}/Caddyfile"
    # A certificate that lives for two minutes is looked at every ten otherwise.
    often = f"sed '0,/{{/s//{{ \\n renew_interval 2s/' {config} > /config/Caddyfile"
    run = (
        f"cd /etc/homeport/{laid.mark} && {often} && sed -i 's#import guards#import /etc/homeport/{laid.mark}/guards#'"
    )
    return place.container(
        part,
        CADDY.image,
        number,
        *HARDENED,
        *("--user", "10001:10001", "-v", f"{volume}:/etc/homeport:ro", "-v", f"{data}:/data"),
        *("--tmpfs", f"/config:rw,{owned}", "--tmpfs", "/tmp:rw,mode=1777"),
        *("--env", "XDG_DATA_HOME=/data", "--env", "XDG_CONFIG_HOME=/config"),
        command=(
            "sh",
            "-c",
            f"{run} /config/Caddyfile && exec caddy run --adapter caddyfile --config /config/Caddyfile",
        ),
    ), laid


def served(place, number, context, name=NAME):
    """The certificate that is shown for a name; None while there is none that the context trusts."""
    try:
        with (
            socket.create_connection((f"{place.block}.{number}", 443), timeout=120) as link,
            context.wrap_socket(link, server_hostname=name) as secured,
        ):
            return x509.load_der_x509_certificate(secured.getpeercert(binary_form=True))
    except OSError:
        return None


@pytest.fixture(scope="module")
def caddy(place):
    name, laid = started(place, "caddy", 20)
    context = ssl.create_default_context(cadata=place.roots())
    try:
        first = until(lambda: served(place, 20, context), "a certificate of the authority is shown")
    except AssertionError as late:
        raise AssertionError(f"{late}\n{logs(name)}\n{logs(place.pebble)}") from None
    return name, laid, context, first


@pytest.mark.req("S5-59")
def test_a_name_for_the_vpn_alone_has_a_certificate_by_a_record_that_is_gone_afterwards(place, caddy):
    names = caddy[3].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [NAME] == names.get_values_for_type(x509.DNSName)
    assert "Pebble" in caddy[3].issuer.rfc4514_string()
    rows = [row for row in place.cloud.control("GET", "/journal") if row["method"] == "POST" and row["body"]]
    assert {"_acme-challenge.n8n"} == {row["body"]["subDomain"] for row in rows}
    assert {"TXT"} == {row["body"]["fieldType"] for row in rows}
    until(lambda: not place.cloud.store.of_zone(ZONE), "the challenge's record is taken away")
    until(lambda: place.cloud.calls("POST").count("POST /refresh") >= 2, "served, and no longer served")


@pytest.mark.req("S5-59")
def test_port_80_leads_to_https(place, caddy):  # noqa: ARG001
    link = http.client.HTTPConnection(f"{place.block}.20", 80, timeout=120)
    link.request("GET", "/x?y=1", headers={"Host": NAME})
    answer = link.getresponse()
    assert (301, f"https://{NAME}/x?y=1") == (answer.status, answer.getheader("Location"))
    link.close()


@pytest.mark.req("S5-59")
def test_the_keys_are_in_no_argument_and_no_environment_but_in_a_file_of_the_proxy_alone(caddy):
    name, laid, *_ = caddy
    inspected = docker("inspect", name) + docker("logs", name)
    assert [] == [value for value in (SECRET, CONSUMER) if value in inspected]
    where = f"/etc/homeport/{laid.mark}/guards/authority.caddy"
    assert "400 10001" == docker("exec", name, "stat", "-c", "%a %u", where)
    keys = docker("exec", name, "sh", "-c", "find /data -name '*.key' -exec stat -c %a {} +").split()
    assert {"600"} == set(keys), "certificates' and the account's"
    assert {SECRET, CONSUMER} <= set(laid.masks), "no error of the proxy shows them"


@pytest.mark.req("S5-59")
def test_it_is_renewed_before_it_ends_and_at_no_time_is_there_none(place, caddy):
    _, _, context, first = caddy
    shown = [first]

    def renewal():
        shown.append(served(place, 20, context))
        return shown[-1] is None or shown[-1].serial_number != first.serial_number

    until(renewal, "the certificate is renewed")
    renewed = shown[-1]
    assert renewed is not None, "a name was without a valid certificate"
    assert renewed.not_valid_before_utc < first.not_valid_after_utc, "before the first one ended"


def test_a_key_without_the_right_gets_none_and_says_so(place):
    name, _ = started(place, "caddy-less", 21, {**KEYS, "ovh-consumer-key": "key-that-reads"})
    until(lambda: "has not been granted" in logs(name), "the log says what OVH says")
    context = ssl.create_default_context(cadata=place.roots())
    assert served(place, 21, context) is None
    docker("rm", "--force", name)


def logs(name):
    done = subprocess.run(["docker", "logs", "--tail", "40", name], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr
