"""Every number with a limit, at its limit: the last value that is taken, and the first that is not."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import date, timedelta

import pytest

from catalog.presets.registry import declared
from homeport.model.addresses import url
from homeport.model.errors import SettingsError
from homeport.settings.friendly import set_command
from homeport.settings.load import Configuration, load
from homeport.settings.strength import weakness

TODAY = date(2026, 11, 21)
KEY = "GkUCn3l0CxOdC4bN2qHq4Fq3T0v0O2mTt9m0m2k9cHA="
PASSWORD = "A1" + "".join(hashlib.sha256(bytes([number])).hexdigest() for number in range(9))


def problems(settings, stack="prod", preset="vpai"):
    """What is said of the settings, by path."""
    text = settings if isinstance(settings, str) else json.dumps(settings)
    raw = {"homeport:preset": preset, "homeport:settings": text}
    try:
        load(Configuration(stack, raw, frozenset()), TODAY, declared=declared())
    except SettingsError as refused:
        return {problem.path for problem in refused.problems}
    return set()


def nested(path, value):
    for part in reversed(path.split(".")):
        value = {part: value}
    return value


def vpn(subnet="10.77.0.0/24", slot=1, peer=2):
    peers = {"laptop": {"slot": peer, "public_key": KEY}}
    return {"exposure": "vpn", "wireguard": {"subnet": subnet, "slot": slot, "peers": peers}}


@pytest.mark.req("A-05")
@pytest.mark.parametrize(
    ("path", "taken", "refused"),
    [
        ("services.n8n.memory", (16, 1_048_576), (15, 1_048_577)),
        ("services.n8n.cpus", (0.1, 256), (0.09, 256.1)),
        ("access.session_hours", (1, 24), (0, 25)),
        ("ssh.port", (22, 65535), (0, 65536)),
        ("edge.http_port", (1, 65535), (0, 65536)),
        ("wireguard.port", (1024, 65535), (1023, 65536)),
        ("rotate.redis-password", (1, 1_000_000), (0, 1_000_001)),
        ("networks.ai-data", ("10.20.0.0/16", "10.20.0.0/28"), ("10.0.0.0/15", "10.20.0.0/29")),
    ],
)
def test_a_setting_is_taken_up_to_its_limit_and_not_beyond(path, taken, refused):
    about = [
        value
        for value in taken
        if any(path.endswith(where.split(".")[-1]) for where in problems(nested(path, value), "dev"))
    ]

    assert [] == about, f"{path}: the limit itself is taken"
    for value in refused:
        refusals = problems(nested(path, value), "dev")
        assert any(path.split(".")[-1] in where for where in refusals), (
            f"{path}: {value} is beyond the limit: {refusals}"
        )


@pytest.mark.req("A-05")
@pytest.mark.parametrize("where", ["networks.ai-data", "wireguard.subnet"])
@pytest.mark.parametrize(
    ("subnet", "taken"),
    [
        ("10.20.0.0/24", True),
        ("10.20.0.0/33", False),
        ("10.20.0.1/24", False),
        ("::ffff:10.20.0.0/120", False),
        ("::ffff:a14:0/120", False),
        ("fd00::/64", False),
        ("169.254.0.0/16", False),
        ("169.254.169.0/24", False),
        ("172.17.0.0/16", False),
        ("172.17.3.0/24", False),
        ("172.28.0.0/24", False),
        ("100.64.0.0/16", False),
        ("127.0.0.0/24", False),
        ("224.0.0.0/24", False),
        ("0.0.0.0/0", False),
        ("10.20.0.0", False),
    ],
)
def test_a_subnet_that_is_spoken_for_or_none_is_refused_by_name(where, subnet, taken):
    refused = problems(nested(where, subnet), "dev")

    assert taken == (f"homeport:settings.{where}" not in refused), refused


@pytest.mark.req("A-05")
@pytest.mark.parametrize("name", ["bridge", "host", "none", "default", "ingress", "docker_gwbridge"])
def test_a_network_of_dockers_own_is_none_of_another_stacks(name):
    assert f"homeport:settings.join.{name}" in problems({"join": {name: ["ai-n8n"]}}, "dev", "ai-orchestrator")


@pytest.mark.parametrize(
    ("settings", "good"),
    [
        (vpn(peer=254), True),
        (vpn(peer=255), False),
        (vpn(peer=0), False),
        (vpn("10.77.0.0/28", peer=14), True),
        (vpn("10.77.0.0/28", peer=15), False),
        (vpn("10.77.0.0/28", slot=14), True),
        (vpn("10.77.0.0/28", slot=15), False),
        (vpn(slot=2, peer=2), False),
    ],
)
def test_a_member_has_a_place_in_its_subnet_that_is_no_broadcast_and_nobody_else_s(settings, good):
    assert good == (not problems(settings)), settings


@pytest.mark.parametrize(
    ("days", "good"), [(-1, False), (0, True), (366, True), (367, False)], ids=["over", "today", "a year", "longer"]
)
def test_a_waiver_holds_to_the_end_of_its_day_and_for_a_year_at_most(days, good):
    waiver = {"reason": "filled from a dump", "expires": str(TODAY + timedelta(days=days))}

    assert good == (not problems({"protect_data": False, "waivers": {"protect-data": waiver}})), "protect-data"


@pytest.mark.parametrize(("length", "good"), [(9, False), (10, True), (500, True), (501, False)])
def test_a_waiver_s_reason_is_a_sentence(length, good):
    waiver = {"reason": "x" * length, "expires": "2026-12-31"}

    assert good == (not problems({"protect_data": False, "waivers": {"protect-data": waiver}})), length


def test_settings_are_read_up_to_their_largest_size():
    fits = '{"domain": "example.com"}'.ljust(65_536)

    assert problems(fits, "dev") == problems('{"domain": "example.com"}', "dev"), "the last size that is read"
    assert any("settings" in path for path in problems(fits + " ", "dev")), "one more is refused, unread"


@pytest.mark.parametrize(
    ("value", "shown"),
    [("a b; id", "'a b; id'"), (["x"], """'["x"]'"""), (True, "true"), (22, "22")],
)
def test_a_command_to_set_a_value_can_be_pasted_into_a_shell(value, shown):
    assert f"Run: bin/homeport pulumi config set --path homeport:settings.a {shown}" == set_command(
        "homeport:settings.a", value
    )


@pytest.mark.parametrize(
    ("kind", "length", "good"),
    [
        ("password", 23, False),
        ("password", 24, True),
        ("password", 512, True),
        ("password", 513, False),
        ("account-password", 64, True),
        ("account-password", 65, False),
    ],
)
def test_a_password_has_a_shortest_and_a_longest_length(kind, length, good):
    assert good == (not weakness(kind, PASSWORD[:length])), f"{kind} of {length} characters"


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("https://api.example.com:1/v1", True),
        ("https://api.example.com:0/v1", False),
        ("https://api.example.com:65535/v1", True),
        ("https://api.example.com:65536/v1", False),
        ("http://10.0.0.7:1/v1", True),
        ("http://203.0.113.7/v1", False),
        ("https://169.254.169.254/v1", False),
        ("https://[fd00:ec2::254]/v1", False),
    ],
)
def test_the_url_of_a_service_elsewhere_has_a_port_of_its_own_and_is_no_metadata_service(text, good):
    if good:
        assert text == url(text), text
        return
    with pytest.raises(ValueError, match="must"):
        url(text)


def certificate(raw, first="-----BEGIN CERTIFICATE-----", last="-----END CERTIFICATE-----\n"):
    return f"{first}\n{base64.encodebytes(raw).decode()}{last}"


LONG, SHORT = b"\x30\x82\x01\x00" + bytes(256), b"\x30\x81\x80" + bytes(128)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (certificate(LONG), True),
        (certificate(SHORT), True),
        (certificate(LONG) + certificate(SHORT), True),
        (certificate(LONG) + "\n" + certificate(SHORT).rstrip(), True),
        (certificate(LONG[:-1]), False),
        (certificate(LONG + b"x"), False),
        (certificate(LONG) + certificate(SHORT[:-1]), False),
        (certificate(b""), False),
        (certificate(b"ab"), False),
        (certificate(LONG, first="-----BEGIN PRIVATE KEY-----"), False),
        (certificate(LONG, last=""), False),
        (certificate(LONG) + "' ; id", False),
        ("${HOME}" + certificate(LONG), False),
        ("-----BEGIN CERTIFICATE-----\n...\n-----END CERTIFICATE-----\n", False),
    ],
)
def test_an_authority_s_certificates_are_whole(text, good):
    given = {"exposure": "direct", "domain": "example.com", "certificates": {"challenge": "http"}}
    given["certificates"]["authority_root"] = text
    where = "homeport:settings.certificates.authority_root"

    assert good == (where not in problems(given)), text


@pytest.mark.parametrize(
    ("address", "good"),
    [("a.b+c@example.com", True), ("#a@example.com", False), ("*a@example.com", False), ("a{b}@example.com", False)],
)
def test_the_authority_s_contact_can_stand_in_the_proxy_s_configuration(address, good):
    found = problems({"exposure": "direct", "domain": "example.com", "acme_email": address})

    assert good == ("homeport:settings.acme_email" not in found), found
