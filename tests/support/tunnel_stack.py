"""A small stack of the Cloudflare layers alone, driven as a user drives it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.support.checkout import ROOT
from tests.support.cloudflare import ACCOUNT, TOKEN, ZONE

PROJECT = 'name: tunnel\nruntime:\n  name: python\nconfig:\n  pulumi:disable-default-providers: ["*"]\n'


def guard(kind, *paths):
    return {"kind": kind, "because": "a reason", "paths": list(paths)}


class Stack:
    """One stack in a folder of its own.

    Args:
        folder: An empty folder.
        cloud: The Cloudflare that it lives on.
        doors: As `homeport.model.access.PublicHostname`.
        asked: More that the program is asked for.
    """

    def __init__(self, folder, cloud, doors, **asked):
        self.cloud, self.folder, self.doors, self.asked = cloud, folder / "program", doors, asked
        self.folder.mkdir()
        (folder / "state").mkdir()
        (self.folder / "Pulumi.yaml").write_text(PROJECT)
        (self.folder / "__main__.py").write_text((ROOT / "tests/support/tunnel_program.py").read_text())
        # Commands of the layers are named relative to the project.
        (self.folder / "components").symlink_to(ROOT / "components")
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "correct horse battery staple",
            "FOLDER": str(self.folder),
        }
        self.pulumi("stack", "init", "t", stack=False)

    def pulumi(self, *words, stack=True, fails=False):
        asked = {
            "doors": self.doors,
            "account": ACCOUNT,
            "zone": ZONE,
            "token": TOKEN,
            "api": self.cloud.emulator.api_url,
            **self.asked,
        }
        line = [sys.executable, "-m", "toolchain.engine", "exec", "--", "pulumi", "--non-interactive", *words]
        done = subprocess.run(
            [*line, *(("--stack", "t") if stack else ())],
            cwd=self.folder,
            env={**self.environment, "ASKED": json.dumps(asked)},
            check=False,
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert fails == (done.returncode != 0), done.stdout + done.stderr
        return done.stdout + done.stderr

    def up(self, **more):
        return self.pulumi("up", "--yes", "--skip-preview", **more)

    def unchanged(self):
        self.pulumi("preview", "--expect-no-changes", "--diff")
        self.pulumi("refresh", "--yes", "--skip-preview")
        self.pulumi("preview", "--expect-no-changes", "--diff")

    def state(self):
        done = self.pulumi("stack", "export")
        return json.loads(done)["deployment"]

    def files(self):
        lines = (self.folder / "files").read_text().splitlines()
        return {one["path"]: one for one in map(json.loads, lines)}

    def there(self):
        """How many of each there are in Cloudflare."""
        lists = {
            "tunnels": f"/accounts/{ACCOUNT}/cfd_tunnel",
            "records": f"/zones/{ZONE}/dns_records",
            **{
                kind: f"/accounts/{ACCOUNT}/access/{kind}"
                for kind in ("apps", "policies", "service_tokens", "identity_providers")
            },
        }
        rows = {kind: self.cloud.made("GET", path) for kind, path in lists.items()}
        return {kind: len([row for row in found if not row.get("deleted_at")]) for kind, found in rows.items()}
