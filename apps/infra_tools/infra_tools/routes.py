"""Public host names of a tunnel: its rules, in order, and the DNS records that lead into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from infra_tools.cloudflare_api import warn_owned
from infra_tools.console import ToolError

if TYPE_CHECKING:
    from infra_tools.cloudflare_api import Api
    from infra_tools.console import Console

PROXY: Final = "http://caddy:80"
_NOBODY: Final = "http_status:404"
_INTO: Final = ".cfargotunnel.com"
_COMMENT: Final = "setup-cloudflare-tunnel-routes.py"
_ADDRESSES: Final = ("A", "AAAA", "CNAME")


class Tunnel:
    """One tunnel, configured from Cloudflare.

    Args:
        api: Cloudflare.
        console: Where warnings go.

    Raises:
        ToolError: There is none, or files on its host configure it.
    """

    def __init__(self, api: Api, console: Console) -> None:
        self._api, self._console = api, console
        self._path = f"{api.account}/cfd_tunnel/{api.tunnel}"
        about = api.get(self._path)
        if about.get("deleted_at"):
            raise ToolError(f"the tunnel {api.tunnel} is deleted\nfix: export CLOUDFLARE_TUNNEL_ID=<one that is there>")
        if about.get("config_src") == "local":
            # What is put there would take the place of those files, and of every route in them.
            raise ToolError(
                f"the tunnel {about['name']} is configured by files where cloudflared runs, not from Cloudflare\n"
                "fix: add the host name there; a homeport stack does it from its settings: homeport up"
            )
        self._name = str(about["name"])
        self._config: dict[str, Any] = api.get(f"{self._path}/configurations").get("config") or {}

    @property
    def rules(self) -> list[dict[str, Any]]:
        """Its rules; the last one takes everything."""
        return list(self._config.get("ingress") or [])

    def _put(self, rules: list[dict[str, Any]]) -> None:
        if self._api.owned(self._name):
            warn_owned(self._console, f"the tunnel {self._name}")
        self._config = {**self._config, "ingress": rules}
        self._api.send("PUT", f"{self._path}/configurations", {"config": self._config})

    def add(self, hosts: list[str], service: str) -> dict[str, str]:
        """Leads host names to a service; what became of each rule: `added`, `changed` or `unchanged`."""
        rules, results = self.rules, dict[str, str]()
        if not rules or not _takes_all(rules[-1]):
            rules.append({"service": _NOBODY})
        for host in hosts:
            there = [rule for rule in rules if _host(rule) == host and not rule.get("path")]
            for rule in there:
                results[host] = "unchanged" if rule["service"] == service else "changed"
                rule["service"] = service
            if not there:
                place = next(number for number, rule in enumerate(rules) if _covers(rule, host))
                rules.insert(place, {"hostname": host, "service": service})
                results[host] = "added"
        if set(results.values()) - {"unchanged"} or rules != self.rules:
            self._put(rules)
        return results

    def remove(self, host: str) -> str:
        """Takes all rules of one host name away: `removed` or `absent`."""
        rules = [rule for rule in self.rules if _host(rule) != host]
        if rules == self.rules:
            return "absent"
        self._put(rules)
        return "removed"

    def _records(self, host: str) -> list[dict[str, Any]]:
        return [
            row
            for row in self._api.rows(f"{self._api.zone}/dns_records", {"name.exact": host})
            if str(row["name"]).lower() == host
        ]

    def lead(self, host: str) -> str:
        """Makes the host name's DNS record lead into the tunnel: `added`, `changed` or `unchanged`.

        Raises:
            ToolError: The name leads elsewhere.
        """
        target = f"{self._api.tunnel}{_INTO}"
        body = {"type": "CNAME", "name": host, "content": target, "proxied": True, "ttl": 1}
        path = f"{self._api.zone}/dns_records"
        there = [row for row in self._records(host) if row["type"] in _ADDRESSES]
        if not there:
            self._api.send("POST", path, {**body, "comment": _COMMENT})
            return "added"
        row = there[0]
        if row["type"] != "CNAME" or not str(row["content"]).endswith(_INTO):
            raise ToolError(
                f"{host}: there is a record of type {row['type']} already that leads elsewhere; it is left alone\n"
                f"fix: remove that record in Cloudflare's dashboard, then run this again"
            )
        if row["content"] == target and row.get("proxied"):
            return "unchanged"
        if self._api.owned(row.get("comment")):
            warn_owned(self._console, f"the record of {host}")
        self._api.send("PATCH", f"{path}/{row['id']}", {**body, "comment": row.get("comment") or _COMMENT})
        return "changed"

    def forget(self, host: str) -> str:
        """Removes the record by which the host name leads into this tunnel: `removed` or `absent`."""
        result = "absent"
        for row in self._records(host):
            if row["type"] != "CNAME" or row["content"] != f"{self._api.tunnel}{_INTO}":
                if row["type"] in _ADDRESSES:
                    self._console.warn(f"{host}: its record of type {row['type']} leads elsewhere, and is left alone")
                continue
            if self._api.owned(row.get("comment")):
                warn_owned(self._console, f"the record of {host}")
            self._api.send("DELETE", f"{self._api.zone}/dns_records/{row['id']}")
            result = "removed"
        return result


def _host(rule: dict[str, Any]) -> str:
    return str(rule.get("hostname") or "").lower()


def _takes_all(rule: dict[str, Any]) -> bool:
    return _host(rule) in ("", "*") and not rule.get("path")


def _covers(rule: dict[str, Any], host: str) -> bool:
    """Whether a rule would take the requests of a host name that comes after it."""
    name = _host(rule)
    return _takes_all(rule) or (name.startswith("*.") and host.endswith(name[1:]))
