"""The API apart from HTTP: signatures, the rights of a consumer key, zones and their records.

Sources: ovh/python-ovh, ovh/client.py; ovh/go-ovh, ovh/ovh.go and ovh/error.go; libdns/ovh, client.go and models.go;
go-acme/lego#815 (records are served after a refresh only). README.md says which words are from where.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import parse_qsl, unquote

from rehearsal.clouds.kit.api import Answer, Api, Call, parsed
from rehearsal.clouds.kit.faults import Faults
from rehearsal.clouds.kit.journal import Journal
from rehearsal.clouds.kit.routing import NoRouteError, Routes
from rehearsal.clouds.ovh import records
from rehearsal.clouds.ovh.errors import OvhError, missing, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rehearsal.clouds.kit.faults import Fault
    from rehearsal.clouds.ovh.store import Record, Store

_SKEW: Final = 30
"""Seconds that a caller's clock may be off."""
_OWN: Final = "/auth/currentCredential"
"""Granted to every key."""
_ZONE: Final = "/domain/zone/([^/]+)"


@dataclass(frozen=True, slots=True)
class Request:
    """One call.

    Attributes:
        consumer: The consumer key's row.
        query: Parameters of the query.
        body: The JSON object of the body.
        zone: Zone in the path.
        record: Record's id in the path.
    """

    consumer: Mapping[str, Any]
    query: Mapping[str, str]
    body: Mapping[str, Any]
    zone: str = ""
    record: str = ""


class Service(Api):
    """The emulated API.

    Args:
        store: What is there.
    """

    root: ClassVar[str] = "/1.0"

    def __init__(self, store: Store) -> None:
        super().__init__(Faults(), Journal(bodies=True))
        self._store = store
        self._routes: Routes[Callable[[Request], Any]] = Routes()
        for method, pattern, act in (
            ("GET", _OWN, self._credential),
            ("GET", "/domain/zone", lambda _: sorted(self._store.all("zones"))),
            ("GET", _ZONE, self._zone),
            ("GET", f"{_ZONE}/status", self._status),
            ("GET", f"{_ZONE}/soa", self._soa),
            ("GET", f"{_ZONE}/export", self._export),
            ("POST", f"{_ZONE}/refresh", lambda request: self._store.refresh(request.zone)),
            ("GET", f"{_ZONE}/record", self._list),
            ("POST", f"{_ZONE}/record", self._create),
            ("GET", f"{_ZONE}/record/([0-9]+)", self._shown),
            ("PUT", f"{_ZONE}/record/([0-9]+)", self._update),
            ("DELETE", f"{_ZONE}/record/([0-9]+)", self._delete),
        ):
            self._routes.add(method, pattern, act)

    def controls(self) -> dict[tuple[str, str], Callable[[dict[str, Any]], Any]]:
        """Those of every cloud, and the clock."""
        return super().controls() | {("POST", "/clock"): lambda body: self._store.advance(float(body["advance"]))}

    def error(self, fault: Fault) -> Answer:
        """In OVH's own shape; a code is its `errorCode`."""
        return Answer(fault.status, OvhError(fault.status, fault.message, str(fault.code or "")).body())

    def answer(self, call: Call) -> Answer:
        """What the call gets."""
        try:
            # `null`, and not nothing: the SDK for Python reads JSON from every answer but 204.
            value = self._answered(call)
            return Answer(200, b"null" if value is None else value, {"Content-Type": "application/json"})
        except OvhError as problem:
            return Answer(problem.status, problem.body())

    def _answered(self, call: Call) -> Any:
        path = re.sub("^/(1.0|v1)/", "/", call.path)
        if path == call.path:
            raise missing("Got an invalid (or empty) URL")
        if (call.method, path) == ("GET", "/auth/time"):
            return int(self._store.now())
        consumer = self._caller(call)
        if path != _OWN:
            self._granted(consumer, call.method, path)
        try:
            act, match = self._routes.find(call.method, path)
        except NoRouteError:
            raise missing("Got an invalid (or empty) URL") from None
        content = parsed(call.content) if call.content else {}
        if not isinstance(content, dict):
            raise wrong("Invalid JSON received")
        zone, record = (*(unquote(part) for part in match.groups()), "", "")[:2]
        if zone and self._store.get("zones", zone) is None:
            raise missing("This service does not exist")
        if record and (self._store.get("records", record) or {}).get("zone") != zone:
            raise missing(f"The requested object (id = {record}) does not exist")
        query = dict(parse_qsl(call.query, keep_blank_values=True))
        return act(Request(consumer, query, content, zone, record))

    def _caller(self, call: Call) -> Mapping[str, Any]:
        """The consumer key that a call is signed for."""
        headers = {name.lower(): value for name, value in call.headers.items()}
        application = self._store.get("applications", headers.get("x-ovh-application", ""))
        if application is None:
            raise OvhError(403, "This application key is invalid", "INVALID_KEY")
        key, stamp = headers.get("x-ovh-consumer", ""), headers.get("x-ovh-timestamp", "")
        if not key:
            raise OvhError(401, "You must login first", "NOT_CREDENTIAL")
        if not stamp.isdecimal() or abs(int(stamp) - self._store.now()) > _SKEW:
            raise OvhError(400, "Query out of time", "QUERY_TIME_OUT")
        consumer = self._store.get("consumers", key)
        if consumer is None or consumer["application"] != headers["x-ovh-application"]:
            raise OvhError(403, "This credential does not exist", "NOT_CREDENTIAL")
        url = f"{call.scheme}://{headers.get('host', '')}{call.path}{'?' if call.query else ''}{call.query}"
        parts = (application["secret"], key, call.method, url, call.content.decode("utf-8", "replace"), stamp)
        # The interface's own signature: no choice of ours (ovh/python-ovh, ovh/client.py, raw_call).
        signature = "$1$" + hashlib.sha1("+".join(parts).encode(), usedforsecurity=False).hexdigest()
        if not hmac.compare_digest(signature.encode(), headers.get("x-ovh-signature", "").encode()):
            raise OvhError(400, "Invalid signature", "INVALID_SIGNATURE")
        if consumer.get("status", "validated") != "validated":
            raise OvhError(403, "This credential is not valid", "INVALID_CREDENTIAL")
        return dict(consumer)

    @staticmethod
    def _granted(consumer: Mapping[str, Any], method: str, path: str) -> None:
        """Whether one of the key's rules is for the call; ``*`` in its path stands for anything."""
        for rule in consumer["rules"]:
            pattern = re.escape(rule["path"]).replace(r"\*", ".*")
            if rule["method"] == method and re.fullmatch(pattern, path):
                return
        raise OvhError(403, "This call has not been granted", "NOT_GRANTED_CALL", "Client::Forbidden")

    @staticmethod
    def _credential(request: Request) -> Record:
        return {
            "credentialId": 1,
            "applicationId": 1,
            "status": "validated",
            "rules": request.consumer["rules"],
            "allowedIPs": None,
            "expiration": None,
            "ovhSupport": False,
        }

    def _zone(self, request: Request) -> Record:
        row = self._store.get("zones", request.zone)
        servers = sorted(row["nameservers"])
        return {"name": request.zone, "nameServers": servers, "dnssecSupported": True, "hasDnsAnycast": False}

    def _status(self, request: Request) -> Record:
        return {"isDeployed": self._store.deployed(request.zone), "errors": [], "warnings": []}

    def _soa(self, request: Request) -> Record:
        row = self._store.get("zones", request.zone)
        return {
            "server": next(iter(sorted(row["nameservers"])), ""),
            "email": f"tech.{request.zone}.",
            "serial": row["serial"],
            "refresh": 86400,
            "expire": 3600000,
            "nxDomainTtl": 60,
            "ttl": 3600,
        }

    def _export(self, request: Request) -> str:
        soa = self._soa(request)
        counts = f"{soa['serial']} {soa['refresh']} 3600 {soa['expire']} {soa['nxDomainTtl']}"
        head = ["$TTL 3600", f"@ IN SOA {soa['server']}. {soa['email']} ({counts})"]
        return "\n".join([*head, *map(records.line, self._store.of_zone(request.zone))]) + "\n"

    def _list(self, request: Request) -> list[int]:
        """The ids; names are compared without case, as the API's own description says of its filters (``ilike``)."""
        kind, name = request.query.get("fieldType"), request.query.get("subDomain")
        return [
            row["id"]
            for row in self._store.of_zone(request.zone)
            if kind in (None, "", row["fieldType"]) and (name is None or name.lower() == row["subDomain"].lower())
        ]

    def _shown(self, request: Request) -> Record:
        return dict(self._store.get("records", request.record))

    def _create(self, request: Request) -> Record:
        row = records.fields(request.body)
        if lacks := sorted({"fieldType", "target"} - row.keys()):
            raise wrong(f"Missing required parameter {lacks[0]}")
        with self._store.lock:
            kept = records.checked(row, self._store.of_zone(request.zone))
            number = self._store.new_id("records")
            with self._store.change() as data:
                data["records"][str(number)] = {"id": number, "zone": request.zone, **kept}
        return dict(self._store.get("records", str(number)))

    def _update(self, request: Request) -> None:
        changed = records.fields(request.body, ("subDomain", "target", "ttl"))
        with self._store.lock:
            row = self._store.get("records", request.record)
            others = [other for other in self._store.of_zone(request.zone) if other["id"] != row["id"]]
            kept = records.checked({**row, **changed}, others)
            with self._store.change() as data:
                data["records"][request.record] |= kept

    def _delete(self, request: Request) -> None:
        with self._store.change() as data:
            del data["records"][request.record]
