"""What stands for a user's own is known by its kind, and nothing that an issuer makes is taken for it."""

from __future__ import annotations

import base64
import hashlib
import secrets
import uuid
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ed25519

from homeport.model.placeholders import stands_in
from homeport.settings.clouds import Access, Cloudflare
from homeport.settings.hosts import AdoptHost
from homeport.settings.schema import Settings
from homeport.settings.vpn import Peer

ROOT = Path(__file__).parents[3]
OWN = {
    Settings: ("domain", "acme_email"),
    Cloudflare: ("account_id", "zone_id", "zone", "team"),
    Access: ("emails", "email_domains", "google_client_id", "identity_provider"),
    AdoptHost: ("address", "host_key"),
    Peer: ("public_key",),
}
"""Settings whose documented example is to be replaced."""


@pytest.mark.req("NW-02")
@pytest.mark.parametrize(
    "text",
    [
        "0123456789abcdef0123456789abcdef",
        "fedcba9876543210fedcba9876543210",
        "1234567890abcdef1234567890abcdef",
        "a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6",
        "deadbeef" * 4,
        "0" * 32,
        "11112222333344445555666677778888",
        "ABCDEF0123456789ABCDEF0123456789",
        "023e105f4ecef8ad9ca31a8372d0c353",
        "f174e90a-fafe-4643-bbbc-4a0ed4fc8415",
        "12345678-1234-1234-1234-123456789abc",
        "00000000-0000-0000-0000-000000000000",
        "example",
        "your-team",
        "changeme",
        "<team>",
        "xxxxxxxx",
        "your-domain.com",
        "admin@your-company.com",
        "mail.mydomain.de",
        "admin@example.com",
        "203.0.113.7",
        "wireguard " + "a" * 3 + ".example.net",
        base64.b64encode(bytes(32)).decode(),
        base64.b64encode(b"this is the public key of laptop").decode(),
    ],
)
def test_what_nobody_issued_is_known_by_its_kind(text):
    assert stands_in(text), text


@pytest.mark.req("NW-02")
@pytest.mark.parametrize("model", OWN, ids=lambda model: model.__name__)
def test_every_example_that_is_to_be_replaced_is_known(model):
    for name in OWN[model]:
        example = model.model_fields[name].examples[0]
        text = example[0] if isinstance(example, list) else example
        assert stands_in(text), f"{name}: {text}"


@pytest.mark.req("NW-02")
def test_every_value_of_the_shipped_files_that_is_to_be_replaced_is_known():
    for stack in ("preprod", "prod"):
        settings = yaml.safe_load((ROOT / f"tests/cases/stacks/Pulumi.{stack}.yaml").read_text())["config"]
        settings = settings["homeport:settings"]
        host = settings["hosts"]["main"]
        assert all(stands_in(text) for text in (settings["domain"], host["address"], host["host_key"])), stack
    earlier = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGVbmlF3HyDJtv5SpvDLyucYVNW6FunhMNWg25eAWqZ1"
    assert stands_in(earlier), "that of an earlier version may be in somebody's file"


@pytest.mark.req("NW-02")
@pytest.mark.parametrize(
    "text",
    ["our.dev", "jane@our.dev", "acme", "yourself.org", "example-lovers.de", "team-1", "db.our.dev", "8.8.4.4", "main"],
)
def test_what_may_be_somebodys_own_is_left_alone(text):
    assert not stands_in(text), text


def test_no_id_and_no_key_that_is_made_by_chance_is_a_placeholder():
    ids = [hashlib.sha256(str(number).encode()).hexdigest()[:32] for number in range(20_000)]
    ids += [str(uuid.UUID(text, version=4)) for text in ids[:5_000]]
    keys = [base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(2_000)]
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    keys.append(public.public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode())

    assert [] == [text for text in (*ids, *keys) if stands_in(text)]
