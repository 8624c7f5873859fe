"""`diagnose.py`: each of the five usual faults, made and found."""

from __future__ import annotations

import base64
import json

import pytest

from rehearsal.clouds.cloudflare.tunnels import token
from tests.support.cloudflare import ACCOUNT, TOKEN, ZONE

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("world")]
PROGRAM = "diagnose.py"
APPS = f"/accounts/{ACCOUNT}/access/apps"
KEY, AUTH = "0123456789abcdef" * 2, base64.b64encode(b"canary-of-the-auth-secret-32-bytes").decode()


@pytest.fixture
def world(programs, infisical, fake, cloud):
    """Everything in order."""
    state = {"State": {"Status": "running", "Health": {"Status": "healthy"}}}
    names = ("caddy", "infisical-backend", "infisical-db", "infisical-redis")
    fake.change(networks={"ai-network": {}}, containers=dict.fromkeys(names, state), caddyfile="")
    tunnel = cloud.made("POST", f"/accounts/{ACCOUNT}/cfd_tunnel", {"name": "shared", "config_src": "cloudflare"})
    app = cloud.made("POST", APPS, {"name": "api", "domain": "api.example.com", "type": "self_hosted"})
    known = token(cloud.emulator.store.get("tunnels", tunnel["id"]))
    cloud.tunnel_id = tunnel["id"]
    programs.words += [TOKEN, known, KEY, AUTH, json.loads(base64.b64decode(known))["s"]]
    programs.env |= infisical.env() | {
        "CLOUDFLARE_BASE_URL": cloud.emulator.api_url,
        "CLOUDFLARE_API_TOKEN": TOKEN,
        "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
        "CLOUDFLARE_ZONE_ID": ZONE,
        "CLOUDFLARE_TUNNEL_TOKEN": known,
        "CLOUDFLARE_AUD_TAG": app["aud"],
        "CLOUDFLARE_AUTH_DOMAIN": "https://team.cloudflareaccess.com",
        "INFISICAL_ENCRYPTION_KEY": KEY,
        "INFISICAL_AUTH_SECRET": AUTH,
    }
    return fake


def problems(programs, **env):
    result = programs.run(PROGRAM, "--json", env=env)
    found = [one for one in json.loads(result.out)["findings"] if one["state"] == "problem"]
    assert (1 if found else 0) == result.code
    assert all(one["fix"] for one in found), "each with what helps"
    return {one["check"]: one["text"] for one in found}


@pytest.mark.req("S4-53")
def test_a_system_without_faults_has_none_but_a_tunnel_that_nobody_opened(programs):
    assert {"tunnel token": "the token is right, but shared is inactive"} == problems(programs)


@pytest.mark.req("S4-53", "S4-03")
def test_a_missing_network_is_found(programs, world):
    world.change(networks={})
    assert "ai-network not found: start 00-infrastructure first" == problems(programs)["network"]


@pytest.mark.req("S4-53")
def test_a_caddyfile_that_caddy_refuses_is_found_with_its_words(programs, world):
    world.change(caddyfile="Error: adapting config: Caddyfile:12: unrecognized directive: revers_proxy")
    assert "Caddyfile:12: unrecognized directive" in problems(programs)["Caddyfile"]


@pytest.mark.req("S4-53")
@pytest.mark.parametrize(
    ("env", "check", "says"),
    [
        ({"INFISICAL_ENCRYPTION_KEY": "canary-too-short"}, "Infisical keys", "not 32 hexadecimal digits"),
        ({"INFISICAL_AUTH_SECRET": "c2hvcnQ="}, "Infisical keys", "not 32 bytes in Base64"),
        ({"INFISICAL_AUTH_SECRET": "canary no base64"}, "Infisical keys", "not 32 bytes in Base64"),
        ({"INFISICAL_CLIENT_ID": "nobody"}, "Infisical", "Invalid credentials"),
        ({"INFISICAL_API_URL": "http://127.0.0.1:1"}, "Infisical", "does not answer"),
        ({"CLOUDFLARE_TUNNEL_TOKEN": "canary-token"}, "tunnel token", "is no token of a tunnel"),
        ({"CLOUDFLARE_AUD_TAG": "0" * 64}, "audience tag", "not that of the application of api.example.com"),
        ({"LAMBDA_HOSTNAME": "no.example.com"}, "audience tag", "no Access application protects no.example.com"),
        (
            {"CLOUDFLARE_AUTH_DOMAIN": "https://x.example.com"},
            "auth domain",
            "is not https://team.cloudflareaccess.com",
        ),
    ],
)
def test_a_wrong_variable_is_found(programs, env, check, says):
    programs.words += [value for value in env.values() if value.startswith("canary")]
    assert says in problems(programs, **env)[check]


@pytest.mark.req("S4-53")
def test_a_database_that_is_ill_is_found(programs, world):
    ill = {"State": {"Status": "running", "Health": {"Status": "unhealthy"}}}
    world.change(containers=world.state["containers"] | {"infisical-db": ill})
    assert "is unhealthy" == problems(programs)["infisical-db"]


@pytest.mark.req("S4-53")
def test_a_token_that_was_changed_and_one_whose_tunnel_is_gone_are_found(programs, cloud):
    path = f"/accounts/{ACCOUNT}/cfd_tunnel/{cloud.tunnel_id}"
    secret = base64.b64encode(b"another secret of thirty-two bytes").decode()
    cloud.made("PATCH", path, {"tunnel_secret": secret})
    assert "it is not the token of shared any more" == problems(programs)["tunnel token"]
    cloud.made("DELETE", path)
    assert "its tunnel shared is deleted" == problems(programs)["tunnel token"]


@pytest.mark.req("S4-53")
def test_what_is_not_set_is_said_to_be_skipped(programs):
    result = programs.run(
        PROGRAM, env=dict.fromkeys([name for name in programs.env if name.startswith(("CLOUD", "INFI"))])
    )
    assert 0 == result.code
    for check in ("Infisical keys", "Infisical sign-in", "tunnel token", "audience tag"):
        assert f"skipped  {check}: not set" in result.out


def test_a_wrong_command_line_ends_with_2(programs):
    assert 2 == programs.run(PROGRAM, "--fix").code
