"""Registers a mesh and a runner under mocks and prints what the engine was told.

A program of its own: Pulumi keeps its stack in globals.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

import pulumi
from google.protobuf.json_format import MessageToDict
from pulumi.runtime import mocks


class Engine(mocks.Mocks):
    def new_resource(self, args):
        computed = {"stdout": f"100.64.0.{len(args.name)}\n"} if args.typ == "command:local:Command" else {}
        return f"{args.name}-id", {**args.inputs, **computed}

    def call(self, args):
        raise AssertionError(f"{args.token} was looked up")


class Monitor(mocks.MockMonitor):
    def __init__(self, engine):
        super().__init__(engine)
        self.told, self.outputs = [], {}

    def RegisterResource(self, request):  # noqa: N802  (the SDK's name)
        self.told.append(MessageToDict(request))
        return super().RegisterResource(request)

    def RegisterResourceOutputs(self, request):  # noqa: N802  (the SDK's name)
        told = MessageToDict(request)
        self.outputs[told["urn"].rpartition("::")[2]] = told.get("outputs", {})
        return super().RegisterResourceOutputs(request)


def build() -> None:
    from components.host import Host
    from components.mesh import Mesh, MeshArgs
    from components.runner import ActionsRunner, RunnerArgs
    from homeport.model import mesh, runner

    def host(name):
        environment = {"HOMEPORT_SSH": f"deploy@{name}.example.com", "DOCKER_HOST": f"ssh://deploy@{name}.example.com"}
        return Host(name=name, stack="prod", namespace="", environment=environment)

    declared = mesh.Mesh(
        server="mesh.example.com",
        base_domain="net.example.com",
        users=("alice",),
        members=(mesh.Member(name="watch", tags=("watch",)), mesh.Member(name="ai", tags=("ai", "gpu"))),
    )
    Mesh(
        "mesh",
        MeshArgs(
            mesh=declared,
            hub=host("hub"),
            control="headscale",
            control_id="c0ffee",
            hosts={"ai": host("ai"), "watch": host("watch")},
            images={"ai": "sha256:a", "watch": "sha256:w"},
        ),
    )
    ActionsRunner(
        "runner",
        RunnerArgs(
            host=host("ai"),
            runner=runner.Runner(name="vps", url="https://git.example.com/owner/platform"),
            token="C4nary",
            image="sha256:r",
        ),
    )


def main() -> None:
    monitor = Monitor(Engine())
    mocks.set_mocks(Engine(), project="homeport", stack="prod", preview=False, monitor=monitor)
    pulumi.runtime.test(build)()
    print(json.dumps({"told": {one["name"]: one for one in monitor.told}, "outputs": monitor.outputs}))


if __name__ == "__main__":
    main()
