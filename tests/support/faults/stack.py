"""One stack of many cells against both emulated clouds, and what came of each cell's trial."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from homeport.cli.clouds import recover_clouds
from homeport.cli.pulumi_cli import PulumiCli, prepared
from rehearsal.clouds.hetzner.limit import RateLimit
from tests.support.checkout import ROOT
from tests.support.cloudflare import TOKEN as CLOUDFLARE_TOKEN
from tests.support.cloudflare import Cloud
from tests.support.faults.cells import CELL, CellFaults, Strike
from tests.unit.clouds_hetzner.emulated import TOKEN as HCLOUD_TOKEN
from tests.unit.clouds_hetzner.emulated import Emulated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.faults.matrix import Trial

OURS = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE")
PROJECT = 'name: homeport\nruntime:\n  name: python\nconfig:\n  pulumi:disable-default-providers: ["*"]\n'
_PULUMI = (sys.executable, "-m", "toolchain.engine", "exec", "--", "pulumi", "--non-interactive")
_ALL = ("--yes", "--skip-preview", "--continue-on-error", "--parallel", "100", "--suppress-outputs")
EXPECTED = {
    "hetzner": {"ssh_keys": 1, "firewalls": 1, "primary_ips": 2, "servers": 1},
    "cloudflare": {
        "cfd_tunnel": 1,
        "apps": 2,
        "policies": 2,
        "service_tokens": 1,
        "identity_providers": 1,
        "dns_records": 1,
    },
}
_LISTS = {
    "cfd_tunnel": "/accounts/{account}/cfd_tunnel",
    "dns_records": "/zones/{zone}/dns_records",
    **{
        kind: f"/accounts/{{account}}/access/{kind}"
        for kind in ("apps", "policies", "service_tokens", "identity_providers")
    },
}


def place(cell: str) -> tuple[str, str]:
    """The ids of the account and the zone that a cell has for itself.

    A cell stands for a stack, and an account has one login by PIN: two that make one cannot share it.
    """
    number = int(cell.removeprefix("zq"))
    return f"a{number:031}", f"c{number:031}"


@dataclass
class Outcome:
    """What came of a trial.

    Attributes:
        trial: The call and the fault.
        first: After the first run: ``at once``; ``refused`` (by name); ``twice`` (made again, because the answer was
            lost); or what is wrong.
        calls: How many times the call was made in it.
        seconds: From the first fault to the last.
        struck: Whether the fault happened at all.
        said: What the first run said of the cell.
    """

    trial: Trial
    first: str
    calls: int
    seconds: float
    struck: bool
    said: str


class Stack:
    """The stack.

    Args:
        folder: An empty folder.
        cells: Cloud to its cells.
    """

    def __init__(self, folder: Path, cells: dict[str, list[str]]) -> None:
        self.cells, self.strikes, self.later = cells, {}, False
        self.places = {cell: place(cell) for cell in cells.get("cloudflare", ())}
        seed = {
            account: {"name": cell, "team": f"team-{cell}", "zones": {zone: f"{cell}.example.com"}}
            for cell, (account, zone) in self.places.items()
        }
        self.hetzner, self.cloudflare = Emulated(folder / "h.json", seconds=0.1), Cloud(folder / "cf", seed=seed)
        self.hetzner.service.limit = RateLimit(10**6)
        for service in (self.hetzner.service, self.cloudflare.emulator.service):
            CellFaults(service, self.strikes)
        self.urls = {"hcloud": self.hetzner.listener.url, "cloudflare": self.cloudflare.emulator.api_url}
        self.folder = folder / "program"
        self.folder.mkdir()
        (folder / "state").mkdir()
        (self.folder / "Pulumi.yaml").write_text(PROJECT)
        (self.folder / "__main__.py").write_text((ROOT / "tests/support/faults/program.py").read_text())
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "correct horse battery staple",
        }
        self.pulumi("stack", "init", "t", named=False)
        self._configure()
        self.settings = SimpleNamespace(cloudflare=None)
        stack = SimpleNamespace(name="t", local=False, plan=SimpleNamespace(settings=self.settings))
        ours = {key: value for key, value in self.environment.items() if key.startswith("PULUMI_")}
        ready = prepared(stack)
        self.engine = PulumiCli(
            stack=stack, environ={**ours, **ready.environ, **{key: ours[key] for key in OURS}}, root=self.folder
        )

    def _configure(self) -> None:
        plain = {f"{name}:{key}": self.urls[name] for name, key in (("hcloud", "endpoint"), ("cloudflare", "baseUrl"))}
        for key, value in plain.items():
            self.pulumi("config", "set", key, value)
        for key, value in (("hcloud-token", HCLOUD_TOKEN), ("cloudflare-api-token", CLOUDFLARE_TOKEN)):
            self.pulumi("config", "set", "--secret", f"homeport:{key}", value)

    def _how(self) -> dict[str, Any]:
        """In which folder the CLI runs, and with what in its environment."""
        asked = {
            "cells": self.cells,
            "later": self.later,
            "stack": "t",
            "places": self.places,
            "hcloud_token": HCLOUD_TOKEN,
            "cloudflare_token": CLOUDFLARE_TOKEN,
            **self.urls,
        }
        return {"cwd": self.folder, "env": {**self.environment, "ASKED": json.dumps(asked)}, "text": True}

    def pulumi(self, *words: str, named: bool = True, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Runs the CLI to its end; `before` stands before its command line."""
        line = [*before, *_PULUMI, *words, *(("--stack", "t") if named else ())]
        return subprocess.run(line, check=False, capture_output=True, timeout=900, **self._how())

    def started(self) -> subprocess.Popen[str]:
        """An ``up`` at work: the process is the engine itself."""
        out = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
        return subprocess.Popen([*_PULUMI, "up", *_ALL, "--stack", "t"], start_new_session=True, **out, **self._how())

    def run(self, phase: str) -> subprocess.CompletedProcess[str]:
        """``pulumi up`` or ``destroy``: one cell's trouble keeps no other from going on."""
        self.later = phase != "create"
        return self.pulumi("destroy" if phase == "delete" else "up", *_ALL)

    def tried(self, phase: str, trials: dict[str, Trial]) -> dict[str, Outcome]:
        """The first run of a phase, under its faults."""
        self.strikes |= {cell: Strike(one.method, one.path, one.case.fault) for cell, one in trials.items()}
        done = self.run(phase)
        text = done.stdout + done.stderr
        strikes = dict(self.strikes)
        self.strikes.clear()
        whole = self.whole(gone=phase == "delete")
        messages = diagnostics(text)
        out = {}
        for cell, one in trials.items():
            hits = strikes[cell].hits
            message = messages.get(cell, "")
            first = (
                "at once"
                if whole[cell] == "whole" and not message
                else (message and _refusal(one, message)) or whole[cell]
            )
            spent = hits[-1] - hits[0] if hits else 0.0
            out[cell] = Outcome(
                one, first, strikes[cell].calls, spent, bool(hits), message or ("" if messages else text[-3000:])
            )
        return out

    def repaired(self, phase: str) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
        """The second run: what `make up` and `make down` do after one that failed; what `whole` says of each cell."""
        config, history = self.engine.config(), self.engine.history(20)

        # What no repair changes is read once: it is two commands of Pulumi's for each cell.
        class ReadOnce(PulumiCli):
            def config(self) -> dict[str, str]:
                return config

            def history(self, _size: int) -> list[dict[str, Any]]:
                return history

        engine = ReadOnce(**vars(self.engine))
        # Once for each account, as the cells' own stacks would; what is Hetzner's is found the first time.
        for account, zone in self.places.values() or [("", "")]:
            self.settings.cloudflare = SimpleNamespace(account_id=account, zone_id=zone) if account else None
            recover_clouds(engine, 0.0)
        done = self.run(phase)
        return done, self.whole(gone=phase == "delete")

    def unchanged(self) -> str:
        """What a preview against the clouds themselves would change; empty for nothing."""
        done = self.pulumi("preview", "--refresh", "--expect-no-changes", "--diff", "--parallel", "100")
        return "" if done.returncode == 0 else done.stdout + done.stderr

    def there(self) -> dict[str, list[tuple[str, str]]]:
        """Cell to the kinds and ids of all that is in the clouds."""
        found: dict[str, list[tuple[str, str]]] = {}
        for table in EXPECTED["hetzner"]:
            for row in list(self.hetzner.service.project.table(table).values()):
                named = CELL.match(row["name"])
                found.setdefault(named[0] if named else row["name"], []).append((table, str(row["id"])))
        for cell, (account, zone) in self.places.items():
            for kind, path in _LISTS.items():
                for row in self.cloudflare.made("GET", f"{path.format(account=account, zone=zone)}?per_page=5000"):
                    if not row.get("deleted_at"):
                        found.setdefault(cell, []).append((kind, row["id"]))
        return found

    def state(self) -> dict:
        """The state."""
        done = self.pulumi("stack", "export")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["deployment"]

    def whole(self, *, gone: bool) -> dict[str, str]:
        """For each cell ``whole``: exactly one of each, all in the state, none half made.

        Or nothing of anything if it shall be gone.

        Else ``twice``: all of that, and in the cloud one more that the state does not know. Or ``not whole``.
        """
        there, rows = self.there(), self.state().get("resources") or []
        known = {str(row.get("id")) for row in rows}
        broken = {found[0] for row in rows if row.get("initErrors") and (found := CELL.search(row["urn"]))}
        held = {found[0] for row in rows if (found := CELL.search(row["urn"]))}
        out = {}
        for cloud, cells in self.cells.items():
            wanted = {} if gone else EXPECTED[cloud]
            for cell in cells:
                found = there.get(cell, [])
                ours = [kind for kind, key in found if key in known]
                fits = {kind: ours.count(kind) for kind in ours} == wanted
                fits = fits and cell not in broken and (not gone or cell not in held)
                out[cell] = "not whole" if not fits else "whole" if len(ours) == len(found) else "twice"
        return out

    def stop(self) -> None:
        """Ends the clouds."""
        self.hetzner.listener.stop()
        self.cloudflare.emulator.close()


def diagnostics(text: str) -> dict[str, str]:
    """Cell to the errors that an update told of its resources."""
    out: dict[str, str] = {}
    for block in re.split(r"\n(?=  \S+ \([^)]+\):\n)", text.partition("Diagnostics:")[2]):
        found = re.match(r"\s*(\S+) \(([^)]+)\):", block)
        cell = found and CELL.search(found[2])
        if cell and "error:" in block:
            out[cell[0]] = out.get(cell[0], "") + block
    return out


def _refusal(trial: Trial, said: str) -> str:
    if not trial.case.says:
        return "refused, though the client should have tried again"
    return "refused" if re.search(trial.case.says, said) else "refused without its reason"


@contextlib.contextmanager
def created(folder: Path, cells: dict[str, list[str]]) -> Iterator[Stack]:
    """The stack with all that its cells make, for as long as it is looked at."""
    stack = Stack(folder, cells)
    try:
        done = stack.run("create")
        assert done.returncode == 0, done.stdout + done.stderr
        yield stack
    finally:
        stack.stop()
