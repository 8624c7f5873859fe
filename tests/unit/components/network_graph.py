"""Registers engine, firewall and WireGuard under mocks and prints what the engine was told. Asked by JSON on stdin.

A program of its own: Pulumi keeps its stack in globals.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

import pulumi
from google.protobuf.json_format import MessageToDict
from pulumi.runtime import mocks


class Engine(mocks.Mocks):
    def new_resource(self, args):
        made = hashlib.sha256(args.name.encode()).hexdigest()
        return f"{args.name}-id", {**args.inputs, **({"result": made} if "randomPassword" in args.typ else {})}

    def call(self, args):
        raise AssertionError(f"{args.token} was looked up")


class Monitor(mocks.MockMonitor):
    def __init__(self, engine):
        super().__init__(engine)
        self.told = []

    def RegisterResource(self, request):  # noqa: N802  (the SDK's name)
        self.told.append(MessageToDict(request))
        return super().RegisterResource(request)


def unpacked(text):
    """The files of a bundle, by path on the host."""
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(text))) as tar:
        read = {member.name: tar.extractfile(member).read().decode() for member in tar if member.isfile()}
    lines = [line.split(" ", 3) for line in read["bundle/list"].splitlines()]
    files = {path: {"mode": mode, "content": read[f"bundle/files/{number}"]} for mode, _, number, path in lines}
    return {"files": files, "apply": read["bundle/apply"]}


def register(asked, out):
    from components.docker_engine import DockerEngine, DockerEngineArgs
    from components.firewall import Firewall, FirewallArgs
    from components.host import Host
    from components.wireguard import WireGuard, WireGuardArgs
    from homeport.model.firewall import FirewallRule
    from homeport.model.host import Opening, Package
    from homeport.model.vpn import Peer, Vpn
    from homeport.render.wireguard import PACKAGES

    host = Host(name="main", stack="prod", namespace="", environment={"HOMEPORT_SSH": "deploy@203.0.113.7"})
    docker = DockerEngine(
        "engine",
        DockerEngineArgs(
            host=host,
            user="deploy",
            packages=(*PACKAGES, *(Package(**each) for each in asked.get("packages", []))),
            units=("wg-quick@wg0.service",),
        ),
    )
    rules = (FirewallRule(opening=Opening(purpose="SSH", port=22)),)
    wall = Firewall(
        "firewall",
        FirewallArgs(host=host, rules=rules, chains=tuple(asked.get("chains", [])), after=(docker.packages,)),
    )
    vpn = Vpn(subnet="10.0.0.0/24", slot=2, peers=tuple(Peer(**peer) for peer in asked["peers"]))
    more = {key: tuple(value) if key == "rotating" else value for key, value in asked.get("more", {}).items()}
    made = WireGuard(
        "wireguard", WireGuardArgs(host=host, vpn=vpn, endpoint=asked["endpoint"], after=(wall.ready,), **more)
    )
    secret = {name: config.is_secret() for name, config in made.client_configs.items()}

    def keep(values):
        out["public"], out["configs"] = values[0], dict(zip(made.client_configs, values[1:], strict=True))

    async def settle():
        out["secret"] = {name: await flag for name, flag in secret.items()}
        out["public_secret"] = await made.public_key.is_secret()

    pulumi.Output.all(made.public_key, *made.client_configs.values()).apply(keep)
    return settle


def main():
    asked, out = json.loads(sys.stdin.read()), {}
    monitor = Monitor(Engine())
    mocks.set_mocks(monitor.mocks, project="homeport", stack="prod", preview=False, monitor=monitor)
    pulumi.runtime.test(lambda: pulumi.Output.from_input(register(asked, out)()))()
    out["requests"] = []
    for one in monitor.told:
        told = {
            "type": one["type"],
            "name": one["name"],
            "object": one.get("object", {}),
            "parent": one.get("parent", ""),
        }
        stdin = told["object"].get("stdin")
        if stdin is not None:
            told["stdin_secret"] = isinstance(stdin, dict)
            told |= unpacked(stdin["value"] if isinstance(stdin, dict) else stdin)
        out["requests"].append(told)
    print(json.dumps(out))


if __name__ == "__main__":
    main()
