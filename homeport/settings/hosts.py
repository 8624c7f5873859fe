"""The machines of a stack: this one, one that runs already, or one to be rented (requirements P-09, P-25)."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from homeport.model.distribution import supported
from homeport.settings.kinds import HostAddress, HostKey, Name, Opened, Port, Taken, User, digits
from homeport.settings.section import Section, key

MODES = ("local", "adopt", "create")
_IMAGE = re.compile(r"[a-z0-9][a-z0-9.-]{1,62}")
_SYSTEM = re.compile(r"(?:alma|centos|debian|fedora|opensuse|rocky|ubuntu)-")


def system(image: str) -> str:
    """An image of Hetzner's; of those that are a distribution alone, one that is supported."""
    if not _IMAGE.fullmatch(image) or (_SYSTEM.match(image) and image not in supported()):
        raise ValueError(f"must be an image of a supported distribution: {', '.join(supported())} (docs/hosts.md)")
    return image


class _Host(Section):
    roles: tuple[Name, ...] = key(
        "What the preset places there; none means everything.", shape="a list of names", example=[], default=()
    )
    mtu: Annotated[int, Field(ge=1280, le=9000)] | None = key(
        "Bytes of the largest packet on its Docker networks, where its line takes less than Ethernet's 1500; found by "
        "itself where its Docker is 24 or newer. Changing it makes the networks, and all containers on them, anew.",
        shape="a whole number from 1280 to 9000",
        example=1400,
        default=None,
    )


class LocalHost(_Host):
    """This machine's own Docker, with no cloud account."""

    mode: Literal["local"] = key(
        "How the machine is provisioned: this one, one that runs already, or one to be rented.",
        shape="one of local, adopt, create",
        example="local",
    )


class _Server(_Host):
    open: tuple[Opened, ...] = key(
        "Ports for what you run there yourself: firewalls let strangers come to them, to a program of the host and to "
        "a container alike (docs/hosts.md). None that the stack listens on.",
        shape="a list of ports such as 80/tcp and 443/tcp",
        example=["80/tcp", "443/tcp"],
        default=(),
    )


class AdoptHost(_Server):
    """A machine that runs already, anywhere, and is reached by SSH."""

    mode: Literal["adopt"] = key("A machine that runs already.", shape="one of local, adopt, create", example="adopt")
    address: HostAddress = key(
        "Where sshd listens.", shape="an IP address or a host name such as 192.0.2.10", example="192.0.2.10"
    )
    user: User = key(
        "The SSH user; may become root by sudo without a password.",
        shape="a user name: lower-case letters, digits, '_' and '-'",
        example="root",
        default="root",
    )
    port: Port = key("The port of sshd.", shape="a whole number from 1 to 65535", example=22, default=22)
    host_key: HostKey = key(
        "The machine's public SSH key, pinned: no first connection is trusted blindly.",
        shape="the machine's public key, as ssh-keyscan -t ed25519 prints it after the address",
        example="<what ssh-keyscan -t ed25519 prints after the address>",
    )
    take_over: tuple[Taken, ...] = key(
        "What others made there and an update may replace; kept aside, and put back when the stack goes.",
        shape="a list of paths such as /etc/ufw/user.rules, and of port:80/tcp, login:alice or chain:DOCKER-USER",
        example=["/etc/ufw/user.rules"],
        default=(),
    )


class CreateHost(_Server):
    """A server that is rented from Hetzner Cloud; needs the secret hcloud-token."""

    mode: Literal["create"] = key("A server to be rented.", shape="one of local, adopt, create", example="create")
    server_type: Annotated[str, Field(pattern=r"^[a-z]{2,5}[0-9]{1,3}$")] = key(
        "The server's size, by Hetzner's name; it decides the price.",
        shape="a server type such as cx33",
        example="cx33",
    )
    location: Annotated[str, Field(pattern=r"^[a-z]{3}[0-9]?$")] = key(
        "The data centre, by Hetzner's name.", shape="a location such as fsn1", example="fsn1"
    )
    image: Annotated[str, BeforeValidator(digits), AfterValidator(system)] = key(
        "The operating system.",
        shape="an image of Hetzner's such as debian-13",
        example="debian-13",
        default="debian-13",
    )


Host = Annotated[LocalHost | AdoptHost | CreateHost, Field(discriminator="mode")]
