"""What an address, a host name, a network, a URL and a mail address may be: one type each.

For settings, for presets, and for what is derived of both. Each refuses by a sentence and never repeats the value:
somebody may have pasted a secret there (docs/requirements.md, A-04).
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address

    Address = IPv4Address | IPv6Address
    Network = IPv4Network | IPv6Network

IPV4 = 4
PRIVATE = tuple(IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
NEAR: tuple[Network, ...] = (*PRIVATE, *(ip_network(text) for text in ("127.0.0.0/8", "::1/128", "fc00::/7")))
UNROUTED: tuple[Network, ...] = (
    *NEAR,
    *(ip_network(text) for text in ("100.64.0.0/10", "169.254.0.0/16", "fe80::/10")),
)
"""Nobody on the internet reaches these."""
DOCUMENTATION: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "2001:db8::/32",
        "3fff::/20",
    )  # RFC 5737, 3849, 9637
)
_DOCUMENTATION_NAMES = ("example.com", "example.net", "example.org", "example", "test", "invalid")  # RFC 2606
# Clouds serve machine credentials there: EC2 and most others (link-local), EC2 over IPv6, Alibaba, Oracle, Azure.
_METADATA: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "169.254.0.0/16",
        "fe80::/10",
        "fd00:ec2::/32",
        "100.100.100.200/32",
        "192.0.0.0/24",
        "168.63.129.16/32",
    )
)
_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"})
_UNTAKEN: tuple[Network, ...] = tuple(
    ip_network(text) for text in ("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/128", "fe80::/10", "ff00::/8")
)
# IPv4 in the clothes of IPv6: firewalls and resolvers never meet it in this form.
_WITHIN_IPV6 = IPv6Network("::/80")
_LOOPBACK6 = IPv6Network("::1/128")
LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# Begins with a letter: 134744072 and 0x8080808 are spellings of a public address.
_CONTAINER = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
# What a resolver may read as an IPv4 address when it is the last label (inet_aton(3)).
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LONGEST_NAME = 253
_LONGEST_MAIL = 254
_LONGEST_LOCAL = 64
_LONGEST_URL = 2048
_LAST_PORT = 65535
# RFC 5322, atext, without $, {, } and the backtick: those are code to a shell, a compose file or a Caddyfile.
_ATOM = r"[A-Za-z0-9!#%&'*+/=?^_|~-]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_URL = re.compile(
    r"(?P<scheme>https?)://(?:\[(?P<literal>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9.-]+))(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/(?:[A-Za-z0-9._~/-]|%[0-9A-Fa-f]{2})*)?"
)
_IN_TEXT = re.compile(r"[0-9A-Za-z.:-]+")


def host_name(text: str) -> str:
    """A name of DNS in lower case, at most 253 characters, or ``localhost``."""
    labels = text.split(".")
    fits = len(text) <= _LONGEST_NAME and all(LABEL.fullmatch(label) for label in labels)
    if not fits or (len(labels) == 1 and text != "localhost") or _NUMBER.fullmatch(labels[-1]):
        raise ValueError("must be a host name such as app.example.com: lower-case letters, digits, '-' and '.'")
    return text


def ip_literal(text: str) -> str:
    """An IPv4 or IPv6 address in its shortest form; no zone, no IPv4 inside IPv6."""
    return str(_parsed(text))


def _parsed(text: str) -> Address:
    try:
        address = ip_address(text)
    except ValueError:
        raise ValueError("must be an IP address such as 127.0.0.1") from None
    if isinstance(address, IPv6Address) and (address.scope_id is not None or _holds_ipv4(IPv6Network(address))):
        raise ValueError("must be an IP address without a zone, and IPv4 in its own form")
    return address


def _holds_ipv4(network: IPv6Network) -> bool:
    return network.subnet_of(_WITHIN_IPV6) and network not in (_LOOPBACK6, IPv6Network("::/128"))


def host_address(text: str) -> str:
    """The address that a machine is reached at: an IP address that one can have, or a host name."""
    if (address := literal(text)) is not None:
        if within(address, _UNTAKEN):
            raise ValueError("must be an address that a machine can be reached at, none such as 0.0.0.0 or link-local")
        return str(address)
    try:
        return host_name(text)
    except ValueError:
        raise ValueError("must be an IP address or a host name such as 192.0.2.10") from None


def literal(text: str) -> Address | None:
    """The address that a text is; None where it is none of the form that is taken here."""
    try:
        return _parsed(text)
    except ValueError:
        return None


def within(address: Address, networks: Iterable[Network]) -> bool:
    """Whether an address lies in one of the networks."""
    return any(address in network for network in networks)


def cidr(text: str) -> str:
    """An IPv4 or IPv6 network without host bits, or a single address; no zone, no IPv4 inside IPv6."""
    try:
        _parsed(text.partition("/")[0])
        network = ip_network(text)
    except ValueError as error:
        if "zone" in str(error):
            raise ValueError("must be a network without a zone, and IPv4 in its own form") from None
        raise ValueError("must be a network such as 203.0.113.0/24, with no host bits set") from None
    if isinstance(network, IPv6Network) and _holds_ipv4(network):
        raise ValueError("must be a network without a zone, and IPv4 in its own form")
    return str(network)


def url(text: str) -> str:
    """An https URL; http only where the host is this machine, a private address or a container's name.

    No user, query or fragment; no address at which clouds serve machine credentials.
    """
    parts = _URL.fullmatch(text) if len(text) <= _LONGEST_URL else None
    if parts is None:
        if re.match(r"https?://[^/?#]*@", text):
            raise ValueError("must hold no user or password: a key is a secret of its own")
        raise ValueError("must be a URL such as https://api.example.com/v1, without query or fragment")
    host = (parts["literal"] or parts["name"]).lower()
    address = literal(host)
    known = bool(address and address.version != IPV4) if parts["literal"] else _is_host(host)
    if not known or not 1 <= int(parts["port"] or 1) <= _LAST_PORT:
        raise ValueError("must be a URL such as https://api.example.com/v1, without query or fragment")
    if host in _METADATA_NAMES or (address is not None and within(address, _METADATA)):
        raise ValueError("must not be a link-local address or a cloud's metadata service: credentials are served there")
    if address is not None and within(address, _UNTAKEN):
        raise ValueError("must be the address of a machine: nobody answers at this one")
    if parts["scheme"] == "http" and not _is_near(host, address):
        raise ValueError("must begin with https:// (http is for loopback and private addresses)")
    return text


def _is_host(host: str) -> bool:
    if _CONTAINER.fullmatch(host) or literal(host) is not None:
        return True
    try:
        host_name(host)
    except ValueError:
        return False
    return True


def _is_near(host: str, address: Address | None) -> bool:
    return within(address, NEAR) if address is not None else _CONTAINER.fullmatch(host) is not None


def mail(text: str) -> str:
    """A mail address as RFC 5322 has it without quotes and comments; its domain in lower case, for that has no case."""
    local, _, domain = text.rpartition("@")
    fits = len(text) <= _LONGEST_MAIL and len(local) <= _LONGEST_LOCAL and _LOCAL_PART.fullmatch(local)
    try:
        domain = host_name(domain.lower())
    except ValueError:
        domain = ""
    if not fits or "." not in domain:
        raise ValueError("must be a mail address such as admin@example.com")
    return f"{local}@{domain}"


def placeholder(text: str) -> str:
    """The first address or name in a text that is for documentation alone (RFC 2606, 5737, 3849); else nothing."""
    for found in _IN_TEXT.finditer(text):
        for part in (found[0], found[0].rpartition(":")[0]):
            name = str(part).strip(".:").lower()
            address = literal(name) or literal(str(part))
            if address is not None and within(address, DOCUMENTATION):
                return name
            if f".{name}".endswith(tuple(f".{known}" for known in _DOCUMENTATION_NAMES)) and "." in name:
                return name
    return ""
