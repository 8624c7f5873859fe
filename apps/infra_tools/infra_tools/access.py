"""Access applications and the one policy that they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from infra_tools.cloudflare_api import list_of, one_of, warn_owned
from infra_tools.console import USAGE, ToolError

if TYPE_CHECKING:
    from infra_tools.cloudflare_api import Api
    from infra_tools.console import Console
    from infra_tools.settings import Settings

EMAILS: Final = "CLOUDFLARE_ACCESS_EMAILS"
DOMAINS: Final = "CLOUDFLARE_ACCESS_EMAIL_DOMAINS"
POLICY: Final = "CLOUDFLARE_ACCESS_POLICY_NAME"
_POLICY: Final = "Unified access policy"
# `self_hosted_domains` says again, in an older way, what `destinations` says.
_READ_ONLY: Final = ("id", "aud", "uid", "created_at", "updated_at", "policies", "domain_type", "self_hosted_domains")


class Access:
    """Access of one account.

    Args:
        api: Cloudflare.
        console: Where warnings go.
    """

    def __init__(self, api: Api, console: Console) -> None:
        self._api, self._console = api, console
        self._apps, self._policies = f"{api.account}/access/apps", f"{api.account}/access/policies"

    def applications(self) -> list[dict[str, Any]]:
        """All of them."""
        return self._api.rows(self._apps)

    def policies(self) -> list[dict[str, Any]]:
        """All that can be shared."""
        return self._api.rows(self._policies)

    def application(self, host: str) -> dict[str, Any] | None:
        """The application that protects the whole of a host name; None where there is none.

        Raises:
            ToolError: There are several.
        """
        return one_of((app for app in self.applications() if host in hosts(app)), f"the applications of {host}")

    def policy(self, name: str) -> dict[str, Any] | None:
        """The shared policy of a name.

        Raises:
            ToolError: There are several.
        """
        return one_of((row for row in self.policies() if row["name"] == name), f"the policy {name!r}")

    def google(self) -> str:
        """Id of the identity provider of Google, empty where there is none."""
        rows = self._api.rows(f"{self._api.account}/access/identity_providers")
        return next((str(row["id"]) for row in rows if row["type"] in ("google", "google-apps")), "")

    def unify(self, settings: Settings) -> tuple[str, str]:
        """Makes the shared policy what the settings say; what became of it, and its name.

        Raises:
            ToolError: The settings name nobody.
        """
        name = policy_name(settings)
        people = [{"email": {"email": one.lower()}} for one in list_of(settings.get(EMAILS))]
        people += [{"email_domain": {"domain": one.lower().lstrip("@")}} for one in list_of(settings.get(DOMAINS))]
        if not people:
            raise ToolError(f"not set: {EMAILS} or {DOMAINS}\nfix: export {EMAILS}=you@example.com", USAGE)
        google = self.google()
        if not google:
            self._console.warn("note: the account has no identity provider of Google: any way to log in will do")
        wanted: dict[str, Any] = {"name": name, "decision": "allow", "include": people}
        wanted |= {"require": [{"login_method": {"id": google}}] if google else []}
        there = self.policy(name)
        if there is None:
            self._api.send("POST", self._policies, wanted)
            return "created", name
        if all(there.get(key) == value for key, value in wanted.items()):
            return "unchanged", name
        kept = {key: there[key] for key in ("exclude", "session_duration") if there.get(key)}
        self._api.send("PUT", f"{self._policies}/{there['id']}", {**kept, **wanted})
        return "changed", name

    def attach(self, app: dict[str, Any], policy: str, more: dict[str, Any] | None = None) -> str:
        """Adds a policy to an application, before those that it has: `changed` or `unchanged`."""
        there = [reference(row) for row in app.get("policies") or []]
        new = {key: value for key, value in (more or {}).items() if app.get(key) != value}
        if policy in there and not new:
            return "unchanged"
        if self._api.owned(app.get("name")):
            warn_owned(self._console, f"the application {app['name']}")
        order = [policy, *(one for one in there if one != policy)]
        old = () if app.get("destinations") else ("self_hosted_domains",)
        body = {key: value for key, value in app.items() if key not in _READ_ONLY or key in old}
        body |= {**new, "policies": [{"id": one, "precedence": number} for number, one in enumerate(order, 1)]}
        self._api.send("PUT", f"{self._apps}/{app['id']}", body)
        return "changed"

    def protect(self, host: str, policy: str) -> str:
        """Makes the application of a host name: `created`, `changed` or `unchanged`."""
        google = self.google()
        more: dict[str, Any] = {"allowed_idps": [google], "auto_redirect_to_identity": True} if google else {}
        app = self.application(host)
        if app is not None:
            return self.attach(app, policy, more)
        body: dict[str, Any] = {"name": host, "domain": host, "type": "self_hosted", "session_duration": "24h"}
        body |= {"http_only_cookie_attribute": True, "same_site_cookie_attribute": "lax", **more}
        self._api.send("POST", self._apps, {**body, "policies": [{"id": policy, "precedence": 1}]})
        return "created"


def reference(policy: Any) -> str:
    """Id of a policy as an application has it."""
    return str(policy if isinstance(policy, str) else policy.get("id"))


def policy_name(settings: Settings) -> str:
    """Name of the policy that all share."""
    return settings.get(POLICY, _POLICY)


def hosts(app: dict[str, Any]) -> list[str]:
    """What an application protects: host names, some with a path."""
    named = [app.get("domain"), *(app.get("self_hosted_domains") or [])]
    named += [row.get("uri") for row in app.get("destinations") or [] if row.get("type", "public") == "public"]
    return list(dict.fromkeys(str(one).lower().rstrip("/") for one in named if one))
