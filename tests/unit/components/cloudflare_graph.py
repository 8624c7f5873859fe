"""Registers the three Cloudflare layers under mocks and prints the engine's requests.

`cloudflare_graph.py light|full`, the doors on stdin.

A program of its own: each graph has a fresh Pulumi, and `full` imports the whole SDK. `components.host_unit` is its
contract only.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

import pulumi
from google.protobuf.json_format import MessageToDict
from pulumi.runtime import mocks

from tests.support import hostless

CANARY = "C4nary"


class Engine(mocks.Mocks):
    def new_resource(self, args):
        kind = args.typ.rpartition(":")[2]
        computed = {
            "RandomPassword": {"result": f"{CANARY}-secret"},
            "ZeroTrustAccessApplication": {"aud": f"{CANARY}-aud-{args.name}"},
            "ZeroTrustAccessServiceToken": {"clientId": f"{CANARY}-id", "clientSecret": f"{CANARY}-client"},
        }
        return f"{args.name}-id", {**args.inputs, **computed.get(kind, {})}

    def call(self, args):
        raise AssertionError(f"{args.token} was looked up")


class Monitor(mocks.MockMonitor):
    def __init__(self, engine):
        super().__init__(engine)
        self.requests = []

    def RegisterResource(self, request):  # noqa: N802  (the SDK's name)
        told = MessageToDict(request)
        for noise in ("sourcePosition", "stackTrace", "packageRef"):
            told.pop(noise, None)
        self.requests.append(ordered(told))
        return super().RegisterResource(request)


def ordered(told):
    """What stands for a set is told in any order."""
    told["dependencies"] = sorted(told.get("dependencies", []))
    for urns in told.get("propertyDependencies", {}).values():
        urns["urns"] = sorted(urns.get("urns", []))
    return told


class ShownFiles(hostless.HostFiles):
    """Shows the values and the script."""

    def inputs(self, args):
        return {"values": dict(args.values), "apply": args.apply}


def build(asked):
    from components.access import Access, AccessArgs, IdentityProvider
    from components.cloud import cloudflare
    from components.dns import Dns, DnsArgs
    from components.host import Host
    from components.tunnel import Tunnel, TunnelArgs
    from homeport.model.access import People, PublicHostname
    from homeport.model.route import Guard

    guards = lambda rows: tuple(Guard(**{**row, "paths": tuple(row.get("paths", ()))}) for row in rows)  # noqa: E731
    doors = tuple(PublicHostname(**{**door, "guards": guards(door["guards"])}) for door in asked["doors"])
    provider = cloudflare.Provider("cloudflare", api_token=pulumi.Output.secret(f"{CANARY}-api"), base_url="http://x")
    opts = pulumi.ResourceOptions(providers=[provider])
    people = People(**{key: tuple(value) for key, value in asked.get("people", {}).items()})
    login = IdentityProvider(**asked.get("provider", {}))
    access = Access(
        "access",
        AccessArgs(
            account="acc",
            label="homeport prod",
            mark="m4rk",
            doors=doors,
            people=people,
            provider=login,
            token_versions=asked.get("versions", {}),
            overlap_until="2026-12-01T00:00:00Z",
        ),
        opts,
    )
    tunnel = Tunnel(
        "tunnel",
        TunnelArgs(
            account="acc",
            team="team",
            tunnel="jett-vps",
            mark="m4rk",
            image="sha256:1",
            doors=doors,
            host=Host(name="main", stack="prod", namespace=""),
            audiences=access.audiences,
        ),
        opts,
    )
    names = {door.name: door.hostname for door in doors}
    Dns(
        "dns",
        DnsArgs(zone="zone", mark="m4rk", names=names, tunnel=tunnel.id, after=(tunnel.ready, *access.ready)),
        opts,
    )
    addresses = {"A": "192.0.2.1", "AAAA": "2001:db8::1"}
    Dns("plain", DnsArgs(zone="zone", mark="m4rk", names={"www": "www.example.com"}, addresses=addresses), opts)


def peak():
    """The most memory that this program has had, in KiB.

    Not of getrusage: there the memory of whoever started it counts too, and a test's worker may be the larger one.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def main() -> None:
    monitor = Monitor(Engine())
    mocks.set_mocks(Engine(), project="homeport", stack="prod", preview=False, monitor=monitor)
    hostless.install(ShownFiles)
    before, began = peak(), time.perf_counter()
    if sys.argv[1] == "full":
        import pulumi_cloudflare  # noqa: F401
    else:
        import components.cloud  # noqa: F401
    seconds = time.perf_counter() - began
    asked = json.loads(sys.stdin.read())
    pulumi.runtime.test(lambda: build(asked))()
    rows = sorted(monitor.requests, key=lambda one: (one["type"], one["name"]))
    grown = (peak() - before) // 1024
    print(json.dumps({"requests": rows, "seconds": seconds, "megabytes": grown}))


if __name__ == "__main__":
    main()
