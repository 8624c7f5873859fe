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
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import yaml

from homeport.cli import daemon, pulumi_cli, transcript
from homeport.cli.ahead import refuse_guests
from homeport.cli.expectations import described
from homeport.cli.invented import invented
from homeport.cli.lifecycle import destroy as destroy_stack
from homeport.cli.lifecycle import protected_objects, recover, update
from homeport.cli.lock import held, remove_half_written
from homeport.cli.lockout import refuse_end_by_inner_network
from homeport.cli.output import print_json
from homeport.cli.phases import phase, say, total
from homeport.cli.places import ROOT, cache, examples, files
from homeport.cli.stack import PROJECT, Stack
from homeport.cli.stack import read as read_stack
from homeport.model import docker_here
from homeport.model.errors import ToolError
from homeport.plan.resolve import with_defaults
from homeport.settings.hosts import CreateHost

if TYPE_CHECKING:
    from collections.abc import Mapping

MACHINE = "homeport/machine:bookworm"
DISTRIBUTIONS = {
    "debian-12": "debian-12",
    "debian-13": "debian-13",
    "ubuntu-24.04": "ubuntu-24.04",
    "ubuntu-like": "ubuntu-24.04",
}
"""What a server may be made of, to the cloud's image that stands for it; `ubuntu-like` needs no mirror of Ubuntu's."""
_NO_CLAIMS = 3
_NOWHERE = {"account_id": "0" * 32, "zone_id": "0" * 32, "team": "rehearsal"}
_SERVER = {"mode": "create", "server_type": "cx33", "location": "fsn1"}
_UNBOOTED: dict[str, Any] = {
    "ovh": {"endpoint": "http://127.0.0.1:1/1.0", "authority": {"directory": "https://127.0.0.1:1/dir", "roots": ""}},
}
"""What is said of a world before there is one."""
_OVH_KEYS = {
    "application": ("application", "key"),
    "secret": ("application", "secret"),
    "consumer": ("consumer", "key"),
}


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """One environment of one system, rehearsed.

    Attributes:
        preset: The system.
        environment: ``preprod`` or ``prod``.
        distribution: What its servers are made of, one of ``DISTRIBUTIONS``; empty: as the settings say.
    """

    preset: str
    environment: str
    distribution: str = ""

    @property
    def name(self) -> str:
        """The stack's name, and the world's: one made of another distribution stands beside it."""
        beside = f"-{self.distribution.replace('.', '-')}" if self.distribution else ""
        return f"rehearse-{self.preset}-{self.environment}{beside}"

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

    @property
    def _bare(self) -> str:
        """What a machine that runs already is made of, by the cloud's name."""
        asked = DISTRIBUTIONS.get(self.distribution)
        return asked or str(CreateHost.model_fields["image"].default)

    def world(self) -> list[str]:
        """What its world has besides the clouds that every world has, as flags."""
        chosen = settings(self, _NOWHERE)
        adopted = {name: host["user"] for name, host in chosen["hosts"].items() if host["mode"] == "adopt"}
        flags = [f"--adopted={name}:{user}={self._bare}" for name, user in adopted.items()]
        return [*flags, *(["--ovh"] if (chosen.get("dns") or {}).get("provider") == "ovh" else [])]

    @property
    def hosts(self) -> list[str]:
        """The names of its hosts."""
        return [*settings(self, _NOWHERE)["hosts"]]

    def images(self) -> list[str]:
        """The references of all images that it needs, before there is a world."""
        return self.stack(settings(self, _NOWHERE)).images()

    def systems(self) -> dict[str, str]:
        """The cloud's images that its servers have, to the images that such servers are made of here."""
        hosts = settings(self, _NOWHERE)["hosts"].values()
        names = {host["image"] for host in hosts if host["mode"] == "create"}
        names |= {self._bare for host in hosts if host["mode"] == "adopt"}
        made = {name: self.distribution or name for name in names}
        return {name: f"homeport/machine:{of}" for name, of in made.items() if of in DISTRIBUTIONS}


def up(rehearsal: Rehearsal, *, claimed: bool = True, as_json: bool = False) -> int:
    """Boots the world, brings the stack up in it, checks the claims if `claimed`; the exit code."""
    with held(rehearsal.name, "make rehearse") as run:
        world = _booted(rehearsal)
        ready = prepared(rehearsal, world)
        if as_json:
            ready = replace(ready, output=pulumi_cli.STDERR)
        code = update(ready, run, "--yes", "--skip-preview")
        if code:
            say(
                f"==> pulumi up failed (code {code}); the reason is above. The world stays up: {_where(rehearsal)}\n"
                "    repair the cause, then: make rehearse (it goes on from here), or make rehearse-down"
            )
            return 1
        passed = True
        if claimed:
            passed = claims(rehearsal, ready, world, output=ready.output)
    if as_json:
        report = rehearsal.folder / "claims.json"
        checked = json.loads(report.read_text()) if claimed and report.is_file() else None
        print_json({"rehearsal": rehearsal.name, "folder": str(rehearsal.folder), "passed": passed, "claims": checked})
    say(f"    explore: {_where(rehearsal)}")
    total(f"rehearsal of {rehearsal.preset} in {rehearsal.environment}")
    return 0 if passed else 1


def down(rehearsal: Rehearsal) -> int:
    """Removes the world with everything in it, and the stack's state."""
    with held(rehearsal.name, "make rehearse-down") as run:
        _docker()
        with phase("the world: machines, networks, clouds"):
            _world(rehearsal, "down")
        shutil.rmtree(rehearsal.folder, ignore_errors=True)
        run.recovered = True
    total(f"nothing is left of {rehearsal.name}")
    return 0


def destroy(rehearsal: Rehearsal) -> int:
    """Destroys the stack as one would in production, after a killed run too; the world stays, empty. The exit code."""
    with held(rehearsal.name, "make rehearse-destroy") as run:
        _docker()
        pulumi_cli.ensure([MACHINE, *rehearsal.systems().values()])
        with phase("the world: emulated Hetzner Cloud and Cloudflare"):
            world = _world(rehearsal, "up", *rehearsal.images())
        ready = prepared(rehearsal, world)
        refuse_guests(ready)
        refuse_end_by_inner_network(ready)
        recover(ready, run)
        # Nothing here is anybody's data, so what prod protects goes as well.
        protected = protected_objects(ready, keep_data=False, delete_data=rehearsal.name)
        run.changing = True
        code = destroy_stack(ready, protected=protected, keep_data=False)
    if code:
        say(
            f"==> pulumi destroy failed (code {code}); the reason is above. "
            "Repair the cause and run make rehearse-destroy again"
        )
    return 1 if code else 0


def settings(
    rehearsal: Rehearsal, cloudflare: dict[str, str], world: Mapping[str, Any] = MappingProxyType(_UNBOOTED)
) -> dict[str, Any]:
    """The settings to rehearse, moved to emulated clouds: the user's own for this environment, if of this preset.

    Every machine is rented at the emulated cloud, but in a mesh: there one that runs already is one of the world's.
    """
    chosen = _chosen(rehearsal)
    chosen["environment"] = rehearsal.environment
    hosts = chosen.get("hosts") or {"main": {}}
    chosen.setdefault("domain", "example.com")
    whole = with_defaults(rehearsal.name, rehearsal.preset, chosen)
    exposure, meshed = whole["exposure"], (whole.get("mesh") or {}).get("enabled")
    machines = world.get("adopted", {})
    chosen["hosts"] = {
        name: _adopted(host, machines.get(name)) if meshed and host.get("mode") == "adopt" else _rented(rehearsal, host)
        for name, host in hosts.items()
    }
    if (whole.get("dns") or {}).get("provider") == "ovh":
        ovh = world["ovh"]
        chosen["dns"] = {"provider": "ovh", "zone": chosen["domain"], "endpoint": ovh["endpoint"]}
        # No public authority sees these names: the world's own, by the same challenge.
        chosen["certificates"] = {
            "challenge": "ovh",
            "authority": ovh["authority"]["directory"],
            **({"authority_root": ovh["authority"]["roots"]} if ovh["authority"]["roots"] else {}),
        }
    if exposure == "tunnel" or chosen.get("cloudflare"):
        chosen["cloudflare"] = cloudflare
    if exposure == "tunnel":
        access = chosen.setdefault("access", {})
        access.setdefault("emails", ["admin@example.com"])
        # What a login with Google needs; with the one-time PIN nobody reads it.
        access.setdefault("google_client_id", "rehearsal.apps.googleusercontent.com")
    return chosen


def _chosen(rehearsal: Rehearsal) -> dict[str, Any]:
    """What the user's own stack says; where there is none, and several hosts, what the preset's example does."""
    try:
        own = read_stack(rehearsal.environment)
    except ToolError:
        own = rehearsal.stack({})
    if own.preset != rehearsal.preset:
        own = rehearsal.stack({})
        environment = {"environment": rehearsal.environment}
        if (with_defaults(rehearsal.name, rehearsal.preset, environment).get("mesh") or {}).get("enabled"):
            own = read_stack(rehearsal.environment, examples(rehearsal.preset))
            for host in own.settings["hosts"].values():
                # What servers are made of says who rehearses: not every distribution has a mirror here.
                host.pop("image", None)
    chosen: dict[str, Any] = json.loads(json.dumps(own.settings, default=str))
    return chosen


def _placed(host: dict[str, Any]) -> dict[str, Any]:
    return {key: host[key] for key in ("roles", "mtu") if key in host}


def _adopted(host: dict[str, Any], machine: dict[str, str] | None) -> dict[str, Any]:
    """A machine of the world that runs already; as long as there is no world, what the settings say of theirs."""
    at = machine or host
    known = {"address": at["address"], "host_key": at["host_key"], "user": host.get("user", "root")}
    return {"mode": "adopt", **_placed(host), **known}


def _rented(rehearsal: Rehearsal, host: dict[str, Any]) -> dict[str, Any]:
    server = {**_SERVER, "image": CreateHost.model_fields["image"].default}
    asked = {"image": DISTRIBUTIONS[rehearsal.distribution]} if rehearsal.distribution else {}
    return {**server, **_placed(host), **{key: host[key] for key in server if key in host and key != "mode"}, **asked}


def prepared(rehearsal: Rehearsal, world: dict[str, Any]) -> pulumi_cli.PulumiCli:
    """The stack in its copy of the checkout, configured for the world.

    Raises:
        ToolError: Its secrets cannot be set.
    """
    _copy(rehearsal.checkout)
    # Where Pulumi's own language host looks for Python (Pulumi.yaml, `virtualenv`).
    _link(rehearsal.checkout / ".venv", Path(sys.prefix))
    path = rehearsal.checkout / f"Pulumi.{rehearsal.name}.yaml"
    kept = yaml.safe_load(path.read_text()) if path.is_file() else {}
    chosen = settings(rehearsal, world["cloudflare"]["ids"], world)
    # How its hosts are reached by now (`homeport harden`), where the user's own settings say nothing of it.
    ssh = {**kept.get("config", {}).get(f"{PROJECT}:settings", {}).get("ssh", {}), **chosen.get("ssh", {})}
    chosen |= {"ssh": ssh} if ssh else {}
    stack = rehearsal.stack(chosen)
    state = rehearsal.folder / "state"
    state.mkdir(parents=True, exist_ok=True)
    pulumi = pulumi_cli.prepared(stack)
    ready = replace(pulumi, root=rehearsal.checkout, environ={**pulumi.environ, "PULUMI_BACKEND_URL": state.as_uri()})
    kept_secrets = {
        key: value
        for key, value in kept.get("config", {}).items()
        if isinstance(value, dict) and "secure" in value and key.removeprefix(f"{PROJECT}:") in stack.plan.secrets
    }
    config = {
        **kept_secrets,
        f"{PROJECT}:preset": rehearsal.preset,
        f"{PROJECT}:settings": chosen,
        "hcloud:endpoint": world["hcloud"]["endpoint"],
        "cloudflare:baseUrl": world["cloudflare"]["api"],
    }
    _write(path, {**kept, "config": config})
    remove_half_written(ready)
    if not ready.has_stack:
        ready.ask("stack", "init", named=False)
    wanted = supplied(stack, world)
    for name, value in wanted.items():
        if f"{PROJECT}:{name}" not in kept_secrets and ready.run(
            "config", "set", "--secret", f"{PROJECT}:{name}", input_=value
        ):
            raise ToolError(
                f"{rehearsal.name}: secret {name} cannot be set\n  fix: make rehearse-down, then make rehearse"
            )
    return ready


def supplied(stack: Stack, world: dict[str, Any]) -> dict[str, str]:
    """The secrets that a person would give: the clouds' tokens are the world's, and all others are invented."""
    plan = stack.plan
    tokens = {"hcloud-token": world["hcloud"]["token"], "cloudflare-api-token": world["cloudflare"]["token"]}
    keys = world.get("ovh", {}).get("keys", {})
    tokens |= {f"ovh-{part}-{what}": keys[name] for name, (part, what) in _OVH_KEYS.items() if name in keys}
    wanted = [name for name, spec in plan.secrets.items() if spec.policy == "supplied" and name not in plan.supplied]
    given = {name: tokens.get(name) or invented(plan.secrets[name]) for name in wanted}
    return given | ({"ssh-private-key": world["ssh_key"]} if "ssh_key" in world else {})


def _link(link: Path, target: Path) -> None:
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def _docker() -> None:
    with phase("Docker"):
        daemon.ensure(docker_here.here())
        # The world's processes use Docker's SDK, which knows no contexts.
        os.environ.update(docker_here.here())


def _booted(rehearsal: Rehearsal) -> dict[str, Any]:
    """The world's description, once it is up with all that it needs."""
    _docker()
    images = rehearsal.images()
    with phase("Pulumi's engine and plugins, the images and the machine: here already, fetched, or built"):
        contracts = rehearsal.stack(settings(rehearsal, _NOWHERE)).contracts()
        pulumi_cli.ensure([*images, MACHINE, *rehearsal.systems().values()], contracts=contracts)
    with phase("the world: emulated Hetzner Cloud and Cloudflare"):
        return _world(rehearsal, "up", *images)


def _write(path: Path, record: dict[str, Any]) -> None:
    """In one step: a stack's file holds the salt without which no secret of its state can be read."""
    draft = path.with_suffix(".new")
    draft.write_text(yaml.safe_dump(record))
    draft.replace(path)


def transcribe(rehearsal: Rehearsal, to: str) -> int:
    """What a person sees of a new stack, typed in a fresh rehearsal and written as a page; the exit code."""
    with held(rehearsal.name, "make rehearse") as run:
        ready = prepared(rehearsal, _booted(rehearsal))
        run.recovered = True
    with phase("the first commands of production"):
        return transcript.take(ready, rehearsal.preset, to)


def claims(rehearsal: Rehearsal, ready: pulumi_cli.PulumiCli, world: dict[str, Any], output: int | None = None) -> bool:
    """Checks what production promises, by name; true when all of it holds, or a preset promises nothing yet."""
    with phase("the second preview, with a refresh"):
        code = ready.run("preview", "--refresh", "--expect-no-changes", "--diff", quiet=True)
    document = {
        "world": world,
        "preset": rehearsal.preset,
        "environment": rehearsal.environment,
        "outputs": ready.outputs(secrets=True),
        "described": described(ready.stack.plan),
        "second_preview": "changes" if code else "empty",
    }
    argv = [sys.executable, "-m", "rehearsal.claims", "--report", str(rehearsal.folder / "claims.json")]
    with phase("claims"):
        # On standard input: the outputs hold the VPN's keys and the door's tokens.
        done = subprocess.run(argv, cwd=ROOT, input=json.dumps(document), text=True, stdout=output, check=False)
    return done.returncode in {0, _NO_CLAIMS}


def _world(rehearsal: Rehearsal, verb: str, *images: str) -> dict[str, Any]:
    options = ("--folder", str(rehearsal.folder / "world"), "--domain", str(settings(rehearsal, {})["domain"]))
    flags = [f"--image={image}" for image in images]
    flags += [f"--system={name}={image}" for name, image in rehearsal.systems().items()]
    flags += rehearsal.world()
    printed = pulumi_cli.module("rehearsal.world", verb, *options, *flags, quiet=True).stdout
    world: dict[str, Any] = json.loads(printed) if verb == "up" else {}
    if world.get("lost"):
        raise ToolError(
            f"{rehearsal.name}: after an outage of this machine, of its Docker or of the world not all came back\n  "
            + "\n  ".join(world["lost"])
            + "\n  fix: make rehearse-down, then make rehearse"
        )
    return world


def _where(rehearsal: Rehearsal) -> str:
    return (
        f"{rehearsal.folder / 'world'} (logs, state), make rehearse-shell (pulumi in {rehearsal.name}), "
        "make rehearse-down removes it"
    )


def _copy(checkout: Path) -> None:
    """The checkout's files as they are now, tracked or new; what is gone is removed, the stack's own file is kept."""
    wanted = files()
    there = {str(path.relative_to(checkout)) for path in checkout.rglob("*") if path.is_file()}
    for name in there - wanted:
        if not name.startswith("Pulumi.rehearse-") and "__pycache__" not in name:
            (checkout / name).unlink()
    for name in wanted:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, checkout / name)


def shell(rehearsal: Rehearsal) -> int:
    """A shell in the copy of the checkout, where plain `pulumi` works on the rehearsed stack; its exit code."""
    world = _world(rehearsal, "up")
    ready = prepared(rehearsal, world)
    program = os.environ.get("SHELL", "sh")
    return subprocess.run([program], cwd=rehearsal.checkout, env=dict(ready.environ), check=False).returncode
