"""Certificates of an authority that the settings name: what the proxy is told, and where its keys are."""

import base64
import io
import tarfile

import pytest

from homeport.model.authority import Authority
from homeport.model.blueprint import Blueprint, Edge
from homeport.model.route import Guard, Route
from homeport.model.service import Limits, Service
from homeport.render.files import routes, service_files
from tests.support.checkout import ROOT

ROOT_CERTIFICATE = "-----BEGIN CERTIFICATE-----\nroot\n-----END CERTIFICATE-----\n"
KEYS = {"ovh-application-key": "ak-1", "ovh-application-secret": "as-2", "ovh-consumer-key": "ck-3"}


def blueprint(authority, *, public=True):
    proxy = Service(name="caddy", image="caddy:2", purpose="proxy", limits=Limits(memory=64), edge=True, uid=10001)
    guard = Guard(kind="open", because="a test")
    return Blueprint(
        preset="case",
        environment="prod",
        services=(proxy,),
        networks=(),
        routes=(Route(name="n8n", service="n8n", port=5678, guards=(guard,)),),
        edge=Edge(bind="0.0.0.0", ports={"http": 80, "https": 443}, public=public, authority=authority),
        domain="example.com",
    )


def files(authority, **more):
    made = blueprint(authority, **more)
    return service_files(made, made.services[0], ROOT)


@pytest.mark.req("S5-59")
@pytest.mark.parametrize("public", [True, False])
def test_a_name_that_nobody_reaches_from_outside_has_a_public_certificate(public):
    ovh = Authority(url="https://acme.example.com/dir", root=ROOT_CERTIFICATE, challenge="ovh", endpoint="ovh-eu")
    text = files(ovh, public=public).plain["Caddyfile"][1].decode()
    issuer = text.partition("cert_issuer acme {")[2].partition("\n\t}")[0].split()
    assert "local_certs" not in text, "not the proxy's own authority, whatever the exposure"
    assert ["dir", "https://acme.example.com/dir", "trusted_roots", "/etc/homeport/authority.pem"] == issuer[:4]
    assert ["dns", "ovh", "{", "endpoint", "ovh-eu", "import", "guards/authority.caddy", "}"] == issuer[4:]


@pytest.mark.req("S5-59")
def test_its_keys_are_in_a_file_that_the_proxy_alone_reads():
    made = files(Authority(challenge="ovh", endpoint="ovh-eu"))
    assert tuple(sorted(KEYS)) == made.secrets == tuple(blueprint(Authority(challenge="ovh")).secrets())
    entry = {item.path: item for item in made.entries(KEYS, "key")}["guards/authority.caddy"]
    assert 0o400 == entry.mode
    assert entry.content.decode().splitlines() == [
        'application_key "ak-1"',
        'application_secret "as-2"',
        'consumer_key "ck-3"',
    ]
    assert not any(value in made.plain["Caddyfile"][1].decode() for value in KEYS.values())


def test_by_ports_80_and_443_no_key_is_needed():
    made = files(Authority(url="https://acme.example.com/dir"))
    assert () == made.secrets
    assert "dns ovh" not in made.plain["Caddyfile"][1].decode()


def test_without_one_nothing_changes():
    text = files(None).plain["Caddyfile"][1].decode()
    assert "cert_issuer" not in text
    assert "local_certs" in files(None, public=False).plain["Caddyfile"][1].decode()


def test_the_root_lies_where_the_proxy_is_told_whatever_the_routes_are_called():
    made = files(Authority(root=ROOT_CERTIFICATE))
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(routes(made, {}, "key").bundle))) as tar:
        assert "bundle/authority.pem" in tar.getnames()
