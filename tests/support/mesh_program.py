"""A program of the mesh alone, run by Pulumi in test_mesh.py."""

from __future__ import annotations

import json
import os

import pulumi
import pulumi_command as command

from components.host import Host
from components.mesh import Mesh, MeshArgs
from homeport.model import mesh

ASKED = json.loads(os.environ["ASKED"])


def main() -> None:
    opts = pulumi.ResourceOptions(providers=[command.Provider("command")])
    declared = mesh.Mesh(
        server=ASKED["server"],
        base_domain=ASKED["base_domain"],
        members=tuple(mesh.Member(name=name, tags=tuple(tags)) for name, tags in ASKED["members"].items()),
        users=tuple(ASKED["users"]),
    )
    hosts = {
        name: Host(name=name, stack="t", namespace="", environment=ASKED["environments"][name])
        for name in ASKED["members"]
    }
    made = Mesh(
        "mesh",
        MeshArgs(
            mesh=declared,
            hub=Host(name="hub", stack="t", namespace=""),
            control=ASKED["control"],
            control_id="one",
            hosts=hosts,
            images=dict.fromkeys(hosts, ASKED["image"]),
            authority=ASKED["authority"],
        ),
        opts,
    )
    pulumi.export("addresses", made.addresses)
    pulumi.export("names", made.names)


main()
