"""Where the names of a stack are kept, and who issues their certificates."""

from typing import Annotated, Literal

from pydantic import Field

from homeport.settings.kinds import Endpoint, HostName, Pem
from homeport.settings.section import Section, key


class Dns(Section):
    """Who keeps the records of the stack's names."""

    provider: Literal["cloudflare", "manual", "ovh"] = key(
        "Cloudflare (needs the section cloudflare), OVH (needs the secrets ovh-application-key, ovh-application-secret "
        "and ovh-consumer-key), or you by hand: up and status then list the records.",
        shape="one of cloudflare, manual, ovh",
        example="ovh",
    )
    zone: HostName | None = key(
        "The zone that the names are in, at OVH.",
        shape="a host name such as example.com",
        example="example.com",
        default=None,
        says="the domain's last two labels, or three as in example.co.uk",
    )
    endpoint: Annotated[str, Field(pattern=r"^(?:ovh-(?:ca|eu|us)|https?://[A-Za-z0-9.:-]+/1\.0)$")] = key(
        "Which of OVH's interfaces the account is at.",
        shape="one of ovh-ca, ovh-eu, ovh-us, or a URL",
        example="ovh-eu",
        default="ovh-eu",
    )


class Certificates(Section):
    """Who issues the certificates of the proxy's names, and how it shows that they are the stack's."""

    challenge: Literal["http", "ovh"] = key(
        "By ports 80 and 443 of the name, open to everybody; or by a record at OVH (dns.provider ovh), so that names "
        "in a VPN have public certificates too.",
        shape="one of http, ovh",
        example="ovh",
        default="http",
    )
    authority: Endpoint | None = key(
        "The directory (ACME) of another authority than Let's Encrypt's.",
        shape="a URL such as https://acme.example.com/directory",
        example="https://acme.example.com/directory",
        default=None,
        says="Let's Encrypt's; its staging one in preprod",
    )
    authority_root: Annotated[Pem, Field(max_length=8192)] | None = key(
        "Certificates (PEM) of this authority that are not publicly trusted: the one that its own is signed by, and "
        "the one of those that it issues, which a relay goes by.",
        shape="certificates in PEM",
        example="<certificates in PEM: put `cat FILE |` in front of it>",
        default=None,
    )
