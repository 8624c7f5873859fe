"""Configurations with some of their places set to something else: plausible, hostile, at a limit, of another type."""

from __future__ import annotations

import copy
import random
import string
from dataclasses import dataclass
from typing import Any

from tests.support.fuzz.fields import Field, Path, fields

HOST_KEYS = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGVbmlF3HyDJtv5SpvDLyucYVNW6FunhMNWg25eAWqZ1",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL2yurT7YJB7JVLigZT+KrgydRjKbJDa4CCV819eE5Ag",
)
_KEYS = ("GkUCn3l0CxOdC4bN2qHq4Fq3T0v0O2mTt9m0m2k9cHA=", "GkUCn3l0CxOdC4bN2qHq4Fq3T0v0O2mTt9m0m2k9cHE=")
_ADOPTED = {"mode": "adopt", "address": "198.51.100.7", "user": "qzoperator", "host_key": HOST_KEYS[0]}
_RENTED = {"mode": "create", "server_type": "cx33", "location": "fsn1"}
_ZONE = {"account_id": "01234567" * 4, "zone_id": "76543210" * 4, "team": "qzteam"}
_PEERS = {"local": {"slot": 1}, "qzlaptop": {"slot": 3, "public_key": _KEYS[0]}, "qzphone": {"slot": 4}}
_TUNNEL = {
    "domain": "qzdomain.com",
    "exposure": "tunnel",
    "cloudflare": _ZONE,
    "access": {"emails": ["qzjane@qzmail.org"], "email_domains": ["qzfolk.org"]},
    "wireguard": {"peers": _PEERS, "rotating": ["qzlaptop"], "next_public_keys": {"qzlaptop": _KEYS[1]}},
    "ssh": {"sources": ["203.0.113.0/24"]},
}
_DIRECT = {"domain": "qzdomain.com", "exposure": "direct", "acme_email": "qzadmin@qzmail.org", "cloudflare": _ZONE}
_EMBEDDING = {"embedding": {"url": "https://qzvectors.org/v1", "model": "qzmodel", "dimensions": 384}}
SKELETONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    # Name: preset, stack, settings from which all start.
    "direct": ("ai-orchestrator", "prod", {**_DIRECT, **_EMBEDDING, "hosts": {"main": _ADOPTED}}),
    "direct, rented": ("ai-orchestrator", "prod", {**_DIRECT, "hosts": {"main": _RENTED}, "namespace": "qzspace"}),
    "this machine": ("ai-orchestrator", "dev", {"exposure": "local", "hosts": {"main": {"mode": "local"}}}),
    "tunnel": ("jett", "prod", {**_TUNNEL, "hosts": {"main": _ADOPTED}}),
    "tunnel, rented": ("jett", "prod", {**_TUNNEL, "hosts": {"qzhost": _RENTED}}),
    "members only": (
        "jett",
        "preprod",
        {
            "exposure": "vpn",
            "domain": "qzdomain.com",
            "hosts": {"main": _ADOPTED},
            "wireguard": _TUNNEL["wireguard"],
            "ssh": {"port": 2222, "previous": 22, "fail2ban": True},
            "hostnames": {"n8n": "qzflows.org", "jett": "qzboard.org"},
        },
    ),
}
_SHOP = {
    "image": "qzrepo/shop:1.4",
    "entrypoint": ["qzshop"],
    "command": ["qzserve"],
    "port": 3000,
    "route": {"host": "qzshop", "access": "login"},
    "env": {"QZ_GREETING": "qzhello"},
    "secrets": {
        "QZ_KEY": {"deliver": "environment"},
        "QZ_PIN": {"shared_as": "qzshop-pin"},
        "QZ_DSN": {"template": "x://qzuser:{qzshop-pin}@qzcache/x"},
    },
    "volumes": {"qzdata": {"path": "/qzdata"}},
    "database": {"url": "QZ_DATABASE", "password": "QZ_WORD"},
    "health": {"http": "/qzhealth"},
    "needs": ["qzcache"],
    "tmpfs": {"/qzscratch": 16},
    "internet": True,
    "capabilities": {"CHOWN": "qz gives files away"},
    "waivers": {"writable_root": "qz writes beside itself"},
}
_APPS = {
    "apps": {
        "qzshop": _SHOP,
        "qzcache": {"image": "qzrepo/cache:7", "user": "1000:1000", "port": 6379, "health": {"tcp": True}},
        "qznight": {
            "image": "qzrepo/night:2",
            "command": ["qzrun"],
            "schedule": "30 3 * * *",
            "secrets": {"QZ_FILE": {"path": "/run/qznight/qzkey"}},
        },
    }
}
APPS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "apps, direct": ("ai-orchestrator", "prod", {**_DIRECT, **_APPS, "hosts": {"main": _ADOPTED}}),
    "apps, this machine": ("shared-infrastructure", "dev", {"apps": {"qzcache": _APPS["apps"]["qzcache"]}}),
    "apps, tunnel": ("jett", "prod", {**_TUNNEL, **_APPS, "hosts": {"main": _ADOPTED}}),
}
"""What an app's settings are tried from: by themselves, so that the other settings are tried as often as they were."""
SKELETONS |= APPS
_BESIDE: dict[str, dict[str, Any]] = {
    **_EMBEDDING,
    "cloudflare": _ZONE,
    "dns": {"provider": "manual"},
    "offsite": {"endpoint": "https://qzstore.org", "region": "qzregion", "bucket": "qz-bucket"},
    "runner": {"repository": "https://qzforge.org/qzowner/qzrepo"},
}
"""What else a section must hold."""
# What is code to somebody who reads an artefact: shells, YAML, JSON, INI, Caddy, SQL, cron, URLs, sshd, iptables.
CODE = (
    *"'\"`\\$;&|<>*?[](){}#%!~=:@, \t\n\r\0/.-_",
    "${HOME}", "$(id)", "`id`", "{env.HOME}", "{qzname}", "%h", "%%", "\\n", "\n[Peer]\n", "\nPermitRootLogin yes\n",
    " -j ACCEPT", "' OR '1'='1", "'; --", '", "x": "', "}\n", "*/", "-- ", "\u2028", "\u202e", "ü", "\x1b[2J", "..",
    "%0a", "::", "-i eth9", "\ufeff", "#", " #", "!!python/name:x", "&a", "*a", "<<", "|basic:x",
)  # fmt: skip
_KNOWN = (
    "10.44.0.0/24", "192.168.77.0/24", "10.99.1.0/28", "203.0.113.0/25", "198.51.100.9", "2001:db8:5::/64",
    "fe80::1%lo -i eth9", "::ffff:203.0.113.7", "2001:db8::10", "0.0.0.0", "::", "127.0.0.1", "255.255.255.255",
    "1.2.3", "0x7f.1", "127.1", "fe80::1", "10.0.0.0/8", "172.28.0.0/24", "172.30.10.0/28", "0.0.0.0/0", "::/0",
    "10.0.0.1/24", "http://169.254.169.254/latest", "http://:::99999", "https://a@b/", "http://[::1]:80/x",
    "https://example.com/%zz", "o'brien@example.com", "Jane@Example.com", "a..b@example.com", "#x@example.com",
    "a@b", "x%y@example.com", "n8n..example.com", "xn--e1afmkfd.example", "*.example.com", "example.com.",
    "localhost", "a.b.c.d.example.com", "pg_admin", "public", "none", "postgres", "root", "true", "null", "~", "0",
    "-1", "1e3", "0o17", "1_0", "", "latest", "a:latest", "a/b:1", "a//b:1", "a:1@sha256:" + "0" * 64,
    "registry:99999/a:1", "x" * 64, "x" * 254, "x" * 3000, "2027-01-31", "2026-13-01",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "ssh-rsa AAAA", "server", "main", "local",
)  # fmt: skip
_ALPHABETS = (string.ascii_lowercase, string.ascii_uppercase, string.digits)


@dataclass(frozen=True)
class Fuzzed:
    """One configuration.

    Attributes:
        number: Its number in the campaign.
        skeleton: What it started from.
        settings: As somebody would have written them.
        changed: The places that are set to something else.
    """

    number: int
    skeleton: str
    settings: dict[str, Any]
    changed: tuple[Field, ...]

    @property
    def preset(self) -> str:
        """The preset's name."""
        return SKELETONS[self.skeleton][0]

    @property
    def stack(self) -> str:
        """The stack's name."""
        return SKELETONS[self.skeleton][1]


def made(seed: str, number: int, *, apps: bool = False) -> Fuzzed:
    """The configuration of that number, the same in every run of that seed; with ``apps``, of an app's settings."""
    chance = random.Random(f"{seed} {number}")  # noqa: S311  # no keys
    skeleton = chance.choice(sorted(APPS if apps else set(SKELETONS) - set(APPS)))
    name, _, start = SKELETONS[skeleton]
    settings, changed = copy.deepcopy(start), list[Field]()
    places = [place for place in fields(name, start) if place.path[0] == "apps" or not apps]
    for place in chance.sample(places, chance.choices((1, 2, 3), (70, 20, 10))[0]):
        if all(other.path[: len(place.path)] != place.path[: len(other.path)] for other in changed):
            value = _value(chance, place, _text_at(start, place))
            # Two of one name would be one.
            if place.kind != "name" or value not in (at(settings, place.path[:-1]) or {}):
                changed.append(place)
                put(settings, place, value)
    return Fuzzed(number, skeleton, settings, tuple(changed))


def injected(number: int, skeleton: str, place: Field, code: str) -> Fuzzed:
    """A configuration with a text before, within or behind what stands in a place, or what could be there."""
    settings = copy.deepcopy(SKELETONS[skeleton][2])
    text = _text_at(settings, place)
    cut = random.Random(number).choice((0, len(text) // 2, len(text)))  # noqa: S311  # no keys
    put(settings, place, text[:cut] + code + text[cut:])
    return Fuzzed(number, skeleton, settings, (place,))


def _text_at(settings: Any, place: Field) -> str:
    current = at(settings, place.path)
    return current if isinstance(current, str) else str(place.example or "")


def at(settings: Any, path: Path) -> Any:
    """What stands there; None where nothing does."""
    for part in path:
        try:
            settings = settings[part]
        except (KeyError, IndexError, TypeError):
            return None
    return settings


def put(settings: dict[str, Any], place: Field, value: Any) -> None:
    """Sets a place, and what its section must hold besides; a name is put in the place of the one there."""
    *parents, last = place.path
    spot: Any = settings
    for part, following in zip(parents, place.path[1:], strict=True):
        empty: Any = [] if isinstance(following, int) else _siblings(parents, part)
        if isinstance(spot, list):
            while len(spot) <= part:  # type: ignore[operator]
                spot.append(empty)
            spot = spot[part]  # type: ignore[index]
        else:
            spot = spot.setdefault(part, empty)
    if isinstance(spot, list):
        while len(spot) <= last:  # type: ignore[operator]
            spot.append(value)
        spot[last] = value  # type: ignore[index]
    elif place.kind == "name":
        spot[value] = spot.pop(last, _siblings(list(place.path), last))
    else:
        spot[last] = value


def _siblings(parents: list[str | int], part: str | int) -> dict[str, Any]:
    """What else a section must hold."""
    if parents[0] == "waivers" != part:
        return {"reason": "tried by a campaign", "expires": "2027-01-31"}
    if parents[0] == "smoke" != part:
        return {"url": "https://qzpage.org/"}
    if part in _BESIDE and parents[0] == part:
        return dict(_BESIDE[part])
    return {"slot": 9} if "peers" in parents and part != "peers" else {}


def _value(chance: random.Random, place: Field, text: str) -> Any:
    if place.kind == "number":
        low, high = (int(bound) for bound in place.bounds)
        near = [low, high, (low + high) // 2, chance.randint(low, high), chance.randint(low, high)]
        return chance.choice([*near, *near, low - 1, high + 1, -1, 0, 0.5, 10**30, "7", True, [7]])
    if place.kind == "bool":
        return chance.choice([True, False, "true", 1, []])
    if place.kind == "choice":
        return chance.choice([*place.words, *place.words, text.upper(), "x"])
    if chance.random() < 0.05:
        return chance.choice([7, True, ["x"], {}, {"x": "y"}, text * 40, None]) if place.kind != "name" else text * 40
    return _text(chance, text)


def _text(chance: random.Random, text: str) -> str:
    way = chance.random()
    if way < 0.15:
        return chance.choice(_KNOWN)
    text = altered(chance, text) if chance.random() < 0.6 else text
    if way < 0.65:
        return text
    cut = chance.randint(0, len(text))
    return text[:cut] + chance.choice(CODE) + text[cut:]


def altered(chance: random.Random, text: str) -> str:
    """A text of the same make: letters for letters, digits for digits."""
    return "".join(
        next((chance.choice(alphabet) for alphabet in _ALPHABETS if character in alphabet), character)
        for character in text
    )


def harmless(place: Field, value: Any, current: Any, letter: str) -> list[Any]:
    """What could stand in the place instead, read by nobody as code; one of these is taken, whichever fits."""
    if place.kind == "number":
        low, high = (int(bound) for bound in place.bounds)
        return [number for number in (current, low + 41, high - 37, low + 7, low + 3, low, high) if number != value]
    if place.kind in {"bool", "choice"}:
        return [value]
    word = f"qq{letter}zx"
    if place.path[0] == "apps" and (place.path[-2] in {"env", "secrets"} or place.path[-1] in {"url", "password"}):
        # A variable, which has a file in lower case.
        return [f"{word}_q".upper(), *([current] if place.kind != "name" else [])]
    if place.kind == "name" and place.path[0] == "apps" and isinstance(value, str) and value[:1].isalpha():
        # Names are sorted in some artefacts: the twin's is to stand where this one does.
        word = f"{value[0].lower()}{word}"
    kept = [current] if isinstance(current, str) and len(current) > 3 else []
    if ":" in str(value) and place.named.endswith("sources.*"):
        return ["2001:db8:77::/48"]
    return [
        word, f"{word}.org", f"{word}.qzdomain.com", f"{word}@{word}.org", f"https://{word}.org/v1", f"{word}:1.4",
        f"{word}@sha256:{'77' * 32}", "203.0.113.77", "203.0.113.0/24", "10.77.0.0/24", "2026-12-30",
        f"{word} is a reason", "77" * 16, *kept, "n", f"/{word}/{word}", "1077:1077", "17 7 * * *",
        f"x://{word}:{{qzshop-pin}}@{word}/x", "CAP_FOWNER", "qzcache",
    ]  # fmt: skip
