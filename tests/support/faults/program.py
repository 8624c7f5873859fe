"""A program of many cells, run by Pulumi: each has the very components of a host, or of Access, tunnel and name."""

from __future__ import annotations

import json
import os

import pulumi
import pulumi_random as random

from tests.support import hostless

ASKED = json.loads(os.environ["ASKED"])
LATER = ASKED["later"]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{:0>43} someone@example.com"


def hetzner(cells: list[str]) -> None:
    """A server, its address, its firewall and its key for each cell."""
    import pulumi_hcloud as hcloud

    from components.server import Server, ServerArgs
    from homeport.model.host import Opening

    token = pulumi.Output.secret(ASKED["hcloud_token"])
    ours = hcloud.Provider("hcloud", token=token, endpoint=ASKED["hcloud"], poll_interval="200ms")
    opts = pulumi.ResourceOptions(providers=[ours, random.Provider("random-h")])
    openings = (Opening(purpose="SSH", port=2222 if LATER else 22),)
    labels = {"homeport.stack": ASKED["stack"], **({"later": "yes"} if LATER else {})}
    for cell in cells:
        Server(
            cell,
            ServerArgs(
                name=cell,
                server_type="cx23",
                location="fsn1",
                image="debian-12",
                port=22,
                openings=openings,
                authorized=KEY.format(cell),
                labels=labels,
                protect=False,
            ),
            opts,
        )


def cloudflare(cells: list[str]) -> None:
    """Access with a login and a program's token, a tunnel and a name for each cell, in the cell's own account."""
    hostless.install()
    from components.access import Access, AccessArgs, IdentityProvider
    from components.cloud import cloudflare as sdk
    from components.dns import Dns, DnsArgs
    from components.host import Host
    from components.tunnel import Tunnel, TunnelArgs
    from homeport.model.access import People, PublicHostname
    from homeport.model.route import Guard

    token = pulumi.Output.secret(ASKED["cloudflare_token"])
    ours = sdk.Provider("cloudflare", api_token=token, base_url=ASKED["cloudflare"])
    opts = pulumi.ResourceOptions(providers=[ours, random.Provider("random-c")])
    mark = random.RandomId("mark", byte_length=4, opts=opts).hex
    guards = (
        Guard(kind="service-token", because="a reason", paths=("/hook/*",)),
        Guard(kind="login", because="a reason"),
    )
    word = " later" if LATER else ""
    for cell in cells:
        account, zone = ASKED["places"][cell]
        hostname = f"{'b' if LATER else 'a'}.{cell}.example.com"
        doors = (PublicHostname(name="app", hostname=hostname, origin="http://127.0.0.1:1", guards=guards),)
        people = People(emails=("ada@example.com", *(("bob@example.com",) if LATER else ())))
        access = Access(
            f"{cell}-access",
            AccessArgs(
                account=account,
                label=f"{cell}{word}",
                mark=mark,
                doors=doors,
                people=people,
                provider=IdentityProvider(),
            ),
            opts,
        )
        tunnel = Tunnel(
            f"{cell}-tunnel",
            TunnelArgs(
                account=account,
                team="team",
                tunnel=cell,
                mark=mark,
                image="sha256:1",
                version=2 if LATER else 1,
                doors=doors,
                host=Host(name="main", stack="t", namespace=""),
                audiences=access.audiences,
            ),
            opts,
        )
        after = (tunnel.ready, *access.ready)
        Dns(
            f"{cell}-dns",
            DnsArgs(zone=zone, mark=mark, names={"app": hostname}, tunnel=tunnel.id, after=after),
            opts,
        )


# An output of a component that cannot be known ends the program at once, also with --continue-on-error: the other cells
# must go on.
registered = pulumi.ComponentResource.register_outputs
pulumi.ComponentResource.register_outputs = lambda self, _outputs=None: registered(self, {})

for one, make in (("hetzner", hetzner), ("cloudflare", cloudflare)):
    if ASKED["cells"].get(one):
        make(ASKED["cells"][one])
