"""Cloudflare Access in front of a tunnel's doors: who may come in, as whom, and by which rule.

Everybody else may not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pulumi

from components.cloud import cloudflare

if TYPE_CHECKING:
    from homeport.model.access import Area, People, PublicHostname

_YEAR = "8760h"


@dataclass(frozen=True, kw_only=True)
class IdentityProvider:
    """Where people log in.

    Attributes:
        kind: ``onetimepin`` (a code by e-mail) or ``google``.
        id: Of a provider that is there already; then nothing is made and ``kind`` says only what it is.
        client_id: For ``google``: the OAuth client.
        client_secret: Its secret.
    """

    kind: Literal["onetimepin", "google"] = "onetimepin"
    id: str = ""
    client_id: str = ""
    client_secret: pulumi.Output[str] | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class AccessArgs:
    """What is protected, and for whom.

    Attributes:
        account: The Cloudflare account's id.
        label: First words of every name, so that a person finds the stack's objects in the dashboard.
        mark: Last word of every name: random, kept in the state, so that what is ours can be told from what is not.
        doors: The host names.
        people: Whom a ``login`` lets in.
        provider: Where they log in.
        session: How long a login lasts, as Cloudflare writes durations.
        token_versions: Door's name to a counter; a higher one makes a new secret.
        overlap_until: Until when the secret before is taken too, in RFC 3339; needed where a counter is above 1.
    """

    account: pulumi.Input[str]
    label: str
    mark: pulumi.Input[str]
    doors: tuple[PublicHostname, ...]
    people: People
    provider: IdentityProvider
    session: str = "24h"
    token_versions: dict[str, int] = field(default_factory=dict)
    overlap_until: str = ""


class Access(pulumi.ComponentResource):
    """Applications with their policies. What no policy names is refused.

    Attributes:
        audiences: Area's key to the audience tag of its assertions, secret.
        client_ids: Door's name to the id of its service token, for doors that have one.
        client_secrets: Likewise the secret; Cloudflare tells it once, after that the state has it.
        ready: To depend on: a host name must not be reachable before all of these are there.
    """

    audiences: dict[str, pulumi.Output[str]]
    client_ids: dict[str, pulumi.Output[str]]
    client_secrets: dict[str, pulumi.Output[str]]
    ready: tuple[pulumi.Resource, ...]

    def __init__(self, name: str, args: AccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:cloudflare:Access", name, None, opts)
        self._name, self._args = name, args
        self._here = pulumi.ResourceOptions(parent=self)
        self.audiences, self.client_ids, self.client_secrets = {}, {}, {}
        self._shared: dict[str, Any] = {}
        kinds = {area.kind for door in args.doors for area in door.areas()}
        provider = self._login() if "login" in kinds else None
        apps: list[pulumi.Resource] = []
        for door in args.doors:
            for area in door.areas():
                app = self._application(door, area, provider)
                self.audiences[area.key] = pulumi.Output.secret(app.aud)
                apps.append(app)
        self.ready = tuple(apps)
        self.register_outputs({})

    def _called(self, what: str) -> pulumi.Output[str]:
        return pulumi.Output.concat(self._args.label, " ", what, " ", self._args.mark)

    def _login(self) -> pulumi.Input[str]:
        settings = self._args.provider
        if settings.id:
            return settings.id
        config: dict[str, Any] = {}
        if settings.client_secret is not None:
            config = {"client_id": settings.client_id, "client_secret": pulumi.Output.secret(settings.client_secret)}
        provider = cloudflare.ZeroTrustAccessIdentityProvider(
            f"{self._name}-provider",
            account_id=self._args.account,
            name=self._called(settings.kind),
            type=settings.kind,
            config=config,
            # The SDK marks none of it (docs/traps.md, C12).
            opts=pulumi.ResourceOptions(parent=self, additional_secret_outputs=["config"]),
        )
        return provider.id  # type: ignore[no-any-return]  # the SDK is loaded in parts, without its types

    def _policy(self, key: str, decision: str, includes: list[dict[str, Any]]) -> Any:
        """A reusable policy, made once."""
        if key not in self._shared:
            self._shared[key] = cloudflare.ZeroTrustAccessPolicy(
                f"{self._name}-{key}",
                account_id=self._args.account,
                name=self._called(key),
                decision=decision,
                includes=includes,
                opts=self._here,
            )
        return self._shared[key]

    def _rule(self, door: PublicHostname, area: Area, provider: pulumi.Input[str] | None) -> Any:
        if area.kind == "login":
            return self._policy("people", "allow", _people(self._args.people, provider))
        if area.kind == "service-token":
            token = self._token(door.name)
            # A program has no identity: with `allow` it would be sent to the login page.
            return self._policy(f"{door.name}-program", "non_identity", [{"service_token": {"token_id": token.id}}])
        if area.kind == "bypass":
            return self._policy("bypass", "bypass", [{"everyone": {}}])
        return self._policy("nobody", "deny", [{"everyone": {}}])

    def _token(self, door: str) -> Any:
        key = f"{door}-token"
        if key not in self._shared:
            version = self._args.token_versions.get(door, 1)
            later = {"client_secret_version": version, "previous_client_secret_expires_at": self._args.overlap_until}
            token = cloudflare.ZeroTrustAccessServiceToken(
                f"{self._name}-{key}",
                account_id=self._args.account,
                name=self._called(door),
                duration=_YEAR,
                **(later if version > 1 else {}),
                opts=self._here,
            )
            self._shared[key] = token
            self.client_ids[door] = pulumi.Output.secret(token.client_id)
            self.client_secrets[door] = pulumi.Output.secret(token.client_secret)
        return self._shared[key]

    def _application(self, door: PublicHostname, area: Area, provider: pulumi.Input[str] | None) -> Any:
        login = area.kind == "login"
        policy = self._rule(door, area, provider)
        # One provider: nobody needs to be asked which.
        ways = {"allowed_idps": [provider], "auto_redirect_to_identity": True} if login and provider else {}
        return cloudflare.ZeroTrustAccessApplication(
            f"{self._name}-{area.key.replace('.', '-')}",
            account_id=self._args.account,
            name=self._called(f"{door.hostname}{area.path}"),
            # `domain` alone: with `destinations` beside it, every later preview shows an update (docs/traps.md, C10).
            domain=f"{door.hostname}{area.path}",
            type="self_hosted",
            session_duration=self._args.session,
            policies=[{"id": policy.id, "precedence": 1}],
            app_launcher_visible=login and not area.path,
            http_only_cookie_attribute=True,
            same_site_cookie_attribute="lax",
            **ways,
            **({"service_auth401_redirect": True} if area.kind == "service-token" else {}),
            opts=pulumi.ResourceOptions(parent=self, additional_secret_outputs=["aud"]),
        )


def _people(people: People, provider: pulumi.Input[str] | None) -> list[dict[str, Any]]:
    return [
        *({"email": {"email": one}} for one in people.emails),
        *({"email_domain": {"domain": one}} for one in people.domains),
        *({"group": {"id": one}} for one in people.groups),
        *({"gsuite": {"email": one, "identity_provider_id": provider}} for one in people.google_groups),
    ]
