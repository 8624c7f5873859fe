"""The emulated OVH with an account in it, and OVH's own SDK for Python as its client."""

from __future__ import annotations

import json
import urllib.request

import ovh.client

from rehearsal.clouds.kit.api import ApiServer
from rehearsal.clouds.ovh.nameserver import NameServer
from rehearsal.clouds.ovh.service import Service
from rehearsal.clouds.ovh.store import Store

APPLICATION, SECRET, CONSUMER = "application-of-tests", "canary-application-secret", "canary-consumer-key"
ZONE, NAMESERVER = "example.com", "dns1.example.net"
EVERYTHING = [{"method": method, "path": "/domain/zone/*"} for method in ("GET", "POST", "PUT", "DELETE")]


def seed(address="127.0.0.1"):
    """What is in the account: keys of all kinds, and a zone whose name server is at an address."""
    consumers = {
        CONSUMER: EVERYTHING,
        "key-that-reads": EVERYTHING[:1],
        "key-of-another-zone": [{**rule, "path": "/domain/zone/example.org/*"} for rule in EVERYTHING],
    }
    rows = {key: {"application": APPLICATION, "rules": rules} for key, rules in consumers.items()}
    rows["key-not-validated"] = {**rows[CONSUMER], "status": "pendingValidation"}
    return {
        "applications": {APPLICATION: {"secret": SECRET}},
        "consumers": rows,
        "zones": {ZONE: {"nameservers": {NAMESERVER: address}}},
    }


class Ovh:
    """The API and the name server, in threads of this process."""

    def __init__(self, address="127.0.0.1", *, dns_port=0, machines=False):
        self.store = Store(None, seed(address))
        self.server = ApiServer(Service(self.store), f"{address}:0", machines=machines).start()
        self.dns = NameServer(self.store, f"{address}:{dns_port}", machines=machines).start()

    def client(self, application=APPLICATION, secret=SECRET, consumer=CONSUMER):
        """OVH's SDK, which knows endpoints by name."""
        ovh.client.ENDPOINTS["rehearsal"] = self.server.url
        return ovh.Client("rehearsal", application, secret, consumer, timeout=120)

    def control(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.server.control_url + path, data, method=method)  # noqa: S310  # loopback
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            return json.loads(answer.read())

    def calls(self, *methods):
        """Method and path of the calls so far, below the zone."""
        return [
            f"{row['method']} {row['path'].removeprefix(f'/1.0/domain/zone/{ZONE}')}"
            for row in self.control("GET", "/journal")
            if not methods or row["method"] in methods
        ]

    def close(self):
        self.dns.close()
        self.server.stop()
