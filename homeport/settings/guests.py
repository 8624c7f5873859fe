"""What stacks have together: a network that others join, and routes to services of others."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from homeport.settings.kinds import RouteHost
from homeport.settings.section import Section, key

# Begins with a letter and has no dot: what a container is called on a network, and no address in any spelling.
_TO = re.compile(r"(?!localhost:|ip6-)[a-z](?:[a-z0-9_-]{0,61}[a-z0-9])?:([1-9][0-9]{0,4})")
_NETWORK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_LAST_PORT = 65535
_OWN = frozenset({"bridge", "host", "none", "default", "ingress", "docker_gwbridge"})


def _to(text: str) -> str:
    match = _TO.fullmatch(text)
    if not match or int(match[1]) > _LAST_PORT:
        raise ValueError("must be a container and its port inside, such as app:8000")
    return text


def _network(text: str) -> str:
    if not _NETWORK.fullmatch(text) or text in _OWN:
        raise ValueError("must be the name of a network of another stack, as docker network ls shows it")
    return text


NetworkName = Annotated[str, AfterValidator(_network)]


class Guest(Section):
    """A route to a service of another stack, which has joined the network of this stack's proxy."""

    to: Annotated[str, AfterValidator(_to)] | None = key(
        "The service: its container and the port inside.",
        shape="a container and a port such as app:8000",
        example="app:8000",
        default=None,
        says="by preset",
    )
    host: RouteHost | None = key(
        "Its host name: a label, which stands below the stack's domain, or a whole name.",
        shape="a label such as api, or a host name such as api.example.com",
        example="api",
        default=None,
        says="the guest's name",
    )
    access: Literal["login", "public"] = key(
        "Who may come in: login (people: by Cloudflare Access in a tunnel, else by user and password), public "
        "(everybody).",
        shape="one of login, public",
        example="login",
        default="login",
    )
    because: Annotated[str, Field(min_length=10, max_length=500)] | None = key(
        "Why everybody may come in; needed for public outside of dev.",
        shape="a sentence of 10 to 500 characters",
        example="a page for everybody, with nothing behind it",
        default=None,
        says="none",
    )
    enabled: bool = key("Whether the route is there.", shape="true or false", example=True, default=True)
