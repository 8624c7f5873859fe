"""Builds one stack under mocks and prints what was registered: run as a program, for each graph needs a fresh Pulumi.

Pulumi's mocks keep a root resource, event loops and a stack's settings in globals; two graphs in one process disturb
each other.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import sys
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

import pulumi
from google.protobuf import json_format
from pulumi.runtime import mocks

from catalog.presets import registry
from homeport.plan.resolve import resolve
from homeport.settings import load as loading
from homeport.settings.load import Configuration

CANARY = "C4nary-" + "0123456789abcdef" * 2
"""Part of every generated value, so that a leak can be found anywhere."""


class Engine(mocks.Mocks):
    """Stricter than the engine: twins fail, look-ups fail, but for the keys that a project at Hetzner has."""

    def __init__(self, ssh_keys=()) -> None:
        self.ssh_keys = list(ssh_keys)
        self.seen: dict[tuple[str, str], dict] = {}
        self.exports: dict[str, dict] = {}

    def new_resource(self, args):
        key = (args.typ, args.name)
        assert key not in self.seen, f"two resources are {args.typ} {args.name!r}; Pulumi refuses that"
        self.seen[key] = {
            "type": args.typ,
            "name": args.name,
            "inputs": dict(args.inputs),
            "provider": args.provider or "",
        }
        # Hetzner numbers what it makes, and the program has to hand numbers on.
        identity = str(zlib.crc32(args.name.encode())) if args.typ.startswith("hcloud:") else f"{args.name}-id"
        return identity, {**args.inputs, **self._computed(args)}

    def call(self, args):
        if args.token == "hcloud:index/getSshKeys:getSshKeys":
            return {"id": "", "sshKeys": self.ssh_keys}
        raise AssertionError(f"{args.token} was looked up: a unit test reaches no API")

    @staticmethod
    def options(request) -> dict:
        """What the program says of a resource beside its inputs; only what it does say."""
        options = {
            "parent": request.parent,
            "provider": request.provider.rpartition("::")[0],
            "dependencies": sorted(request.dependencies),
            "protect": request.protect,
            "retainOnDelete": request.retainOnDelete,
            "deletedWith": request.deletedWith,
            "deleteBeforeReplace": request.deleteBeforeReplace,
            "replaceWith": sorted(request.replace_with),
            "hideDiffs": list(request.hideDiffs),
            "ignoreChanges": list(request.ignoreChanges),
            "replaceOnChanges": list(request.replaceOnChanges),
            "replacementTrigger": json_format.MessageToDict(request.replacement_trigger),
            "additionalSecretOutputs": sorted(request.additionalSecretOutputs),
            "customTimeouts": json_format.MessageToDict(request.customTimeouts),
            "aliases": [json_format.MessageToDict(alias) for alias in request.aliases],
            "aliasURNs": list(request.aliasURNs),
        }
        return {name: value for name, value in options.items() if value}

    @staticmethod
    def _computed(args) -> dict[str, str]:
        address = "203.0.113.10" if args.inputs.get("type") == "ipv4" else "2001:db8:1::"
        known = {
            "cloudflare:index/zeroTrustAccess": {
                "aud": f"{args.name}-aud",
                "clientId": f"{args.name}.access",
                "clientSecret": f"{CANARY}{args.name}",
            },
            "random:index/randomPassword:RandomPassword": {"result": f"{CANARY}{args.name}"},
            "docker:index/remoteImage:RemoteImage": {"imageId": f"sha256:{args.name}"},
            "hcloud:index/primaryIp:PrimaryIp": {"ipAddress": address},
            "command:local:Command": {"stdout": "ssh-ed25519 what-a-new-host-says-of-its-key"},
            "random:index/randomId:RandomId": {"hex": "0a1b2c"},
        }
        return next((outputs for start, outputs in known.items() if args.typ.startswith(start)), {})


class Monitor(mocks.MockMonitor):
    """Pulumi's own of the mocks, which keeps the options too."""

    mocks: Engine

    def RegisterResource(self, request):  # noqa: N802  # the name is Pulumi's
        response = super().RegisterResource(request)
        if seen := self.mocks.seen.get((request.type, request.name)):
            seen |= {"urn": response.urn, "options": self.mocks.options(request)}
        return response


def _exports(outputs, seen: dict):
    async def shown(name: str, value):
        output = pulumi.Output.from_input(value)
        seen[name] = {"value": await output.future(), "secret": await output.is_secret()}

    return asyncio.gather(*(shown(name, value) for name, value in outputs.items()))


def only_tried() -> dict[str, str]:
    """Leave for the names and addresses of documentation, which tests have: nobody is to reach these stacks."""
    tomorrow = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)
    return {"reason": "tried by a test, on mocks", "expires": str(tomorrow)}


def printed(asked: dict) -> str:
    """The graph of what was asked for, as JSON; a process can have one."""
    # What somebody who adds a preset writes into the two lists of names.
    registry._BUILT.update(asked.get("presets", {}))
    loading.PRESETS += tuple(asked.get("presets", {}))
    settings = {**asked["settings"], "waivers": {**asked["settings"].get("waivers", {}), "placeholders": only_tried()}}
    raw = {"homeport:preset": asked["preset"], "homeport:settings": json.dumps(settings)}
    secrets = {f"homeport:{name}": value for name, value in asked["secrets"].items()}
    engine = Engine(asked.get("ssh_keys", ()))
    mocks.set_mocks(engine, project="homeport", stack=asked["stack"], preview=False, monitor=Monitor(engine))

    def go() -> None:
        from homeport.stack.program import build

        build(resolve(Configuration(asked["stack"], raw | secrets, frozenset(secrets))))
        return _exports(pulumi.runtime.get_root_resource().outputs, engine.exports)

    pulumi.runtime.test(go)()
    return json.dumps({"resources": list(engine.seen.values()), "exports": engine.exports}, default=str)


def main() -> None:
    print(printed(json.loads(sys.stdin.read())))


if __name__ == "__main__":
    main()
