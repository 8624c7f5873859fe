"""docs/adopting.md: its list of files is made from what hosts get."""

from __future__ import annotations

import json

from homeport.cli.adoption import claims, layers
from homeport.cli.places import ROOT
from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration

BEGIN, END = "<!-- made by make docs: begin -->", "<!-- made by make docs: end -->"
_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43
_SETTINGS = {
    "environment": "prod",
    "domain": "example.com",
    "exposure": "tunnel",
    "hosts": {"main": {"mode": "adopt", "address": "192.0.2.10", "host_key": _KEY}},
    "cloudflare": {"account_id": "a" * 32, "zone_id": "b" * 32, "team": "example"},
    "access": {"emails": ["admin@example.com"]},
    "wireguard": {"peers": {"laptop": {"slot": 7}}, "rotating": ["laptop"]},
    "ssh": {"fail2ban": True},
}
"""Everything that a host can have."""


def page() -> str:
    """The page as it is, with the list made anew."""
    text = (ROOT / "docs/adopting.md").read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{_table()}\n\n{END}{after}"


def _table() -> str:
    values = {"homeport:preset": "jett", "homeport:settings": json.dumps(_SETTINGS)}
    plan = resolve(Configuration("prod", values), sealed=True)
    host = plan.hosts["main"]
    rows = {
        purpose: [file.path.replace("/root/", "~root/").replace("{tunnel-id}", "<tunnel>") for file in files]
        for purpose, files in layers(plan.blueprint, host).items()
    }
    listed = {file.path for files in layers(plan.blueprint, host).values() for file in files}
    rows["changed by commands"] = sorted(path for _, path in claims(plan, host) if path not in listed)
    lines = [f"| {purpose} | {'<br>'.join(f'`{path}`' for path in sorted(paths))} |" for purpose, paths in rows.items()]
    return "\n".join(["| For | Files |", "|---|---|", *lines])
