"""DNS records of a zone. Source: the reference of `/zones/{zone_id}/dns_records` and its list of error codes."""

from __future__ import annotations

import ipaddress
import uuid
from typing import TYPE_CHECKING, Any, Final

from rehearsal.clouds.cloudflare.envelope import ApiError, Record, Request, need, only, page, success
from rehearsal.clouds.cloudflare.store import stamp

if TYPE_CHECKING:
    from rehearsal.clouds.cloudflare.routing import Router
    from rehearsal.clouds.cloudflare.store import Data, Store
    from rehearsal.clouds.cloudflare.zones import Zones

TYPES: Final = frozenset(
    [
        "A",
        "AAAA",
        "CAA",
        "CERT",
        "CNAME",
        "DNSKEY",
        "DS",
        "HTTPS",
        "LOC",
        "MX",
        "NAPTR",
        "NS",
        "OPENPGPKEY",
        "PTR",
        "SMIMEA",
        "SRV",
        "SSHFP",
        "SVCB",
        "TLSA",
        "TXT",
        "URI",
    ],
)
_PROXIABLE: Final = ("A", "AAAA", "CNAME")
_ALONE: Final = "CNAME"
_LEAST_TTL, _MOST_TTL = 60, 86400
_FIELDS: Final = ("name", "type", "content", "ttl", "proxied", "priority", "data", "comment", "tags", "settings")


class DnsRecords:
    """The records of all zones.

    Args:
        store: The state.
        zones: The zones that hold them.
    """

    def __init__(self, store: Store, zones: Zones) -> None:
        self._store, self._zones = store, zones

    def mount(self, router: Router) -> None:
        """Enters the calls."""
        base = "/zones/{zone}/dns_records"
        router.add("GET", base, self._list)
        router.add("POST", base, self._create)
        router.add("GET", base + "/{record}", lambda _r, zone, record: success(_shown(self._record(zone, record))))
        router.add("PUT", base + "/{record}", self._replace)
        router.add("PATCH", base + "/{record}", self._patch)
        router.add("DELETE", base + "/{record}", self._delete)

    def _list(self, request: Request, zone: str) -> Record:
        self._zones.zone(zone)
        rows = [row for row in self._store.all("dns_records").values() if row["zone"] == zone]
        query = {key.removesuffix(".exact"): value for key, value in request.query.items()}
        records = only(rows, query, "name", "type", "content", "comment")
        return page([_shown(row) for row in records], request.query)

    def _record(self, zone: str, record: str) -> Record:
        self._zones.zone(zone)
        row: Record | None = self._store.get("dns_records", record)
        if row is None or row["zone"] != zone:
            raise ApiError(404, 81044, "Record does not exist.")
        return row

    def _create(self, request: Request, zone: str) -> Record:
        name = self._zones.zone(zone)["name"]
        now = stamp(self._store.now())
        record = {
            **_whole(request.body, name),
            "id": uuid.uuid4().hex,
            "zone": zone,
            "created_on": now,
            "modified_on": now,
        }
        return self._keep(record)

    def _replace(self, request: Request, zone: str, record: str) -> Record:
        old = self._record(zone, record)
        kept = {key: old[key] for key in ("id", "zone", "created_on")}
        now = stamp(self._store.now())
        return self._keep({**_whole(request.body, self._zones.zone(zone)["name"]), **kept, "modified_on": now})

    def _patch(self, request: Request, zone: str, record: str) -> Record:
        old = self._record(zone, record)
        merged = {key: old[key] for key in _FIELDS if key in old} | request.body
        return self._replace(Request("PUT", request.path, {}, merged), zone, record)

    def _keep(self, record: Record) -> Record:
        with self._store.change() as data:
            _refuse_clash(data, record)
            data["dns_records"][record["id"]] = record
        return success(_shown(record))

    def _delete(self, _request: Request, zone: str, record: str) -> Record:
        gone = self._record(zone, record)
        with self._store.change() as data:
            data["dns_records"].pop(record, None)
        # The reference answers the id alone; more does no harm and is what the recordings have.
        return success(_shown(gone))


def _shown(record: Record) -> Record:
    return {key: value for key, value in record.items() if key != "zone"}


def _whole(body: Record, zone: str) -> Record:
    """The body with everything that a record has.

    Raises:
        ApiError: As the reference numbers them.
    """
    need(body, "type", "name")
    kind, proxied = str(body["type"]).upper(), bool(body.get("proxied", False))
    if kind not in TYPES:
        raise ApiError(400, 9004, f"Invalid record type {kind}.")
    if proxied and kind not in _PROXIABLE:
        raise ApiError(400, 9041, "This DNS record cannot be proxied.")
    if "data" not in body:
        need(body, "content", code=9020)
        _check_content(kind, str(body["content"]))
    ttl = body.get("ttl", 1)
    if ttl != 1 and not _LEAST_TTL <= ttl <= _MOST_TTL:
        raise ApiError(400, 9021, "Invalid TTL. Must be between 60 and 86,400 seconds, or 1 for Automatic.")
    record: Record = {"comment": None, "tags": [], "settings": {}, "meta": {}}
    record |= {key: body[key] for key in _FIELDS if body.get(key) is not None}
    # A proxied record always has the automatic TTL, whatever was asked for.
    record |= {
        "name": full_name(str(body["name"]), zone),
        "type": kind,
        "proxied": proxied,
        "ttl": 1 if proxied else ttl,
    }
    return record | {"proxiable": kind in _PROXIABLE}


def full_name(name: str, zone: str) -> str:
    """The name with its zone: `@` is the zone itself, a name outside it gets it appended."""
    plain = name.rstrip(".").lower()
    if plain in ("@", zone):
        return zone
    return plain if plain.endswith(f".{zone}") else f"{plain}.{zone}"


def _check_content(kind: str, content: str) -> None:
    family: dict[str, tuple[Any, int]] = {"A": (ipaddress.IPv4Address, 9005), "AAAA": (ipaddress.IPv6Address, 9006)}
    if kind not in family:
        return
    parse, code = family[kind]
    try:
        parse(content)
    except ValueError:
        raise ApiError(400, code, f"Content for {kind} record must be a valid {parse.__name__[:4]} address.") from None


def _refuse_clash(data: Data, record: Record) -> None:
    there = [
        row
        for row in data["dns_records"].values()
        if row["zone"] == record["zone"] and row["name"] == record["name"] and row["id"] != record["id"]
    ]
    if any(row["type"] == record["type"] and row.get("content") == record.get("content") for row in there):
        raise ApiError(400, 81058, "An identical record already exists.")
    hosts = [row for row in there if row["type"] in _PROXIABLE]
    if record["type"] in _PROXIABLE and any(_ALONE in (row["type"], record["type"]) for row in hosts):
        raise ApiError(400, 81053, "An A, AAAA, or CNAME record with that host already exists.")
