"""Firewall and FirewallAttachment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from toolchain.plugins.hcloud.resource import HcloudSdkType, body_of, changes_of
from toolchain.plugins.tfbridge.schema import Attr, group, mapping, number, text

if TYPE_CHECKING:
    from toolchain.plugins.base import Props
    from toolchain.plugins.tfbridge.schema import Block

Row = dict[str, Any]
_RULE: Final[Block] = {
    "direction": text(required=True),
    "protocol": text(required=True),
    "port": text(),
    "sourceIps": group(),
    "destinationIps": group(),
    "description": text(),
}
# Sets of numbers: sorted lists stand for them, as the order of a set of numbers is that of the numbers.
NUMBERS: Final = Attr(kind="list")


def _selector(selector: str) -> Row:
    return {"type": "label_selector", "label_selector": {"selector": selector}}


def _server(number: int) -> Row:
    return {"type": "server", "server": {"id": number}}


def _rules(plan: Props) -> list[Row]:
    names = {"direction": "direction", "protocol": "protocol", "port": "port", "description": "description"}
    names |= {"source_ips": "sourceIps", "destination_ips": "destinationIps"}
    bodies = [body_of(rule, **names) for rule in plan["rules"] or []]
    return [{field: value for field, value in body.items() if value not in ("", [])} for body in bodies]


class Firewall(HcloudSdkType):
    """A firewall with all of its rules."""

    schema: ClassVar[Block] = {
        "name": text(computed=True),
        "labels": mapping(computed=True),
        "rules": group(_RULE),
        "applyTos": group({"labelSelector": text(), "server": number()}, computed=True),
    }

    def make(self, plan: Props, news: Props) -> str:
        """Makes the firewall and applies it to what was given."""
        body = body_of(plan, name="name", labels="labels")
        answer = self.cloud.call("POST", "/firewalls", {**body, "rules": _rules(plan), **self._targets(plan)})
        self.cloud.wait(answer)
        return str(answer["firewall"]["id"])

    @staticmethod
    def _targets(plan: Props) -> Row:
        targets = plan["applyTos"] if isinstance(plan["applyTos"], list) else []
        entries = [
            _server(target["server"]) if target.get("server") else _selector(target["labelSelector"])
            for target in targets
        ]
        return {"apply_to": entries} if entries else {}

    def look(self, id: str, state: Props) -> Props | None:
        """Reads the firewall."""
        row = self.cloud.find(f"/firewalls/{id}", "firewall")
        return row and {
            "name": row["name"],
            "labels": row["labels"],
            "rules": [
                {
                    "direction": rule["direction"],
                    "protocol": rule["protocol"],
                    "port": rule.get("port") or "",
                    "sourceIps": sorted(rule.get("source_ips") or []),
                    "destinationIps": sorted(rule.get("destination_ips") or []),
                    "description": rule.get("description") or "",
                }
                for rule in row["rules"]
            ],
            "applyTos": [
                {
                    "server": (entry.get("server") or {}).get("id", 0),
                    "labelSelector": (entry.get("label_selector") or {}).get("selector", ""),
                }
                for entry in row["applied_to"]
            ],
        }

    def change(self, id: str, old: Props, plan: Props) -> None:
        """Changes rules, name, labels and targets."""
        row = self.cloud.call("GET", f"/firewalls/{id}")["firewall"]
        if old["rules"] != plan["rules"]:
            self.cloud.act(f"/firewalls/{id}/actions/set_rules", {"rules": _rules(plan)})
        body = changes_of(old, plan, name="name", labels="labels")
        if body:
            self.cloud.call("PUT", f"/firewalls/{id}", body)
        if old["applyTos"] != plan["applyTos"]:
            targets = self._targets(plan).get("apply_to", [])
            retarget(self, id, _bare(row["applied_to"]), targets)

    def remove(self, id: str, state: Props) -> None:
        """Takes the firewall off everything and removes it."""
        row = self.cloud.find(f"/firewalls/{id}", "firewall")
        if row is None:
            return
        retarget(self, id, _bare(row["applied_to"]), [])
        self.cloud.delete(f"/firewalls/{id}")


def _bare(entries: list[Row]) -> list[Row]:
    """Targets as the API wants them in a request."""
    return [
        _server(entry["server"]["id"]) if entry["type"] == "server" else _selector(entry["label_selector"]["selector"])
        for entry in entries
    ]


def retarget(kind: HcloudSdkType, id: str, before: list[Row], after: list[Row]) -> None:
    """Applies the firewall to what is new and takes it off what is no longer wanted."""
    new = [entry for entry in after if entry not in before]
    gone = [entry for entry in before if entry not in after]
    if new:
        kind.cloud.act(f"/firewalls/{id}/actions/apply_to_resources", {"apply_to": new})
    if gone:
        kind.cloud.act(f"/firewalls/{id}/actions/remove_from_resources", {"remove_from": gone})


class FirewallAttachment(HcloudSdkType):
    """What one firewall applies to, all of it; its id is that of the firewall."""

    autoname: ClassVar[bool] = False
    schema: ClassVar[Block] = {
        "firewallId": number(required=True, force_new=True),
        "serverIds": NUMBERS,
        "labelSelectors": group(),
    }

    def normal(self, values: Props) -> Props:
        """Numbers in order."""
        return with_sorted(values, "serverIds")

    @staticmethod
    def _wanted(plan: Props) -> list[Row]:
        servers = [_server(number) for number in plan["serverIds"] or []]
        return [*servers, *(_selector(selector) for selector in plan["labelSelectors"] or [])]

    def make(self, plan: Props, news: Props) -> str:
        """Applies the firewall."""
        retarget(self, str(plan["firewallId"]), [], self._wanted(plan))
        return str(plan["firewallId"])

    def look(self, id: str, state: Props) -> Props | None:
        """Reads what the firewall applies to; gone when it is nothing."""
        row = self.cloud.find(f"/firewalls/{id}", "firewall")
        if row is None or not row["applied_to"]:
            return None
        entries = _bare(row["applied_to"])
        servers = sorted(entry["server"]["id"] for entry in entries if entry["type"] == "server")
        selectors = sorted(entry["label_selector"]["selector"] for entry in entries if entry["type"] != "server")
        return {"firewallId": row["id"], "serverIds": servers or None, "labelSelectors": selectors or None}

    def change(self, id: str, old: Props, plan: Props) -> None:
        """Adds and removes targets."""
        retarget(self, id, self._wanted(old), self._wanted(plan))

    def remove(self, id: str, state: Props) -> None:
        """Takes the firewall off what it was applied to here."""
        row = self.cloud.find(f"/firewalls/{id}", "firewall")
        if row is not None:
            here = _bare(row["applied_to"])
            retarget(self, id, [entry for entry in self._wanted(state) if entry in here], [])


def with_sorted(values: Props, key: str) -> Props:
    """The values with the numbers under `key` in order; ids that came as text become numbers."""
    ids = values.get(key)
    if not isinstance(ids, list) or not all(isinstance(number, (int, str)) and str(number).isdigit() for number in ids):
        return values
    return {**values, key: sorted({int(number) for number in ids})}
