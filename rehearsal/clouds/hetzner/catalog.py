"""What the emulated cloud sells: locations, server types, images.

Sizes and architectures follow the public product pages; prices are made up (one cent an hour per core): nothing may be
calculated from a rehearsal.
"""

from __future__ import annotations

from typing import Any, Final

Row = dict[str, Any]
_MADE: Final = "2024-01-01T00:00:00Z"

_LOCATIONS: Final = (
    ("fsn1", "Falkenstein DC Park 1", "DE", "Falkenstein", 50.47612, 12.370071, "eu-central"),
    ("nbg1", "Nuremberg DC Park 1", "DE", "Nuremberg", 49.452102, 11.076665, "eu-central"),
    ("hel1", "Helsinki DC Park 1", "FI", "Helsinki", 60.169855, 24.938379, "eu-central"),
    ("ash", "Ashburn, VA", "US", "Ashburn, VA", 39.045821, -77.487073, "us-east"),
    ("hil", "Hillsboro, OR", "US", "Hillsboro, OR", 45.54222, -122.951924, "us-west"),
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

# Name, cores, memory in GB, disk in GB, CPU, architecture.
_TYPES: Final = (
    ("cx22", 2, 4.0, 40, "shared", "x86"),
    ("cx32", 4, 8.0, 80, "shared", "x86"),
    ("cx42", 8, 16.0, 160, "shared", "x86"),
    ("cx52", 16, 32.0, 320, "shared", "x86"),
    ("cx23", 2, 4.0, 40, "shared", "x86"),
    ("cx33", 4, 8.0, 80, "shared", "x86"),
    ("cx43", 8, 16.0, 160, "shared", "x86"),
    ("cx53", 16, 32.0, 320, "shared", "x86"),
    ("cpx11", 2, 2.0, 40, "shared", "x86"),
    ("cpx21", 3, 4.0, 80, "shared", "x86"),
    ("cpx31", 4, 8.0, 160, "shared", "x86"),
    ("cpx41", 8, 16.0, 240, "shared", "x86"),
    ("cax11", 2, 4.0, 40, "shared", "arm"),
    ("cax21", 4, 8.0, 80, "shared", "arm"),
    ("cax31", 8, 16.0, 160, "shared", "arm"),
    ("cax41", 16, 32.0, 320, "shared", "arm"),
    ("ccx13", 2, 8.0, 80, "dedicated", "x86"),
    ("ccx23", 4, 16.0, 160, "dedicated", "x86"),
    ("ccx33", 8, 32.0, 240, "dedicated", "x86"),
)


def _price(cores: int) -> Row:
    return {
        "price_hourly": {"net": f"{cores / 100:.10f}", "gross": f"{cores / 100:.10f}"},
        "price_monthly": {"net": f"{cores * 7.2:.10f}", "gross": f"{cores * 7.2:.10f}"},
        "included_traffic": 20_000_000_000_000,
        "price_per_tb_traffic": {"net": "1.0000000000", "gross": "1.0000000000"},
    }


def _server_type(number: int, facts: tuple[str, int, float, int, str, str]) -> Row:
    name, cores, memory, disk, cpu, architecture = facts
    places = [location for location in LOCATIONS if location["network_zone"] == "eu-central" or cpu == "dedicated"]
    return {
        "id": number,
        "name": name,
        "description": name.upper(),
        "cores": cores,
        "memory": memory,
        "disk": disk,
        "deprecated": False,
        "deprecation": None,
        "prices": [{"location": place["name"], **_price(cores)} for place in places],
        "storage_type": "local",
        "cpu_type": cpu,
        "architecture": architecture,
        "category": "general_purpose" if cpu == "dedicated" else "cost_optimized",
        "locations": [
            {"id": p["id"], "name": p["name"], "available": True, "recommended": True, "deprecation": None}
            for p in places
        ],
    }


SERVER_TYPES: Final[tuple[Row, ...]] = tuple(_server_type(number, facts) for number, facts in enumerate(_TYPES, 1))

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


def _datacenter(location: Row) -> Row:
    sold = [kind["id"] for kind in SERVER_TYPES if any(p["name"] == location["name"] for p in kind["locations"])]
    return {
        "id": location["id"],
        "name": f"{location['name']}-dc1",
        "description": f"{location['city']} 1 virtual DC 1",
        "location": location,
        "server_types": {"supported": sold, "available": sold, "available_for_migration": sold},
    }


DATACENTERS: Final[tuple[Row, ...]] = tuple(_datacenter(location) for location in LOCATIONS)

PRICING: Final[Row] = {
    "currency": "EUR",
    "vat_rate": "19.000000",
    "image": {"price_per_gb_month": {"net": "0.0100000000", "gross": "0.0100000000"}},
    "volume": {"price_per_gb_month": {"net": "0.0500000000", "gross": "0.0500000000"}},
    "server_backup": {"percentage": "20.0000000000"},
    "floating_ips": [],
    "primary_ips": [
        {"type": kind, "prices": [{"location": place["name"], **_price(0)} for place in LOCATIONS]}
        for kind in ("ipv4", "ipv6")
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
