"""cloudflared's files: read by the connector's own reader, and judged request by request."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from homeport.model import template
from homeport.model.access import PublicHostname
from homeport.model.route import Guard
from homeport.render import cloudflared
from toolchain.cloudflared.origin import Origin, rule_for
from toolchain.cloudflared.settings_file import checked

CASES = Path(__file__).parents[2] / "cases" / "cloudflared"
DOORS = tuple(
    PublicHostname(
        **{
            **door,
            "guards": tuple(Guard(**{**guard, "paths": tuple(guard.get("paths", ()))}) for guard in door["guards"]),
        }
    )
    for door in json.loads((CASES / "doors.json").read_text())["doors"]
)
REQUESTS = json.loads((CASES / "requests.json").read_text())
VALUES = {
    "account": "acc",
    "team": "team",
    "image": "sha256:1",
    "tunnel-id": "6ff42ae2-765d-4adf-8112-31c55c1551ef",
    "tunnel-secret": "c2VjcmV0",
}
AUDIENCES = {area.key: f"12e{number}" for number, door in enumerate(DOORS) for area in door.areas()}


def filled(path):
    (found,) = [file for file in cloudflared.files(DOORS, ("wg-quick@wg0.service",)) if file.path == path]
    return found.filled(VALUES | {f"aud:{key}": value for key, value in AUDIENCES.items()}).content


@pytest.fixture
def config(tmp_path):
    (tmp_path / "config.yml").write_text(filled(cloudflared.CONFIG))
    return checked(str(tmp_path / "config.yml"))


@pytest.mark.req("S2-36", "S2-41", "S2-42")
def test_doors_keep_their_order_and_any_other_name_is_404(config):
    services = [(rule.get("hostname"), rule["service"]) for rule in config["ingress"]]

    assert (None, "http_status:404") == services[-1], "the last rule"
    assert ["n8n.example.com", "jett.example.com"] == list(dict.fromkeys(name for name, _ in services[:-1])), "in order"
    assert "http://10.0.0.2:5678" in dict(services).values(), "n8n at its address in the VPN"
    assert "http://10.0.0.1:3000" in dict(services).values(), "the dashboard on the other side of it"


@pytest.mark.req("S2-40", "AT-03")
@pytest.mark.parametrize("case", REQUESTS, ids=lambda case: f"{case['host']}{case['path']}")
def test_a_request_falls_under_the_rule_that_is_meant(config, case):
    rule = rule_for(config["ingress"], case["host"], case["path"])
    asked = (rule.get("originRequest") or {}).get("access") or {}

    assert case["service"] == rule["service"], case["because"]
    assert ([AUDIENCES[case["audience"]]] if case["audience"] else None) == asked.get("audTag"), case["because"]
    assert bool(case["audience"]) == bool(asked.get("required")), "what has an application is checked once more"


@pytest.mark.req("AT-03")
@pytest.mark.parametrize("target", ["/admin", "/%61dmin", "/ADMIN/x?y=1", "/%41dmin%2Fx"])
def test_a_closed_path_is_closed_in_every_spelling(config, target):
    heads = []
    stream = SimpleNamespace(send_json=lambda _kind, head: heads.append(head["status"]), send=lambda *_: None)
    request = {"host": "jett.example.com", "target": target, "headers": []}

    Origin(config).serve(stream, request)

    assert [403] == heads, "the stub decodes a path before it compares, as cloudflared does"


@pytest.mark.req("S2-42")
def test_a_far_origin_is_given_up_in_seconds(config):
    far = [rule["originRequest"] for rule in config["ingress"] if rule["service"] == "http://10.0.0.1:3000"]

    assert ["5s"] == [origin["connectTimeout"] for origin in far], "cloudflared's own thirty seconds are a hang"
    assert ["5s"] == [origin["keepAliveTimeout"] for origin in far], (
        "a kept connection to a machine that went off hangs longer"
    )


@pytest.mark.req("S2-36")
def test_credentials_are_for_root_alone_and_the_configuration_names_them(config):
    files = {file.path: file for file in cloudflared.files(DOORS)}
    credentials = json.loads(filled(cloudflared.CREDENTIALS))

    assert 0o600 == files[cloudflared.CREDENTIALS].mode == files[cloudflared.CONFIG].mode, "secret values"
    assert {"AccountTag": "acc", "TunnelID": VALUES["tunnel-id"], "TunnelSecret": "c2VjcmV0"} == credentials, (
        "as cloudflared reads them"
    )
    assert template.fill(cloudflared.CREDENTIALS, VALUES, template.PATH) == config["credentials-file"], "one path"
    assert all(isinstance(tag, str) for rule in config["ingress"] for tag in _tags(rule)), "12e3 is a text here"


def _tags(rule):
    return (rule.get("originRequest") or {}).get("access", {}).get("audTag", [])


@pytest.mark.req("S2-37")
def test_the_unit_starts_after_the_vpn_restarts_and_may_next_to_nothing():
    lines = cloudflared.unit(("wg-quick@wg0.service",)).splitlines()

    for line in (
        "After=network-online.target wg-quick@wg0.service",
        "Restart=on-failure",
        "Type=notify",
        "WantedBy=multi-user.target",
        "CapabilityBoundingSet=",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
    ):
        assert line in lines, line
    (start,) = [line for line in lines if line.startswith("ExecStart=")]
    assert "--token" not in start, "the process list is everybody's (C-08)"


@pytest.mark.req("S2-34")
def test_the_program_comes_out_of_the_image_and_is_tried_before_it_replaces_the_old_one():
    text = cloudflared.apply()

    assert text.index("ingress validate") < text.index("mv -f") < text.index("systemctl restart"), "in this order"
    assert "docker start" not in text, "its container never runs"
    for shell in (text, cloudflared.remove()):
        assert 0 == subprocess.run(["sh", "-n"], input=shell, text=True, check=False).returncode, "sh reads it"
