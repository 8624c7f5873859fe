"""One resource type: planning as Terraform's framework does it, and the calls of the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from toolchain.plugins.base import (
    UNKNOWN,
    CheckFailed,
    Diff,
    ProviderError,
    ResourceType,
    contains_unknown,
    plain,
)
from toolchain.plugins.cloudflare.client import NotFoundError
from toolchain.plugins.cloudflare.fields import agrees, from_api, like, marked, present, refusals, to_api

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolchain.plugins.base import Props
    from toolchain.plugins.cloudflare.client import Client
    from toolchain.plugins.cloudflare.fields import Field


_VERSION: Final = '{"schema_version":"500"}'
"""Of the schema of every type that is covered, as the bridge keeps it in a state (`__meta`).

Without it a state counts as of version 0, and upstream migrates it: a tunnel loses its secret on the way, which the
next update sends again. Source: cloudflare/terraform-provider-cloudflare, internal/services/*/schema.go;
pulumi/pulumi-terraform-bridge, pkg/pf/tfbridge/resource_state.go.
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """What tells one resource type from another.

    Attributes:
        token: Pulumi's name of the type.
        path: Path of the collection, or of the one thing, with `{scope}` for `accounts/<id>` or `zones/<id>` and any
            property in braces.
        fields: The properties.
        identity: Property that is also the id; empty where the API gives one.
        create: Method that makes it, on the collection or (with `identity`) the thing.
        update: Method that changes it.
        partial: Whether an update sends only what differs.
        lasting: Whether it stays when it is deleted from a program: there is no call for that.
        imports: Form of the id that a user gives to import, in the words of the upstream provider.
        together: Pairs of properties of which the first asks for the second.
        constants: What every body holds besides, such as an empty list that the API must be sent.
    """

    token: str
    path: str
    fields: Mapping[str, Field]
    identity: str = ""
    create: str = "POST"
    update: str = "PUT"
    partial: bool = False
    lasting: bool = False
    imports: str = ""
    together: tuple[tuple[str, str], ...] = ()
    constants: Mapping[str, Any] = field(default_factory=dict)


class CloudflareType(ResourceType):
    """A resource type.

    Args:
        kind: What it is.
        client: What makes its calls.
    """

    def __init__(self, kind: Kind, client: Client) -> None:
        self.kind, self._client = kind, client

    def check(self, urn: str, olds: Props, news: Props, seed: bytes) -> Props:
        """Refuses unknown, missing and ill-typed inputs; marks the secret ones."""
        name, kind = urn.rsplit("::", 1)[-1], self.kind
        problems = list(refusals(kind.fields, news, name))
        for first, second in kind.together:
            if news.get(first) is not None and news.get(second) is None:
                problems.append(
                    f'Attribute "{second}" must be specified when "{first}" is specified. Examine values at \'{name}\'.'
                )
        if "{scope}" in kind.path and news.get("accountId") is None and news.get("zoneId") is None:
            problems.append(f"One of accountId and zoneId must be set. Examine values at '{name}'.")
        if problems:
            raise CheckFailed([("", reason) for reason in problems], marked(kind.fields, news))
        return marked(kind.fields, news)

    def _asked(self, news: Props) -> Props:
        """What the program asks for, defaults included."""
        inputs = plain(news)
        rows = {
            n: inputs.get(n) if inputs.get(n) is not None else f.default
            for n, f in self.kind.fields.items()
            if f.settable
        }
        return present(rows)

    def _differ(self, old: Props, news: Props) -> list[str]:
        """The properties in which what is asked for differs from the state; a choice left to the API does not count."""
        asked, old = self._asked(news), plain(old)
        return [
            name
            for name, about in self.kind.fields.items()
            if about.settable
            and not (name not in asked and about.computed)
            and not agrees(about, old.get(name), asked.get(name))
        ]

    def _open(self, news: Props) -> list[str]:
        """Computed properties whose value a change leaves open."""
        asked = self._asked(news)
        return [n for n, f in self.kind.fields.items() if f.computed and not f.keeps and n not in asked]

    def diff(self, urn: str, id: str, old_state: Props, old_inputs: Props, news: Props) -> Diff:
        """Compares the state with the plan: with any change, what the API fills in is open again."""
        changed = self._differ(old_state, news)
        replaces = [name for name in changed if self.kind.fields[name].replaces]
        known = plain(old_state)
        shown = [name for name in self._open(news) if name in known] if changed else []
        return Diff(bool(changed), replaces=replaces, diffs=sorted({*changed, *shown}), has_detailed=False)

    def _collection(self, values: Props) -> str:
        named: Props = {name: str(value) for name, value in values.items() if isinstance(value, str)}
        account, zone = named.get("accountId"), named.get("zoneId")
        scope = f"accounts/{account}" if account else f"zones/{zone}"
        return self.kind.path.format_map({**named, "scope": scope})

    def _path(self, id: str, values: Props) -> str:
        base = self._collection(values)
        return base if self.kind.identity else f"{base}/{id}"

    def _state(self, asked: Props, answer: Mapping[str, Any]) -> Props:
        """Given values as they were given, the others as the API filled them in."""
        values = from_api(self.kind.fields, answer)
        merged = {}
        for name, about in self.kind.fields.items():
            value = asked.get(name)
            if value is None and about.computed:
                value = values[name]
            merged[name] = value
        return present(merged)

    def _finish(self, id: str, state: Props) -> Props:
        return {**marked(self.kind.fields, {**state, "id": id}), "__meta": _VERSION}

    def create(self, urn: str, news: Props, *, preview: bool, timeout: float) -> tuple[str, Props]:
        """Makes it; a preview leaves unknown what only the API can tell."""
        asked, kind = self._asked(news), self.kind
        if preview or contains_unknown(asked):
            return "", self._finish_unknown({**dict.fromkeys(self._open(news), UNKNOWN), **self._kept(asked)})
        body = {**kind.constants, **to_api(kind.fields, asked)}
        answer = self._client.call(kind.create, self._collection(asked), body)
        new_id = str(asked[kind.identity] if kind.identity else answer["id"])
        return new_id, self._finish(new_id, self._state(asked, answer))

    def _kept(self, asked: Props) -> Props:
        unknown = {n: UNKNOWN for n, f in self.kind.fields.items() if f.computed and f.keeps and n not in asked}
        return {**unknown, **asked}

    def _finish_unknown(self, state: Props) -> Props:
        return marked(self.kind.fields, {**state, "id": UNKNOWN})

    def read(self, urn: str, id: str, state: Props, inputs: Props) -> tuple[str, Props, Props] | None:
        """What it is now; None when the API answers 404."""
        old, old_inputs = plain(state), plain(inputs)
        if not old:
            id, old = self._imported(id)  # noqa: A001
        try:
            answer = self._client.call("GET", self._path(id, old))
        except NotFoundError:
            return None
        now = self._now(old, answer, fresh=not state)
        if not old_inputs:
            old_inputs = {name: now[name] for name, about in self.kind.fields.items() if about.settable and name in now}
        else:
            old_inputs = {name: now[name] for name in old_inputs if name in now}
        return id, self._finish(id, now), marked(self.kind.fields, old_inputs)

    def _now(self, old: Props, answer: Mapping[str, Any], *, fresh: bool) -> Props:
        values = from_api(self.kind.fields, answer)
        now = {}
        for name, about in self.kind.fields.items():
            answered = values[name] is not None and not about.in_path
            value = values[name] if answered else old.get(name) if about.in_path or about.secret else None
            now[name] = value if fresh and answered else like(about, old.get(name), value)
        return present(now)

    def _imported(self, text: str) -> tuple[str, Props]:
        """Id and path properties of what a user gives to import."""
        form, parts = self.kind.imports.split("/"), text.split("/")
        if len(form) != len(parts):
            raise ProviderError(f'invalid ID: expected "{self.kind.imports}", got "{text}"')
        names = dict(zip(form, parts, strict=True))
        parents = {name.strip("<>"): part for name, part in names.items() if name.startswith("<")}
        if "accounts|zones" in parents:
            owner = {"accounts": "accountId", "zones": "zoneId"}.get(parents.pop("accounts|zones"))
            if owner is None:
                raise ProviderError("invalid discriminator segment: expected one of accounts, zones")
            parents[owner] = parents.pop("owner")
        return parts[-1], parents

    def update(
        self, urn: str, id: str, old_state: Props, old_inputs: Props, news: Props, *, preview: bool, timeout: float
    ) -> Props:
        """Changes it in place."""
        asked, kind, old = self._asked(news), self.kind, plain(old_state)
        stays = {n: old[n] for n, f in kind.fields.items() if f.computed and f.keeps and n not in asked and n in old}
        if preview or contains_unknown(asked):
            open_again = dict.fromkeys(self._open(news), UNKNOWN) if self._differ(old, news) else {}
            return self._finish(id, {**open_again, **stays, **asked})
        sent = {name: asked[name] for name in self._differ(old, news) if name in asked} if kind.partial else asked
        body = {**kind.constants, **to_api(kind.fields, sent)}
        answer = self._client.call(kind.update, self._path(id, asked), body)
        # A secret that the API tells once is in this answer only when it is a new one.
        return self._finish(id, {**stays, **self._state(asked, answer)})

    def delete(self, urn: str, id: str, state: Props, *, timeout: float) -> None:
        """Removes it. As upstream, what is gone already is an error that a refresh clears."""
        if not self.kind.lasting:
            self._client.call("DELETE", self._path(id, plain(state)), None)
