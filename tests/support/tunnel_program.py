"""A program of the three Cloudflare layers alone, run by Pulumi.

In test_host.py on a host, in test_tunnel.py with a folder for one.

The layer that writes files on hosts has tests of its own; with a folder its contract stands in for it, with the same
order and the same values.
"""

from __future__ import annotations

import json
import os

import pulumi
import pulumi_command as command
import pulumi_random as random

from components.host import Host
from homeport.model.access import People, PublicHostname
from homeport.model.route import Guard
from tests.support import hostless

FOLDER, ASKED = os.environ["FOLDER"], json.loads(os.environ["ASKED"])


class FilesInFolder(hostless.HostFiles):
    """Writes the files to a folder of this machine."""

    def written(self, name, args):
        text = pulumi.Output.all(**args.values).apply(
            lambda values: "\n".join(_shown(file.filled(values)) for file in args.files)
        )
        return command.local.Command(
            f"{name}-files",
            create=f"cat > {FOLDER}/files",
            delete=f"rm {FOLDER}/files",
            stdin=pulumi.Output.secret(text),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.after)),
        )


def _shown(file):
    return json.dumps({"path": file.path, "content": file.content, "mode": file.mode})


def main() -> None:
    if "environment" not in ASKED:
        hostless.install(FilesInFolder)
    from components.access import Access, AccessArgs, IdentityProvider
    from components.cloud import cloudflare
    from components.dns import Dns, DnsArgs
    from components.tunnel import Tunnel, TunnelArgs

    token = pulumi.Output.secret(ASKED["token"])
    ours = cloudflare.Provider("cloudflare", api_token=token, base_url=ASKED["api"])
    providers = [ours, random.Provider("random"), command.Provider("command")]
    opts = pulumi.ResourceOptions(providers=providers)
    mark = random.RandomId("mark", byte_length=4, opts=opts).hex
    doors = tuple(
        PublicHostname(
            **{**door, "guards": tuple(Guard(**{**one, "paths": tuple(one["paths"])}) for one in door["guards"])}
        )
        for door in ASKED["doors"]
    )
    access = Access(
        "access",
        AccessArgs(
            account=ASKED["account"],
            label="homeport test",
            mark=mark,
            doors=doors,
            people=People(emails=("ada@example.com",)),
            provider=IdentityProvider(),
        ),
        opts,
    )
    tunnel = Tunnel(
        "tunnel",
        TunnelArgs(
            account=ASKED["account"],
            team="team",
            tunnel="jett-vps",
            mark=mark,
            image=ASKED.get("image", "sha256:1"),
            version=ASKED.get("version", 1),
            doors=doors,
            # The machine's tests have laid a tunnel there by hand.
            host=Host(name="main", stack="t", namespace="", environment=ASKED.get("environment", {}), take_over=("*",)),
            audiences=access.audiences,
        ),
        opts,
    )
    names = {door.name: door.hostname for door in doors}
    after = (tunnel.ready, *access.ready)
    Dns("dns", DnsArgs(zone=ASKED["zone"], mark=mark, names=names, tunnel=tunnel.id, after=after), opts)
    pulumi.export("ids", access.client_ids)
    pulumi.export("secrets", access.client_secrets)
    pulumi.export("audiences", access.audiences)


main()
