"""`make rehearse`: a whole environment on emulated clouds, on this machine, from the checkout as it is now.

The world (emulated Hetzner and Cloudflare, their machines) is `rehearsal.world`, a process of its own that stays when
the command ends. The stack lives in a copy of the checkout below the cache, with a state of its own: neither the real
stack nor git sees it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from homeport.cli import daemon, pulumi_cli
from homeport.cli.lifecycle import recover, update
from homeport.cli.lock import held, remove_half_written
from homeport.cli.output import print_json
from homeport.cli.phases import phase, say, total
from homeport.cli.places import ROOT, cache
from homeport.cli.stack import PROJECT, Stack
from homeport.cli.stack import read as read_stack
from homeport.model.errors import ToolError
from homeport.plan.resolve import with_defaults

MACHINE = "homeport/machine:bookworm"
_NO_CLAIMS = 3
_NOWHERE = {"account_id": "0" * 32, "zone_id": "0" * 32, "team": "rehearsal"}
_SERVER = {"mode": "create", "server_type": "cx32", "location": "fsn1"}


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """One environment of one system, rehearsed.

    Attributes:
        preset: The system.
        environment: ``preprod`` or ``prod``.
    """

    preset: str
    environment: str

    @property
    def name(self) -> str:
        """The stack's name, and the world's."""
        return f"rehearse-{self.preset}-{self.environment}"

    @property
    def folder(self) -> Path:
        """Where everything of it is kept."""
        return cache() / "rehearsal" / self.name

    @property
    def checkout(self) -> Path:
        """The copy of the checkout."""
        return self.folder / "checkout"

    def stack(self, settings: dict[str, Any]) -> Stack:
        """The stack with these settings."""
        return Stack(name=self.name, preset=self.preset, settings=settings)

    def images(self) -> list[str]:
        """The references of all images that it needs, before there is a world."""
        return self.stack(settings(self, _NOWHERE)).images()


def up(asked: Rehearsal, *, claimed: bool = True, as_json: bool = False) -> int:
    """Boots the world, brings the stack up in it, checks the claims if `claimed`; the exit code."""
    with held(asked.name, "make rehearse") as run:
        with phase("Docker"):
            daemon.ensure()
        images = asked.images()
        with phase("Pulumi's engine and plugins, the images and the machine: here already, fetched, or built"):
            pulumi_cli.ensure([*images, MACHINE])
        with phase("the world: emulated Hetzner Cloud and Cloudflare"):
            world = _world(asked, "up", *images)
        ready = prepared(asked, world)
        if as_json:
            ready = replace(ready, output=pulumi_cli.STDERR)
        code = update(ready, run, "--yes", "--skip-preview")
        if code:
            say(
                f"==> pulumi up failed (code {code}); the reason is above. The world stays up: {_where(asked)}\n"
                "    mend it, then: make rehearse (it goes on from here), or make rehearse-down"
            )
            return 1
        passed = True
        if claimed:
            with phase("claims"):
                passed = claims(asked, ready, world, output=ready.output)
    if as_json:
        report = asked.folder / "claims.json"
        checked = json.loads(report.read_text()) if claimed and report.is_file() else None
        print_json({"rehearsal": asked.name, "folder": str(asked.folder), "passed": passed, "claims": checked})
    say(f"    explore: {_where(asked)}")
    total(f"rehearsal of {asked.preset} in {asked.environment}")
    return 0 if passed else 1


def down(asked: Rehearsal) -> int:
    """Removes the world with everything in it, and the stack's state."""
    with held(asked.name, "make rehearse-down") as run:
        with phase("the world: machines, networks, clouds"):
            _world(asked, "down")
        shutil.rmtree(asked.folder, ignore_errors=True)
        run.recovered = True
    total(f"nothing is left of {asked.name}")
    return 0


def destroy(asked: Rehearsal) -> int:
    """Destroys the stack as one would in production, after a killed run too; the world stays, empty. The exit code."""
    with held(asked.name, "make rehearse-destroy") as run:
        pulumi_cli.ensure([MACHINE])
        with phase("the world: emulated Hetzner Cloud and Cloudflare"):
            world = _world(asked, "up", *asked.images())
        ready = prepared(asked, world)
        recover(ready, run)
        with phase(f"pulumi destroy, stack {asked.name}"):
            code = ready.run("destroy", "--yes", "--skip-preview", "--suppress-permalink=true", "--suppress-outputs")
    if code:
        say(
            f"==> pulumi destroy failed (code {code}); the reason is above. Mend it and run make rehearse-destroy again"
        )
    return 1 if code else 0


def settings(asked: Rehearsal, cloudflare: dict[str, str]) -> dict[str, Any]:
    """The settings to rehearse: the user's own for this environment where its stack has this preset, moved to emulated clouds."""
    try:
        given = read_stack(asked.environment)
    except ToolError:
        given = asked.stack({})
    found = json.loads(json.dumps(given.settings, default=str)) if given.preset == asked.preset else {}
    found["environment"] = asked.environment
    hosts = found.get("hosts") or {"main": {}}
    found["hosts"] = {
        name: {**_SERVER, **{key: host[key] for key in ("roles", *_SERVER) if key in host and key != "mode"}}
        for name, host in hosts.items()
    }
    found.setdefault("domain", "example.com")
    exposure = with_defaults(asked.name, asked.preset, found)["exposure"]
    if exposure == "tunnel" or found.get("cloudflare"):
        found["cloudflare"] = cloudflare
    if exposure == "tunnel":
        found.setdefault("access", {}).setdefault("emails", ["admin@example.com"])
    return found


def prepared(asked: Rehearsal, world: dict[str, Any]) -> pulumi_cli.PulumiCli:
    """The stack in its copy of the checkout, configured for the world.

    Raises:
        ToolError: Its secrets cannot be set.
    """
    _copy(asked.checkout)
    # Where Pulumi's own language host looks for Python (Pulumi.yaml, `virtualenv`).
    _link(asked.checkout / ".venv", Path(sys.prefix))
    chosen = settings(asked, world["cloudflare"]["ids"])
    stack = asked.stack(chosen)
    state = asked.folder / "state"
    state.mkdir(parents=True, exist_ok=True)
    found = pulumi_cli.prepared(stack)
    ready = replace(found, root=asked.checkout, environ={**found.environ, "PULUMI_BACKEND_URL": f"file://{state}"})
    path = asked.checkout / f"Pulumi.{asked.name}.yaml"
    kept = yaml.safe_load(path.read_text()) if path.is_file() else {}
    told = {
        key: value for key, value in kept.get("config", {}).items() if isinstance(value, dict) and "secure" in value
    }
    config = {
        **told,
        f"{PROJECT}:preset": asked.preset,
        f"{PROJECT}:settings": chosen,
        "hcloud:endpoint": world["hcloud"]["endpoint"],
        "cloudflare:baseUrl": world["cloudflare"]["api"],
    }
    _write(path, {**kept, "config": config})
    remove_half_written(ready)
    if not ready.has_stack:
        ready.ask("stack", "init", named=False)
    wanted = {"hcloud-token": world["hcloud"]["token"]}
    if chosen.get("cloudflare"):
        wanted["cloudflare-api-token"] = world["cloudflare"]["token"]
    for name, value in wanted.items():
        if f"{PROJECT}:{name}" not in told and ready.run(
            "config", "set", "--secret", f"{PROJECT}:{name}", input_=value
        ):
            raise ToolError(
                f"{asked.name}: secret {name} cannot be set\n  mend it: make rehearse-down, then make rehearse"
            )
    return ready


def _link(link: Path, target: Path) -> None:
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def _write(path: Path, said: dict[str, Any]) -> None:
    """In one step: a stack's file holds the salt without which no secret of its state can be read."""
    draft = path.with_suffix(".new")
    draft.write_text(yaml.safe_dump(said))
    draft.replace(path)


def claims(asked: Rehearsal, ready: pulumi_cli.PulumiCli, world: dict[str, Any], output: int | None = None) -> bool:
    """Checks what production promises, by name; true when all of it holds, or a preset promises nothing yet, which is said."""
    given = {"world": world, "preset": asked.preset, "outputs": ready.outputs(secrets=True)}
    argv = [sys.executable, "-m", "rehearsal.claims", "--report", str(asked.folder / "claims.json")]
    # On standard input: the outputs hold the VPN's keys and the door's tokens.
    done = subprocess.run(argv, cwd=ROOT, input=json.dumps(given), text=True, stdout=output, check=False)
    return done.returncode in {0, _NO_CLAIMS}


def _world(asked: Rehearsal, verb: str, *images: str) -> dict[str, Any]:
    told = ("--folder", str(asked.folder / "world"), "--domain", str(settings(asked, {})["domain"]))
    said = pulumi_cli.module("rehearsal.world", verb, *told, *(f"--image={one}" for one in images), quiet=True)
    found: dict[str, Any] = json.loads(said.stdout) if verb == "up" else {}
    if found.get("lost"):
        raise ToolError(
            f"{asked.name}: after an outage of this machine, of its Docker or of the world not all came back\n  "
            + "\n  ".join(found["lost"])
            + "\n  mend it: make rehearse-down, then make rehearse"
        )
    return found


def _where(asked: Rehearsal) -> str:
    return f"{asked.folder / 'world'} (logs, state), make rehearse-shell (pulumi in {asked.name}), make rehearse-down removes it"


def _copy(checkout: Path) -> None:
    """The checkout's files as they are now, tracked or new; what is gone is removed, the stack's own file is kept."""
    argv = ["git", "ls-files", "-coz", "--exclude-standard"]
    listed = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        raise ToolError(f"git ls-files: {listed.stderr.strip()}\n  mend it: run this in a clone of the project")
    wanted = {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}
    there = {str(path.relative_to(checkout)) for path in checkout.rglob("*") if path.is_file()}
    for name in there - wanted:
        if not name.startswith("Pulumi.rehearse-") and "__pycache__" not in name:
            (checkout / name).unlink()
    for name in wanted:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, checkout / name)


def shell(asked: Rehearsal) -> int:
    """A shell in the copy of the checkout, where plain `pulumi` works on the rehearsed stack; its exit code."""
    world = _world(asked, "up")
    ready = prepared(asked, world)
    program = os.environ.get("SHELL", "sh")
    return subprocess.run([program], cwd=asked.checkout, env=dict(ready.environ), check=False).returncode
