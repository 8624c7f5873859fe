"""What the emulated cloud sells: locations, server types, images.

Sizes, architectures and prices are those of the public product pages on `PRICES_OF`; Hetzner has changed its prices
twice in 2026, so what a server costs is asked of the real API (`homeport preflight`), never read here.
What is sold where: https://docs.hetzner.cloud/changelog#2025-10-16-server-types-deprecated (cx22 to cx52 are gone
everywhere, cpx11 to cpx51 at the three European locations) and #2026-04-01-datacenter-deprecations (`locations` of a
type say whether it can be ordered: `available`).
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final

Row = dict[str, Any]
_MADE: Final = "2024-01-01T00:00:00Z"

_LOCATIONS: Final = (
    ("fsn1", "Falkenstein DC Park 1", "DE", "Falkenstein", 50.47612, 12.370071, "eu-central"),
    ("nbg1", "Nuremberg DC Park 1", "DE", "Nuremberg", 49.452102, 11.076665, "eu-central"),
    ("hel1", "Helsinki DC Park 1", "FI", "Helsinki", 60.169855, 24.938379, "eu-central"),
    ("ash", "Ashburn, VA", "US", "Ashburn, VA", 39.045821, -77.487073, "us-east"),
    ("hil", "Hillsboro, OR", "US", "Hillsboro, OR", 45.54222, -122.951924, "us-west"),
    ("sin", "Singapore", "SG", "Singapore", 1.283333, 103.833333, "ap-southeast"),
)
LOCATIONS: Final[tuple[Row, ...]] = tuple(
    {
        "id": number,
        "name": name,
        "description": text,
        "country": country,
        "city": city,
        "latitude": latitude,
        "longitude": longitude,
        "network_zone": zone,
    }
    for number, (name, text, country, city, latitude, longitude, zone) in enumerate(_LOCATIONS, 1)
)
ZONES: Final = frozenset(location["network_zone"] for location in LOCATIONS)

PRICES_OF: Final = date(2026, 4, 15)
"""The day whose prices these are: euro a month in Europe without tax; another location has the same here."""
GONE: Final = date(2025, 12, 31)
"""Since when the generation before cannot be ordered."""
_EUROPE: Final = frozenset(row["name"] for row in LOCATIONS if row["network_zone"] == "eu-central")
_ELSEWHERE: Final = frozenset(row["name"] for row in LOCATIONS) - _EUROPE
_EVERYWHERE: Final = _EUROPE | _ELSEWHERE

# Name, cores, memory in GB, disk in GB, CPU, architecture, price; then where it is sold.
_TYPES: Final = (
    (("cx23", 2, 4.0, 40, "shared", "x86", 3.99), _EUROPE),
    (("cx33", 4, 8.0, 80, "shared", "x86", 6.49), _EUROPE),
    (("cx43", 8, 16.0, 160, "shared", "x86", 11.99), _EUROPE),
    (("cx53", 16, 32.0, 320, "shared", "x86", 22.49), _EUROPE),
    (("cpx22", 2, 4.0, 80, "shared", "x86", 7.99), _EUROPE),
    (("cpx32", 4, 8.0, 160, "shared", "x86", 13.99), _EUROPE),
    (("cpx42", 8, 16.0, 320, "shared", "x86", 25.49), _EUROPE),
    (("cpx52", 12, 24.0, 480, "shared", "x86", 36.49), _EUROPE),
    (("cpx62", 16, 32.0, 640, "shared", "x86", 50.49), _EUROPE),
    (("cax11", 2, 4.0, 40, "shared", "arm", 4.49), _EUROPE),
    (("cax21", 4, 8.0, 80, "shared", "arm", 7.99), _EUROPE),
    (("cax31", 8, 16.0, 160, "shared", "arm", 15.99), _EUROPE),
    (("cax41", 16, 32.0, 320, "shared", "arm", 31.49), _EUROPE),
    (("ccx13", 2, 8.0, 80, "dedicated", "x86", 15.99), _EVERYWHERE),
    (("ccx23", 4, 16.0, 160, "dedicated", "x86", 31.49), _EVERYWHERE),
    (("ccx33", 8, 32.0, 240, "dedicated", "x86", 62.49), _EVERYWHERE),
    (("ccx43", 16, 64.0, 360, "dedicated", "x86", 124.99), _EVERYWHERE),
    (("ccx53", 32, 128.0, 600, "dedicated", "x86", 249.99), _EVERYWHERE),
    (("ccx63", 48, 192.0, 960, "dedicated", "x86", 374.49), _EVERYWHERE),
    # Still listed, without a `deprecation` of their own: only `locations` tell that Europe has them no more. What the
    # larger ones cost on that day was nowhere to be found, so no price is given.
    (("cpx11", 2, 2.0, 40, "shared", "x86", 5.99), _ELSEWHERE),
    (("cpx21", 3, 4.0, 80, "shared", "x86", 11.99), _ELSEWHERE),
    (("cpx31", 4, 8.0, 160, "shared", "x86", None), _ELSEWHERE),
    (("cpx41", 8, 16.0, 240, "shared", "x86", None), _ELSEWHERE),
    (("cpx51", 16, 32.0, 360, "shared", "x86", None), _ELSEWHERE),
)
_IPV4: Final = 0.50
_HOURS: Final = 624
"""A month costs at most as much as that many hours do."""


_VAT: Final = 19
"""Percent."""


def _amount(net: float) -> Row:
    return {"net": f"{net:.10f}", "gross": f"{net * (1 + _VAT / 100):.10f}"}


def _price(monthly: float) -> Row:
    return {
        "price_hourly": _amount(monthly / _HOURS),
        "price_monthly": _amount(monthly),
        "included_traffic": 20_000_000_000_000,
        "price_per_tb_traffic": _amount(1.0),
    }


def _at(place: Row, sold: frozenset[str]) -> Row:
    """A type at a location; where it went out of sale, with the day."""
    over = {"announced": "2025-10-16T00:00:00Z", "unavailable_after": f"{GONE}T00:00:00Z"}
    open_ = place["name"] in sold
    return {
        "id": place["id"],
        "name": place["name"],
        "available": open_,
        "recommended": open_,
        "deprecation": None if open_ else over,
    }


def _server_type(number: int, facts: tuple[str, int, float, int, str, str, float | None], sold: frozenset[str]) -> Row:
    name, cores, memory, disk, cpu, architecture, monthly = facts
    # The first generation of CPX was sold in Europe too, and is listed there as what it is: gone.
    places = [place for place in LOCATIONS if place["name"] in sold or sold == _ELSEWHERE]
    return {
        "id": number,
        "name": name,
        "description": name.upper(),
        "cores": cores,
        "memory": memory,
        "disk": disk,
        "deprecated": False,
        "deprecation": None,
        "prices": [{"location": place["name"], **_price(monthly)} for place in places if monthly is not None],
        "storage_type": "local",
        "cpu_type": cpu,
        "architecture": architecture,
        "category": "general_purpose" if cpu == "dedicated" else "cost_optimized",
        "locations": [_at(place, sold) for place in places],
    }


SERVER_TYPES: Final[tuple[Row, ...]] = tuple(
    _server_type(number, facts, sold) for number, (facts, sold) in enumerate(_TYPES, 1)
)
# For replays of what was recorded with them; the real API does not list them any more.
RETIRED: Final[tuple[Row, ...]] = tuple(
    _server_type(200 + number, (name, cores, memory, disk, "shared", "x86", None), _EUROPE)
    for number, (name, cores, memory, disk) in enumerate(
        (("cx22", 2, 4.0, 40), ("cx32", 4, 8.0, 80), ("cx42", 8, 16.0, 160), ("cx52", 16, 32.0, 320)), 1
    )
)

_IMAGES: Final = (
    ("ubuntu-24.04", "ubuntu", "24.04", "Ubuntu 24.04"),
    ("ubuntu-22.04", "ubuntu", "22.04", "Ubuntu 22.04"),
    ("debian-13", "debian", "13", "Debian 13"),
    ("debian-12", "debian", "12", "Debian 12"),
)


def _image(number: int, facts: tuple[str, str, str, str], architecture: str) -> Row:
    name, flavor, version, description = facts
    return {
        "id": number,
        "type": "system",
        "status": "available",
        "name": name,
        "description": description,
        "image_size": None,
        "disk_size": 5,
        "created": _MADE,
        "created_from": None,
        "bound_to": None,
        "os_flavor": flavor,
        "os_version": version,
        "rapid_deploy": True,
        "protection": {"delete": False},
        "deprecated": None,
        "deleted": None,
        "labels": {},
        "architecture": architecture,
    }


IMAGES: Final[tuple[Row, ...]] = tuple(
    _image(1 + index + len(_IMAGES) * offset, facts, architecture)
    for offset, architecture in enumerate(("x86", "arm"))
    for index, facts in enumerate(_IMAGES)
)


PRICING: Final[Row] = {
    "currency": "EUR",
    "vat_rate": f"{_VAT:.6f}",
    "image": {"price_per_gb_month": _amount(0.01)},
    "volume": {"price_per_gb_month": _amount(0.05)},
    "server_backup": {"percentage": "20.0000000000"},
    "floating_ips": [],
    "primary_ips": [
        {"type": kind, "prices": [{"location": place["name"], **_price(monthly)} for place in LOCATIONS]}
        for kind, monthly in (("ipv4", _IPV4), ("ipv6", 0.0))
    ],
    "server_types": [{key: kind[key] for key in ("id", "name", "prices")} for kind in SERVER_TYPES],
    "load_balancer_types": [],
}


def named(rows: tuple[Row, ...], key: int | str, **facts: Any) -> Row | None:
    """The row of that id or name whose other fields have the given values; None when there is none."""
    for row in rows:
        same = key in (row["id"], row["name"]) or str(key) == str(row["id"])
        if same and all(row[name] == value for name, value in facts.items()):
            return row
    return None
