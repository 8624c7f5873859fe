"""The mesh: hosts that find each other by a control server of the stack's own, wherever they are."""

from typing import Annotated

from pydantic import Field

from homeport.settings.kinds import HostName, Name
from homeport.settings.section import Section, key


class Mesh(Section):
    """The mesh of the stack's hosts and of people's devices, where the preset has one."""

    enabled: bool = key(
        "Whether the hosts join it.", shape="true or false", example=True, default=False, says="by preset"
    )
    base_domain: HostName | None = key(
        "Members are <host>.<base_domain> to each other; beside the control server's own name, never above it.",
        shape="a host name such as mesh.example.com",
        example="mesh.example.com",
        default=None,
        says="mesh.<domain>",
    )
    users: Annotated[tuple[Name, ...], Field(max_length=64)] = key(
        "People whose devices may join, each by a key that the operator makes on the control server.",
        shape="a list of names",
        example=["alice"],
        default=(),
    )
    port: Annotated[int, Field(ge=1024, le=65535)] = key(
        "The UDP port that members talk to each other on.",
        shape="a whole number from 1024 to 65535",
        example=41641,
        default=41641,
    )
