"""The VPN, and how the program itself reaches the hosts: SSH."""

from ipaddress import IPv4Network
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from homeport.settings.kinds import Cidr, Name, Port, PrivateNetwork, WireGuardKey, digits
from homeport.settings.section import Section, key

DEFAULT_SUBNET = IPv4Network("10.66.0.0/24")


class Peer(Section):
    """A device that may join the VPN."""

    slot: Annotated[int, Field(ge=1, le=254)] = key(
        "Its place in the subnet: slot 7 of 10.66.0.0/24 is 10.66.0.7. It never moves when others come or go.",
        shape="a whole number from 1 to 254",
        example=2,
    )
    public_key: WireGuardKey | None = key(
        "The device's own public key; without one a key pair is made for it.",
        shape="a WireGuard public key, as wg pubkey prints",
        example="<the line that wg pubkey prints>",
        default=None,
    )
    ports: Annotated[tuple[Port, ...], Field(max_length=64)] = key(
        "TCP ports of the device that containers on the server may call, besides those that the preset names.",
        shape="a list of whole numbers from 1 to 65535",
        example=[8123],
        default=(),
    )


class WireGuard(Section):
    """The VPN: the way to every service that is not public."""

    enabled: bool = key(
        "Whether there is one.",
        shape="true or false",
        example=True,
        says="true when exposure is vpn, or when there are peers and a host that is not this machine",
    )
    port: Annotated[int, Field(ge=1024, le=65535)] = key(
        "The UDP port it listens on.", shape="a whole number from 1024 to 65535", example=51820, default=51820
    )
    subnet: PrivateNetwork = key(
        "The addresses of its members.",
        shape="a private IPv4 network such as 10.66.0.0/24",
        example="10.66.0.0/24",
        default=DEFAULT_SUBNET,
    )
    slot: Annotated[int, Field(ge=1, le=254)] = key(
        "The server's own place in the subnet.", shape="a whole number from 1 to 254", example=1, default=1
    )
    peers: Annotated[dict[Name, Peer], Field(max_length=253)] = key(
        "Who may join, by name.", shape="a mapping of names to peers", example={}, default={}
    )
    versions: Annotated[dict[Name, Annotated[int, Field(ge=1, le=1_000_000)]], Field(max_length=254)] = key(
        "Counters of keys, by peer's name or server; each number is a key of its own.",
        shape="a whole number from 1 to 1000000",
        example=2,
        default={},
        says="1 each",
    )
    rotating: Annotated[tuple[Name, ...], Field(max_length=254)] = key(
        "Peers (or server) whose next key is already taken too, while it is brought to the devices.",
        shape="a list of names",
        example=["laptop"],
        default=(),
    )
    next_public_keys: Annotated[dict[Name, WireGuardKey], Field(max_length=253)] = key(
        "Of rotating peers that bring their own key: the next one.",
        shape="a WireGuard public key, as wg pubkey prints",
        example="<the line that wg pubkey prints>",
        default={},
    )


class Ssh(Section):
    """How the program itself reaches the hosts."""

    port: Port | None = key(
        "The port that sshd shall listen on; to change it, name the one before in ssh.previous for one update.",
        shape="a whole number from 1 to 65535",
        example=2222,
        default=None,
        says="as it is: 22, or the adopted host's port",
    )
    previous: Port | None = key(
        "While the port changes: the port before. Both are open then; leave it out with the next update, and it "
        "closes.",
        shape="a whole number from 1 to 65535",
        example=22,
        default=None,
        says="none",
    )
    reach: Literal["public", "vpn", "mesh"] = key(
        "From where it is reached: public (the internet), vpn or mesh (its members only). Choose either once this "
        "machine is a member: a change that would cut it off is undone.",
        shape="one of public, vpn, mesh",
        example="public",
        default="public",
    )
    sources: Annotated[tuple[Cidr, ...], Field(max_length=64)] = key(
        "The only addresses that may use it when it is public; none named means everybody.",
        shape="a list of networks such as 203.0.113.0/24",
        example=["203.0.113.0/24"],
        default=(),
    )
    through: Annotated[str, Field(pattern=r"^[A-Za-z0-9_./:@%=, -]{1,400}$")] | None = key(
        "A command that leads to the hosts from a machine that is no member itself, as ssh's ProxyCommand: %h and %p "
        "stand for host and port.",
        shape="a command such as tailscale nc %h %p",
        example="tailscale nc %h %p",
        default=None,
        says="none: this machine reaches them",
    )
    forward: Port | None = key(
        "A port of the host's loopback address, and the only thing that sshd forwards, for the user by which the "
        "program reaches the host: ssh -L 3000:127.0.0.1:3000.",
        shape="a whole number from 1 to 65535",
        example=3000,
        default=None,
        says="by preset; else nothing is forwarded",
    )
    key_name: Annotated[str, BeforeValidator(digits), Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")] | None = key(
        "What the supplied SSH key is called at Hetzner, where it is put with the first server; one that is there "
        "already keeps its name.",
        shape="letters, digits, dots, dashes and underscores",
        example="vpn-deploy",
        default=None,
        says="by preset; else as the first server",
    )
    fail2ban: bool = key(
        "Whether an address that fails to sign in five times in ten minutes is shut out for an hour; "
        "members of the VPN never are.",
        shape="true or false",
        example=True,
        default=False,
    )
