"""One record set of a zone at OVH: made, changed, deleted, looked at; and whether the keys may do that.

    ovh.py set    [--dry-run] ENDPOINT ZONE TYPE NAME TTL TARGET...
    ovh.py delete [--dry-run] ENDPOINT ZONE TYPE NAME
    ovh.py look   ENDPOINT ZONE [TYPE NAME]...
    ovh.py check  ENDPOINT ZONE

ENDPOINT is ``ovh-eu``, ``ovh-ca``, ``ovh-us`` or the URL of such an interface, NAME a whole host name. Standard input
has a line each: application key, application secret, consumer key; so they are in no argument and no environment.

Standard library only: Pulumi runs it beside its own process, where no Python environment is known. How a call is
signed: ovh/python-ovh, ovh/client.py, ``raw_call``.

A record set is all records of a type and a name, and is whole: what else stands under it is made what it should be. But
one that is there already when it is made first is somebody's, and is refused.

What is done is asked for first, so that every verb can be run again; after a change, or a run that may have changed
something, the zone is refreshed: the name servers serve nothing else (go-acme/lego#815).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# ovh/python-ovh, ovh/client.py.
_ENDPOINTS = {
    "ovh-eu": "https://eu.api.ovh.com/1.0",
    "ovh-ca": "https://ca.api.ovh.com/1.0",
    "ovh-us": "https://api.us.ovhcloud.com/1.0",
}
_KEYS = ("application key", "application secret", "consumer key")
_AGAIN = frozenset({409, 429, 500, 502, 503, 504})
"""Also that a refresh of the zone is under way: there is one at a time (ovh/terraform-provider-ovh#76)."""
_TRIES, _PAUSE, _SECONDS = 6, 1.0, 30
_NEEDED = (("GET", "record"), ("POST", "record"), ("GET", "record/1"), ("PUT", "record/1"), ("DELETE", "record/1"))
_WORDS = 4
"""Of a set, before its targets."""


class RefusedError(Exception):
    """What cannot be done; the text says why, the second line what helps.

    Args:
        what: The first line.
        fix: What follows ``fix:``.
        code: OVH's own code.
    """

    def __init__(self, what: str, fix: str, code: str = "") -> None:
        super().__init__(f"{what}\n  fix: {fix}")
        self.what, self.fix, self.code = what, fix, code


class UncertainError(Exception):
    """A call that may or may not have been done, and may be tried again."""


def _token_page(base: str, zone: str) -> str:
    """The page that makes keys with just these rights."""
    rights = [
        ("GET", f"/domain/zone/{zone}"),
        *((each, f"/domain/zone/{zone}/*") for each in ("GET", "POST", "PUT", "DELETE")),
    ]
    return f"{base.removesuffix('/1.0')}/createToken/?{urlencode(rights)}"


@dataclass(frozen=True)
class Zone:
    """A zone, and the keys that its calls are signed with."""

    endpoint: str
    name: str
    keys: tuple[str, str, str]

    @property
    def base(self) -> str:
        """URL of the interface."""
        return _ENDPOINTS.get(self.endpoint, self.endpoint)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None, *, signed: bool = True) -> Any:
        """What a call answers.

        Raises:
            RefusedError: OVH refuses it.
            UncertainError: No answer came, or none that says what was done.
        """
        url, application = self.base + path, self.keys[0]
        content = "" if body is None else json.dumps(body, separators=(",", ":"))
        headers = {"X-Ovh-Application": application, "Content-Type": "application/json"}
        if signed:
            _, secret, consumer = self.keys
            # By OVH's clock, which is asked for anew: this one may be off, and would be refused.
            stamp = str(self.call("GET", "/auth/time", signed=False))
            parts = (secret, consumer, method, url, content, stamp)
            digest = hashlib.sha1("+".join(parts).encode(), usedforsecurity=False).hexdigest()
            headers |= {"X-Ovh-Consumer": consumer, "X-Ovh-Timestamp": stamp, "X-Ovh-Signature": f"$1${digest}"}
        request = urllib.request.Request(url, content.encode() or None, headers, method=method)  # noqa: S310  # checked below
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310  # its base is one of OVH's
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as problem:
            self._refuse(method, path, problem)
        except (OSError, ValueError, HTTPException) as problem:
            raise UncertainError(f"{method} {self.base}{path}: {problem}") from problem

    def _refuse(self, method: str, path: str, problem: urllib.error.HTTPError) -> None:
        try:
            answer = json.loads(problem.read())
        except (OSError, ValueError):
            answer = {}
        answer = answer if isinstance(answer, dict) else {}
        words, code = str(answer.get("message", "no reason given")), str(answer.get("errorCode", ""))
        if problem.code in _AGAIN:
            raise UncertainError(f"{method} {self.base}{path}: {problem.code} {words}")
        what = f"OVH refuses {method} {path}: {words}"
        fix = "look at it on OVH's page of the zone"
        if problem.code in (401, 403) or code in ("INVALID_SIGNATURE", "QUERY_TIME_OUT"):
            fix = f"make keys with all rights on the zone: {_token_page(self.base, self.name)}"
        raise RefusedError(what, fix, code)

    def path(self, rest: str = "") -> str:
        """Of a call about the zone."""
        return f"/domain/zone/{quote(self.name)}{rest}"

    def below(self, name: str) -> str:
        """A host name as the zone has it; empty for its own.

        Raises:
            RefusedError: It is in another zone.
        """
        if name == self.name:
            return ""
        if not name.endswith(f".{self.name}"):
            raise RefusedError(f"{name} is not in the zone {self.name}", "name its zone in homeport:settings.dns.zone")
        return name.removesuffix(f".{self.name}")

    def records(self, kind: str, name: str) -> list[dict[str, Any]]:
        """A record set. OVH's filter knows no case and compares loosely, so it is looked at again."""
        label = self.below(name)
        found = self.call("GET", self.path(f"/record?{urlencode({'fieldType': kind, 'subDomain': label})}"))
        rows = [self.call("GET", self.path(f"/record/{number}")) for number in found]
        return [row for row in rows if row["fieldType"] == kind and (row["subDomain"] or "").lower() == label.lower()]


def _settle(zone: Zone, kind: str, name: str, ttl: int, targets: Sequence[str], *, dry: bool, first: bool) -> list[str]:
    """Makes a record set what it should be; the changes, in words."""
    rows, wanted, done = zone.records(kind, name), list(dict.fromkeys(targets)), []
    shown = ", ".join(row["target"] for row in rows)
    if first and {row["target"] for row in rows} - set(wanted):
        fix = "delete it on OVH's page, or let it be: homeport:settings.dns.provider manual"
        raise RefusedError(f"{name} has a record {kind} of somebody else, which leads to {shown}", fix)
    spare = [row for row in rows if row["target"] not in wanted]
    for target in wanted:
        row = next((row for row in rows if row["target"] == target), None) or (spare.pop() if spare else None)
        fields = {"target": target, "ttl": ttl}
        if row and (row["target"], row["ttl"]) == (target, ttl):
            continue
        done.append(f"{'change' if row else 'create'} {kind} {name} {target}")
        if not dry and row:
            zone.call("PUT", zone.path(f"/record/{row['id']}"), {"subDomain": row["subDomain"], **fields})
        elif not dry:
            zone.call("POST", zone.path("/record"), {"fieldType": kind, "subDomain": zone.below(name), **fields})
    # Twice the same is left over from two runs at once.
    known = [row["target"] for row in rows if row not in spare]
    twice = [row for place, row in enumerate(rows) if row not in spare and row["target"] in known[:place]]
    for row in (*spare, *twice):
        done.append(f"delete {kind} {name} {row['target']}")
        if not dry:
            zone.call("DELETE", zone.path(f"/record/{row['id']}"))
    if not dry:
        zone.call("POST", zone.path("/refresh"))
        # Never nothing: by what a command has said Pulumi tells the next one that it is not the first.
        done.append(f"{kind} {name}: {', '.join(wanted) or 'none'}")
    return done


def _persist(act: Callable[[], list[str]]) -> list[str]:
    """What was done, by as many tries as it takes; each begins with a look at what is there."""
    done: list[str] = []
    for attempt in range(_TRIES):
        try:
            return done + act()
        except UncertainError as problem:
            if attempt == _TRIES - 1:
                raise RefusedError(
                    str(problem), "run it again once OVH answers; what is done is not done twice"
                ) from problem
            time.sleep(_PAUSE * 2**attempt)
    return done


def _look(zone: Zone, sets: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    return {
        f"{kind} {name}": sorted(f"{row['target']} {row['ttl']}" for row in zone.records(kind, name))
        for kind, name in sets
    }


def _check(zone: Zone) -> dict[str, Any]:
    """Whether the keys are known, what they lack, and whether the zone is there."""
    rules = zone.call("GET", "/auth/currentCredential")["rules"]

    def granted(method: str, path: str) -> bool:
        return any(
            rule["method"] == method and re.fullmatch(re.escape(rule["path"]).replace(r"\*", ".*"), path)
            for rule in rules
        )

    needed = [(method, zone.path(f"/{rest}")) for method, rest in _NEEDED] + [("POST", zone.path("/refresh"))]
    lacks = [
        f"{method} {path.replace('/record/1', '/record/*')}" for method, path in needed if not granted(method, path)
    ]
    if lacks:
        fix = f"make keys with all rights on the zone: {_token_page(zone.base, zone.name)}"
        raise RefusedError(f"the consumer key may not {', '.join(lacks)}", fix, "NOT_GRANTED_CALL")
    try:
        zone.call("GET", zone.path("/record?fieldType=NS&subDomain="))
    except RefusedError as problem:
        if "does not exist" in problem.what:
            what, fix = f"the account has no zone {zone.name}", "put its name into homeport:settings.dns.zone"
            raise RefusedError(what, fix) from problem
        raise
    return {"zone": zone.name}


def _zone(endpoint: str, name: str, keys: list[str]) -> Zone:
    lacks = [each for place, each in enumerate(_KEYS) if not "".join(keys[place : place + 1])]
    if lacks:
        raise RefusedError(f"OVH's {', '.join(lacks)} is missing", "give all three, a line each, on standard input")
    zone = Zone(endpoint, name, (keys[0], keys[1], keys[2]))
    # In plain HTTP a rehearsal's alone (RFC 2544).
    if not zone.base.startswith(("https://", "http://127.", "http://198.18.", "http://198.19.")):
        known = ", ".join(sorted(_ENDPOINTS))
        raise RefusedError(f"{endpoint} is no interface of OVH's", f"name one of {known}, or a URL with https")
    return zone


def _answer(verb: str, zone: Zone, words: list[str], *, dry: bool) -> list[str]:
    """Runs a verb; what it says, line by line.

    Raises:
        ValueError: It is none, or takes other words.
        RefusedError: OVH refuses it.
        UncertainError: OVH does not answer.
    """
    if verb == "set" and len(words) >= _WORDS:
        kind, host, ttl, *targets = words
        # Set by the command's provider where it has run before (pulumi-command, local/command.go).
        first = os.environ.get("PULUMI_COMMAND_STDOUT") is None
        return _persist(lambda: _settle(zone, kind, host, int(ttl), targets, dry=dry, first=first))
    if verb == "delete":
        kind, host = words
        return _persist(lambda: _settle(zone, kind, host, 0, (), dry=dry, first=False))
    if verb == "look":
        return [json.dumps(_look(zone, list(zip(words[::2], words[1::2], strict=True))))]
    if verb == "check" and not words:
        return [json.dumps(_check(zone))]
    raise ValueError(verb)


def main(arguments: list[str]) -> int:
    """Runs a verb; 0 when it is done, 1 when it was refused, 2 for words that are none."""
    dry = "--dry-run" in arguments
    try:
        verb, endpoint, name, *words = (word for word in arguments if word != "--dry-run")
        said = _answer(verb, _zone(endpoint, name, sys.stdin.read().splitlines()), words, dry=dry)
    except RefusedError as problem:
        print(problem, file=sys.stderr)
        return 1
    except UncertainError as problem:
        print(f"{problem}\n  fix: try again once OVH answers", file=sys.stderr)
        return 1
    except ValueError:
        print("ovh.py: no such words\n  fix: python3 -m pydoc components/scripts/ovh.py", file=sys.stderr)
        return 2
    print("\n".join(said))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
