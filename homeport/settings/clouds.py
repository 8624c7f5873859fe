"""Cloudflare: the account that holds the tunnel, the zone of the names, and who may come in."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from homeport.settings.kinds import HostName, Mail, digits
from homeport.settings.section import Section, key

_Id = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class Cloudflare(Section):
    """Which account and zone; needs the secret cloudflare-api-token."""

    account_id: _Id = key(
        "The account's id, as its overview page shows it.",
        shape="32 lower-case hexadecimal digits",
        example="0123456789abcdef0123456789abcdef",
    )
    zone_id: _Id = key(
        "The id of the zone that holds the domain.",
        shape="32 lower-case hexadecimal digits",
        example="0123456789abcdef0123456789abcdef",
    )
    zone: HostName | None = key(
        "The zone's name, where it is not what a registry sells: its certificate covers it and one level below.",
        shape="a host name such as example.com",
        example="example.com",
        default=None,
        says="the domain's last two labels, or three as in example.co.uk",
    )
    team: Annotated[str, BeforeValidator(digits), Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")] | None = (
        key(
            "The Zero Trust team's name: <team>.cloudflareaccess.com; needed with exposure tunnel.",
            shape="a team's name",
            example="example",
            default=None,
        )
    )


class Access(Section):
    """Who passes where Cloudflare Access asks for a login; nobody unless named here."""

    emails: Annotated[tuple[Mail, ...], Field(max_length=200)] = key(
        "People, by mail address.", shape="a list of mail addresses", example=["admin@example.com"], default=()
    )
    email_domains: Annotated[tuple[HostName, ...], Field(max_length=50)] = key(
        "Everybody with an address below these domains.", shape="a list of domains", example=["example.com"], default=()
    )
    login: Literal["one-time-pin", "google"] = key(
        "How people prove who they are: a PIN by mail, or Google (needs google_client_id and the secret "
        "google-client-secret).",
        shape="one of one-time-pin, google",
        example="one-time-pin",
        default="one-time-pin",
    )
    google_client_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{8,200}$")] | None = key(
        "The OAuth client's id at Google.", shape="an OAuth client id", example="<id>", default=None
    )
    identity_provider: Annotated[str, Field(pattern=r"^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$")] | None = key(
        "An identity provider that the account has already, by its id: it is used as it is, and no other is made. An "
        "account has one one-time PIN; a second stack in it names that of the first.",
        shape="an identity provider's id",
        example="01234567-89ab-cdef-0123-456789abcdef",
        default=None,
        says="one of the stack's own",
    )
    session_hours: Annotated[int, Field(ge=1, le=24)] = key(
        "How long a login holds, in hours.", shape="a whole number from 1 to 24", example=8, default=8
    )
