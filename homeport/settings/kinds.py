"""What a single value may be. Each kind refuses by a sentence, and never repeats the value.

A value is never repeated in a message because somebody may have pasted a secret there (docs/requirements.md, A-04).
"""

import base64
import binascii
import re
from datetime import date
from decimal import Decimal
from ipaddress import IPv4Network
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, PlainValidator

from homeport.model import template
from homeport.model.addresses import PRIVATE, cidr, host_address, host_name, ip_literal, mail, url

_WIDEST, _NARROWEST = 16, 28
_LAST_PORT = 65535
# Source: distribution/reference, regexp.go.
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?P<path>(?:{_LABEL}(?:\.{_LABEL})*(?::(?P<port>[0-9]{{1,5}}))?/)?{_PART}(?:/{_PART})*)"
    r"(?P<tag>:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?P<digest>@sha256:[0-9a-f]{64})?"
)
_LONGEST_IMAGE = 255
# Curve25519's points of low order: with them every secret is the same, so no handshake ends well (RFC 7748, 6.1; the
# list: cr.yp.to/ecdh.html#validate).
_PRIME = 2**255 - 19
_WEAK_POINTS = frozenset(
    {
        0,
        1,
        _PRIME - 1,
        _PRIME,
        _PRIME + 1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
    }
)
_ED25519 = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"
_KEY_BYTES = 32
_LENGTHS = {b"\x30\x81": 1, b"\x30\x82": 2}
"""How a certificate begins, a sequence, and how many bytes its length is in (X.690, 8.1.3.5)."""
_TAKEN = re.compile(
    r"(?:/[A-Za-z0-9._@+-]+)+"
    r"|port:[1-9][0-9]{0,4}/(?:tcp|udp)|login:[a-z_][a-z0-9_-]{0,31}|chain:[A-Za-z0-9_-]{1,28}"
)
_LONGEST_TAKEN = 255
_OPENED = re.compile(r"(?P<port>[1-9][0-9]{0,4})/(?:tcp|udp)")
# What the engine makes of an unquoted date in Pulumi.<stack>.yaml (tried on 3.255.0).
_MIDNIGHT = " 00:00:00 +0000 UTC"


def as_text(value: Any) -> Any:
    """A number or a truth value as a text, where one is meant: YAML and ``config set --path`` read them.

    In a stack's file YAML has dropped what it takes for no part of a number: 1.10 is 1.1 without quotation marks.
    """
    if isinstance(value, bool):
        return str(value).lower()
    # Without an exponent: the engine writes 10000000 as 1e+07.
    return digits(value) if not isinstance(value, float) else f"{Decimal(repr(value)).normalize():f}"


def digits(value: Any) -> Any:
    """A whole number as a text, where a name may be one."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def contact(text: str) -> str:
    """A mail address that the proxy's configuration can hold; what may stand in one besides would end a word there."""
    try:
        template.PROXY(text)
    except template.UnwritableError:
        raise ValueError("must be a mail address without quotes, braces and stars, and with no # in front") from None
    return text


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


def route_host(text: str) -> str:
    """Where a route is: a label, which stands below the stack's domain, or a whole host name."""
    if re.fullmatch(_LABEL, text):
        return text
    try:
        return host_name(text)
    except ValueError:
        raise ValueError("must be a label such as hello, which stands below the domain, or a whole host name") from None


def image(text: str) -> str:
    """An image's reference with a tag or a digest; ``latest`` alone names nothing that could be promoted."""
    parts = _IMAGE.fullmatch(text)
    if parts is None or len(parts["path"]) > _LONGEST_IMAGE or not 1 <= int(parts["port"] or 1) <= _LAST_PORT:
        raise ValueError("must be an image reference such as registry.example.com/app:1.4")
    if not parts["digest"] and parts["tag"] in (None, ":latest"):
        raise ValueError("must name a tag other than latest, or a digest: latest is another image tomorrow")
    return text


def cores(number: float) -> float:
    """Processor cores, as a number that Docker's provider reads back as it was.

    Nine zeros in what it reads make it write one decimal only, 0.05 and 100.25 among them (toolchain/plugins/docker/
    container_state.py); each later preview would replace the container.
    """
    number, nine = round(number, 2), 9
    if f"{number:.9f}".count("0") == nine and round(number, 1) != number:
        raise ValueError("is a number that Docker's provider cannot keep: leave out its last digit")
    return number


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
    """A WireGuard public key: 32 bytes in base64, 44 characters, and no point with which every secret is the same."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    point = int.from_bytes(raw, "little") % 2**255
    if len(raw) != _KEY_BYTES or point in _WEAK_POINTS or base64.b64encode(raw).decode() != text:
        raise ValueError("must be a WireGuard public key: 44 characters, as wg pubkey prints")
    return text


def pem(text: str) -> str:
    """Certificates in PEM, each whole: of a cut one the proxy alone would know, which then does not start."""
    blocks = re.split(r"-----END CERTIFICATE-----\n*", text)
    for block in blocks[:-1] or [""]:
        first, _, rest = block.partition("\n")
        try:
            raw = base64.b64decode(rest.replace("\n", ""), validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        end = 2 + _LENGTHS.get(raw[:2], len(raw))
        if first != "-----BEGIN CERTIFICATE-----" or end + int.from_bytes(raw[2:end]) != len(raw):
            raise ValueError("must be certificates in PEM, each of them whole")
    if blocks[-1]:
        raise ValueError("must be certificates in PEM, with nothing behind them")
    return text


def taken(text: str) -> str:
    """What `take_over` may name: a whole path without steps upwards, or another thing by its kind."""
    if len(text) > _LONGEST_TAKEN or not _TAKEN.fullmatch(text) or "/.." in text:
        raise ValueError("must be a whole path such as /etc/ufw/user.rules, port:80/tcp, login:alice or chain:NAME")
    return text


def opened(text: str) -> str:
    """A port that strangers may reach, with its protocol."""
    parts = _OPENED.fullmatch(text)
    if parts is None or int(parts["port"]) > _LAST_PORT:
        raise ValueError("must be a port and its protocol, such as 443/tcp or 51820/udp")
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


Text = Annotated[str, BeforeValidator(as_text)]
Port = Annotated[int, Field(ge=1, le=65535)]
Name = Annotated[str, Field(pattern=r"^[a-z](?:[a-z0-9_-]{0,38}[a-z0-9])?$")]
ServiceName = Annotated[str, Field(pattern=r"^[a-z](?:[a-z0-9_.-]{0,38}[a-z0-9])?$")]
User = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]
Mail = Annotated[str, AfterValidator(mail)]
Contact = Annotated[Mail, AfterValidator(contact)]
HostName = Annotated[str, AfterValidator(host_name)]
RouteHost = Annotated[str, BeforeValidator(digits), AfterValidator(route_host)]
HostAddress = Annotated[str, AfterValidator(host_address)]
IpLiteral = Annotated[str, AfterValidator(ip_literal)]
PrivateNetwork = Annotated[IPv4Network, PlainValidator(private_network)]
Cidr = Annotated[str, AfterValidator(cidr)]
Endpoint = Annotated[str, AfterValidator(url)]
Image = Annotated[str, AfterValidator(image)]
LEAST_CORES, MOST_CORES = 0.1, 256
LEAST_MEMORY, MOST_MEMORY = 16, 1_048_576
"""In MB."""
Memory = Annotated[int, Field(ge=LEAST_MEMORY, le=MOST_MEMORY)]
Cores = Annotated[float, Field(ge=LEAST_CORES, le=MOST_CORES), AfterValidator(cores)]
DataFolder = Annotated[str, Field(pattern=r"^/(?:opt|srv|mnt)(?:/[A-Za-z0-9_][A-Za-z0-9._-]{0,62}){1,6}$")]
HostKey = Annotated[str, AfterValidator(ssh_host_key)]
Pem = Annotated[str, AfterValidator(pem)]
WireGuardKey = Annotated[str, AfterValidator(wireguard_key)]
Taken = Annotated[str, AfterValidator(taken)]
Opened = Annotated[str, AfterValidator(opened)]
Day = Annotated[date, PlainValidator(day), PlainSerializer(date.isoformat, return_type=str, when_used="json")]
