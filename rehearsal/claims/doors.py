"""Claims on doors: who comes in by which public name, with which key, and with which not."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from rehearsal.claims.claim import Claim
from rehearsal.probes.errors import ProbeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.claims.expected import ExpectedDoor, ExpectedRoute
    from rehearsal.claims.view import View

    Headers = dict[str, str]
    """With `_` for `-` in their names."""

PATH = "claim-whoever-asks"
"""What a path ends in that a door's pattern leaves open."""
_REFUSED, _THROUGH, _DOWN, _SILENT = "refused", "through", "nobody behind it", "no answer"
_ITSELF = "the service says"
OPEN = ("open", "bypass", "itself")
_LOGIN = ".cloudflareaccess.com/"
_AWAY = (502, 503, 504, 530)
"""What proxies say in the place of whom they do not reach."""
_LONGEST = 100
"""How much of another answer than the expected one a report has."""


def named_person(view: View) -> str:
    """A mail address that a policy lets in by name.

    Raises:
        ProbeError: None is named.
    """
    policies = [policy for app in view.applications() for policy in app.get("policies") or ()]
    rules = [rule for policy in policies if policy["decision"] == "allow" for rule in policy["include"]]
    if not (emails := [rule["email"]["email"] for rule in rules if "email" in rule]):
        raise ProbeError("Access", "no policy names a mail address", "set access.emails in homeport:settings")
    return str(emails[0])


def path_of(door: ExpectedDoor) -> str:
    """A path that the door stands before."""
    return door.paths[0].replace("*", PATH) if door.paths else "/"


def key_of(view: View, route: str, door: ExpectedDoor) -> Headers:
    """What opens a door; nothing where nobody may pass, or everybody."""
    if door.kind == "login":
        return {"Cookie": view.log_in(view.hostnames[route], named_person(view))}
    if door.kind == "service-token":
        return {name.replace("-", "_"): value for name, value in view.tokens[route].items()}
    if door.kind == "api-key":
        return {door.header.replace("-", "_"): view.secrets[door.secret]}
    if door.kind == "basic":
        return {"Authorization": _basic(door.user, view.secrets[door.secret])}
    return {}


def wrong_key_of(door: ExpectedDoor) -> Headers:
    """What looks like a key of that kind and is none."""
    return {
        "login": {"Cookie": "CF_Authorization=nonsense"},
        "service-token": {"CF_Access_Client_Id": "nonsense.access", "CF_Access_Client_Secret": "nonsense"},
        "api-key": {door.header.replace("-", "_"): "nonsense"},
        "basic": {"Authorization": _basic(door.user, "nonsense")},
    }.get(door.kind, {})


def _basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def tried(view: View) -> dict[str, dict[str, str]]:
    """Each door of each public name: how it answers without a key, with a wrong one, with all others, with its own."""
    seen = {}
    for name, route in view.expected.routes.items():
        hostname = view.hostnames[name]
        keys = [key_of(view, name, door) for door in route.doors]
        for number, door in enumerate(route.doors):
            others: Headers = {}
            for key in (*keys[:number], *keys[number + 1 :]):
                others |= {word: value for word, value in key.items() if word not in keys[number]}
            asked = {"nobody": {}, "a wrong key": wrong_key_of(door), "all other keys": others, "its key": keys[number]}
            path = path_of(door)
            answers = {who: verdict(route, view.visit(hostname, path, **headers)) for who, headers in asked.items()}
            if door.kind == "members":
                answers["its key"] = verdict(route, view.visit_as_member(hostname, path))
            if door.kind == "itself":
                answers = {who: _ITSELF if word in (_REFUSED, _THROUGH) else word for who, word in answers.items()}
            seen[f"{name} {path}"] = answers
    return seen


def verdict(route: ExpectedRoute, answer: Mapping[str, Any]) -> str:
    """Whether a request came past a door, by the answer to it."""
    status, location = answer["status"], answer.get("headers", {}).get("Location", "")
    if not status:
        return _SILENT
    # The proxy's own 404, of what is closed, has no body.
    if status in (401, 403) or (status == 302 and _LOGIN in location) or (status == 404 and not answer["body"]):  # noqa: PLR2004
        return _REFUSED
    if status in _AWAY and not route.guest and not route.peer:
        return _DOWN
    return _THROUGH


def as_declared(view: View) -> dict[str, dict[str, str]]:
    """The same, as it must be."""
    without = {"itself": _ITSELF, **dict.fromkeys(("open", "bypass"), _THROUGH)}
    return {
        f"{name} {path_of(door)}": {
            **dict.fromkeys(("nobody", "a wrong key", "all other keys"), without.get(door.kind, _REFUSED)),
            "its key": {"closed": _REFUSED, "itself": _ITSELF}.get(door.kind, _THROUGH),
        }
        for name, route in view.expected.routes.items()
        for door in route.doors
    }


def in_own_words(view: View) -> dict[str, str]:
    """What programs say to somebody without a key: the status, and the expected words, else how the answer begins."""
    seen = {}
    for name, wanted in view.expected.all_answers().items():
        headers = {word.replace("-", "_"): value for word, value in wanted.headers.items()}
        answer = view.visit(view.hostnames[name], wanted.path, method=wanted.method, body=wanted.body, **headers)
        # Who does not answer at all is an error in words.
        body = answer.get("body") or answer.get("error", "")
        seen[name] = f"{answer['status']} {wanted.says if wanted.says in body else body[:_LONGEST]}"
    return seen


CLAIMS: tuple[Claim[View, Any], ...] = (
    Claim(
        name="doors",
        rows=("S2-39", "S2-40"),
        says="by each public name comes in who has the key of the door there; no other key opens it, nor does none",
        observe=tried,
        expected=as_declared,
        spoil=lambda seen: {**seen, min(seen): {**seen[min(seen)], "nobody": _THROUGH, "a wrong key": _REFUSED}},
    ),
    Claim(
        name="programs-answer-for-themselves",
        rows=("S5-63",),
        needs=frozenset({"answers"}),
        says="whom the proxy asks for nothing hears the very program behind: that it works, or that it wants a key",
        observe=in_own_words,
        expected=lambda view: {
            name: f"{said.status} {said.says}" for name, said in view.expected.all_answers().items()
        },
        spoil=lambda seen: {**seen, min(seen): "502 the host behind this name does not answer"},
    ),
)
