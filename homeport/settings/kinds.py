"""What a single value may be. Each kind refuses by a sentence, and never repeats the value.

A value is never repeated in a message because somebody may have pasted a secret there (docs/requirements.md, A-04).
"""

import base64
import binascii
import re
from datetime import date
from ipaddress import IPv4Network, IPv6Address, ip_address, ip_network
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator

PRIVATE = tuple(ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
NEAR = (*PRIVATE, *(ip_network(text) for text in ("127.0.0.0/8", "::1/128", "fc00::/7")))
_WIDEST, _NARROWEST = 16, 28
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# Begins with a letter: 134744072 and 0x8080808 are spellings of a public address.
_CONTAINER = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_MAX_HOST_NAME = 253
_IMAGE = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*"
    r"(?P<tag>:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?P<digest>@sha256:[0-9a-f]{64})?"
)
_ED25519 = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"
_KEY_BYTES = 32
# What the engine makes of an unquoted date in Pulumi.<stack>.yaml (tried on 3.255.0).
_MIDNIGHT = " 00:00:00 +0000 UTC"


def host_name(text: str) -> str:
    """A name of DNS in lower case, at most 253 characters, or ``localhost``."""
    labels = text.split(".")
    fits = len(text) <= _MAX_HOST_NAME and all(_LABEL.fullmatch(label) for label in labels)
    if not fits or (len(labels) == 1 and text != "localhost") or labels[-1].isdigit():
        raise ValueError("must be a host name such as app.example.com: lower-case letters, digits, '-' and '.'")
    return text


def ip_literal(text: str) -> str:
    """An IPv4 or IPv6 address in its shortest form; no zone, no IPv4 inside IPv6."""
    try:
        address = ip_address(text)
    except ValueError:
        raise ValueError("must be an IP address such as 127.0.0.1") from None
    if isinstance(address, IPv6Address) and (address.ipv4_mapped is not None or address.scope_id is not None):
        raise ValueError("must be an IP address without a zone, and IPv4 in its own form")
    return str(address)


def host_address(text: str) -> str:
    """An IP address or a host name."""
    try:
        return ip_literal(text)
    except ValueError:
        pass
    try:
        return host_name(text)
    except ValueError:
        raise ValueError("must be an IP address or a host name such as 192.0.2.10") from None


def private_network(value: Any) -> IPv4Network:
    """An IPv4 subnet out of the private ranges (RFC 1918), from /16 to /28, without host bits."""
    try:
        network = IPv4Network(value) if isinstance(value, IPv4Network) or "/" in value else None
    except (TypeError, ValueError):
        network = None
    if network is None:
        raise ValueError("must be an IPv4 network such as 10.20.0.0/24, with no host bits set")
    if not any(network.subnet_of(parent) for parent in PRIVATE if isinstance(parent, IPv4Network)):
        raise ValueError("must lie in a private range: 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16")
    if not _WIDEST <= network.prefixlen <= _NARROWEST:
        raise ValueError(f"must be between /{_WIDEST} and /{_NARROWEST}")
    return network


def cidr(text: str) -> str:
    """An IPv4 or IPv6 network without host bits, or a single address."""
    try:
        return str(ip_network(text))
    except ValueError:
        raise ValueError("must be a network such as 203.0.113.0/24, with no host bits set") from None


def endpoint(text: str) -> str:
    """An https URL; http only where the host is this machine, a private address or a container's name."""
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise ValueError("must be a URL such as https://api.example.com/v1") from None
    host = url.hostname or ""
    plain = re.fullmatch(r"[A-Za-z0-9\[\]:/._~%-]{1,2048}", text)
    if url.username is not None or url.password is not None:
        raise ValueError("must hold no user or password: a key is a secret of its own")
    if (
        url.scheme not in ("http", "https")
        or not plain
        or port == 0
        or not (_CONTAINER.fullmatch(host) or _is_host(host))
    ):
        raise ValueError("must be a URL such as https://api.example.com/v1, without query or fragment")
    if host.startswith("169.254.") or host == "fd00:ec2::254":
        raise ValueError("must not be a link-local address: clouds serve machine credentials there")
    if url.scheme == "http" and not _is_near(host):
        raise ValueError("must begin with https:// (http is for loopback and private addresses)")
    return text


def _is_host(host: str) -> bool:
    try:
        host_address(host)
    except ValueError:
        return False
    return True


def _is_near(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost" or _CONTAINER.fullmatch(host) is not None
    return any(address in network for network in NEAR)


def image(text: str) -> str:
    """An image's reference with a tag or a digest; ``latest`` alone names nothing that could be promoted."""
    parts = _IMAGE.fullmatch(text)
    if parts is None:
        raise ValueError("must be an image reference such as registry.example.com/app:1.4")
    if not parts["digest"] and parts["tag"] in (None, ":latest"):
        raise ValueError("must name a tag other than latest, or a digest: latest is another image tomorrow")
    return text


def ssh_host_key(text: str) -> str:
    """A machine's public SSH key, type ed25519, as ``ssh-keyscan -t ed25519`` prints it after the address."""
    kind, _, rest = text.partition(" ")
    try:
        blob = base64.b64decode(rest.split(" ")[0], validate=True)
    except (binascii.Error, ValueError):
        blob = b""
    if kind != "ssh-ed25519" or not blob.startswith(_ED25519) or len(blob) != len(_ED25519) + _KEY_BYTES:
        raise ValueError("must be the machine's public key: ssh-ed25519 and the 68 characters after it")
    return f"{kind} {rest.split(' ')[0]}"


def wireguard_key(text: str) -> str:
    """A WireGuard public key: 32 bytes in base64, 44 characters, not all zero."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != _KEY_BYTES or not any(raw) or base64.b64encode(raw).decode() != text:
        raise ValueError("must be a WireGuard public key: 44 characters, as wg pubkey prints")
    return text


def day(value: Any) -> date:
    """A day, as ``2027-01-31``; a day without quotes in a stack's file is one too."""
    if isinstance(value, date):
        return value
    text = value.removesuffix(_MIDNIGHT) if isinstance(value, str) else ""
    try:
        return date.fromisoformat(text if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else "")
    except ValueError:
        raise ValueError("must be a day such as 2027-01-31") from None


Port = Annotated[int, Field(ge=1, le=65535)]
Name = Annotated[str, Field(pattern=r"^[a-z](?:[a-z0-9_-]{0,38}[a-z0-9])?$")]
User = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]
Mail = Annotated[str, Field(pattern=r"^[A-Za-z0-9._+-]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)+$", max_length=254)]
HostName = Annotated[str, AfterValidator(host_name)]
HostAddress = Annotated[str, AfterValidator(host_address)]
IpLiteral = Annotated[str, AfterValidator(ip_literal)]
PrivateNetwork = Annotated[IPv4Network, PlainValidator(private_network)]
Cidr = Annotated[str, AfterValidator(cidr)]
Endpoint = Annotated[str, AfterValidator(endpoint)]
Image = Annotated[str, AfterValidator(image)]
HostKey = Annotated[str, AfterValidator(ssh_host_key)]
WireGuardKey = Annotated[str, AfterValidator(wireguard_key)]
Day = Annotated[date, PlainValidator(day), PlainSerializer(date.isoformat, return_type=str, when_used="json")]
