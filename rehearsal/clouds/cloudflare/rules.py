"""Whether a policy of Access matches a visitor: pure, over plain records.

Source: developers.cloudflare.com/cloudflare-one/policies/access: include is OR, require is AND, exclude is NOT; Bypass
and Service Auth come before the others, then the order of precedence; nothing that matches means no.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Rule = dict[str, Any]
_FIRST: Final = ("bypass", "non_identity")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks.

    Attributes:
        email: Address of a user who logged in, empty for nobody.
        idp: Id of the identity provider that vouched.
        groups: Names or addresses of groups that the provider told.
        service_token: Id of the service token that was shown, empty for none.
        address: Where the request came from.
        common_name: Name on a client certificate, empty for none.
    """

    email: str = ""
    idp: str = ""
    groups: frozenset[str] = field(default_factory=frozenset)
    service_token: str = ""
    address: str = ""
    common_name: str = ""


def _in_group(groups: Mapping[str, Any], key: str, visitor: Visitor) -> bool:
    group = groups.get(key)
    return group is not None and _fits(group, visitor, groups)


def _address(visitor: Visitor, network: str) -> bool:
    try:
        return ipaddress.ip_address(visitor.address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def matches(rule: Rule, visitor: Visitor, groups: Mapping[str, Any]) -> bool:
    """Whether one rule matches. A kind of rule that the rehearsal cannot judge (geo, device posture …) never does."""
    if len(rule) != 1:
        return False
    (kind, about), *_ = rule.items()
    email, domain = visitor.email.lower(), visitor.email.lower().rpartition("@")[2]
    table: dict[str, Callable[[], bool]] = {
        "everyone": lambda: bool(visitor.email) or not visitor.service_token,
        "email": lambda: bool(email) and email == str(about["email"]).lower(),
        "email_domain": lambda: bool(email) and domain == str(about["domain"]).lower().lstrip("@"),
        "gsuite": lambda: str(about["email"]) in visitor.groups and about.get("identity_provider_id") == visitor.idp,
        "github-organization": lambda: (
            about["name"] in visitor.groups and about.get("identity_provider_id") == visitor.idp
        ),
        "azureAD": lambda: about["id"] in visitor.groups and about.get("identity_provider_id") == visitor.idp,
        "okta": lambda: about["name"] in visitor.groups and about.get("identity_provider_id") == visitor.idp,
        "login_method": lambda: bool(visitor.idp) and about["id"] == visitor.idp,
        "group": lambda: _in_group(groups, str(about["id"]), visitor),
        "ip": lambda: _address(visitor, str(about["ip"])),
        "service_token": lambda: bool(visitor.service_token) and about["token_id"] == visitor.service_token,
        "any_valid_service_token": lambda: bool(visitor.service_token),
        "common_name": lambda: bool(visitor.common_name) and about["common_name"] == visitor.common_name,
    }
    return kind in table and table[kind]()


def _fits(policy: Rule, visitor: Visitor, groups: Mapping[str, Any]) -> bool:
    def hits(name: str) -> list[bool]:
        return [matches(rule, visitor, groups) for rule in policy.get(name) or []]

    return any(hits("include")) and all(hits("require")) and not any(hits("exclude"))


def decision(policies: Sequence[Rule], visitor: Visitor, groups: Mapping[str, Any]) -> str:
    """`bypass`, `non_identity`, `allow` or `deny`; the last also when nothing matches.

    Args:
        policies: In the order of precedence.
        visitor: Who asks.
        groups: Access groups by id.
    """
    ordered = sorted(policies, key=lambda policy: policy["decision"] not in _FIRST)
    for policy in ordered:
        kind = str(policy["decision"])
        known = {"bypass": True, "non_identity": bool(visitor.service_token or visitor.common_name)}
        if known.get(kind, bool(visitor.email)) and _fits(policy, visitor, groups):
            return kind
    return "deny"
