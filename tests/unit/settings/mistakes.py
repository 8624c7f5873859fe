"""A valid configuration, and every way to make one mistake in it."""

from datetime import date

from hypothesis import assume
from hypothesis import strategies as st

TODAY = date(2026, 11, 21)
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGVbmlF3HyDJtv5SpvDLyucYVNW6FunhMNWg25eAWqZ1"
VALID = {
    "environment": "prod",
    "domain": "example.com",
    "acme_email": "admin@example.com",
    "exposure": "direct",
    "protect_data": True,
    "hosts": {
        "main": {
            "mode": "adopt",
            "address": "192.0.2.10",
            "user": "root",
            "port": 22,
            "host_key": HOST_KEY,
            "roles": ["ai"],
        },
        "hub": {"mode": "create", "server_type": "cx33", "location": "fsn1", "image": "debian-12"},
    },
    "edge": {"bind": "192.0.2.10", "http_port": 80, "https_port": 443},
    "wireguard": {"enabled": True, "port": 51820, "subnet": "10.66.0.0/24", "peers": {"laptop": {"slot": 2}}},
    "networks": {"ai-data": "10.20.0.0/24"},
    "embedding": {"url": "https://embeddings.example.com/v1", "model": "small", "dimensions": 1536},
    "services": {
        "ai-n8n": {"enabled": True, "memory": 2048, "cpus": 1.5, "image": "n8n:2@sha256:" + "0123456789abcdef" * 4}
    },
    "hostnames": {"n8n": "n8n.example.com"},
    "waivers": {"protect-data": {"reason": "filled from a dump every night", "expires": "2026-12-31"}},
    "namespace": "blue",
    "rotate": {"redis-password": 2},
}
REQUIRED = [
    "environment",
    "hosts.main.mode",
    "hosts.main.address",
    "hosts.main.host_key",
    "hosts.hub.server_type",
    "hosts.hub.location",
    "wireguard.peers.laptop.slot",
    "embedding.url",
    "embedding.model",
    "embedding.dimensions",
    "waivers.protect-data.reason",
    "waivers.protect-data.expires",
]
NAMED = ["hosts", "wireguard.peers", "networks", "services", "hostnames", "waivers", "rotate"]
MAY_BE_NULL = {"embedding", "acme_email"}
MAY_BE_NUMBERS = {"embedding.model", "hosts.hub.image"}
MAY_BE_EMPTY = {"namespace"}
CONTROL = ["\0", "\n", "\r\n", "\t", "\x1b[2J", "\x7f", "\u2028", "\u202e"]
CODE = [
    "${HOME}",
    "`id`",
    "$(id)",
    ";id",
    "&& id",
    "| id",
    "' or '",
    '"',
    "<script>",
    "*",
    "&a [*a]",
    "!!python/name:x",
    "\\",
    "%00",
    "ü",
    "\U0001d4b3",
    " ",
]
YAML = [
    "&a [*a]",
    "<<: *a",
    ": ",
    "- ",
    "? ",
    "{",
    "[",
    "|",
    "> ",
    "=",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "2027-02-31",
    "1e999",
    ".nan",
    "1:30",
    "!!int ''",
    "!!binary '@'",
    "!!set {a}",
    "!!omap [a: 1]",
    "!!timestamp 2027-01-01T00:00:00+99:00",
]


def _paths(data, prefix=()):
    for key, value in data.items():
        yield ".".join((*prefix, key))
        if isinstance(value, dict):
            yield from _paths(value, (*prefix, key))


def at(data, path):
    for part in path.split("."):
        data = data[part]
    return data


def put(data, path, value):
    *parents, last = path.split(".")
    for part in parents:
        data = data[part]
    data[last] = value


def _drop(data, path):
    *parents, last = path.split(".")
    for part in parents:
        data = data[part]
    del data[last]


PATHS = sorted(_paths(VALID))
LEAVES = [path for path in PATHS if not isinstance(at(VALID, path), dict)]
TEXTS = [path for path in LEAVES if isinstance(at(VALID, path), str)]
NUMBERS = [path for path in LEAVES if type(at(VALID, path)) in (int, float)]
SECTIONS = [
    "edge",
    "wireguard",
    "embedding",
    "hosts.main",
    "hosts.hub",
    "services.ai-n8n",
    "wireguard.peers.laptop",
    "waivers.protect-data",
]


def _of_another_type(value):
    others = [7.5, "7", "yes", "", True, [], ["x"], {}, {"x": 1}, [[]], 10**30, "null", "~"]
    if isinstance(value, float):
        others = [other for other in others if type(other) is not int and other != 7.5] + [10**30]
    return [other for other in others if type(other) is not type(value)]


def _wrong(draw, kind, path):
    """A wrong value for what stands at the path."""
    value = at(VALID, path)
    if kind == "type":
        wrong = draw(st.sampled_from(_of_another_type(value)))
        assume(path not in MAY_BE_NUMBERS or not isinstance(wrong, int | float))
        return wrong
    if kind == "null":
        assume(path not in MAY_BE_NULL)
        return None
    if kind == "empty":
        assume(path not in MAY_BE_EMPTY)
        return ""
    if kind == "huge":
        return draw(st.sampled_from(["a" * 3000, "a." * 1500 + "com", value * 200]))
    if kind == "range":
        return draw(st.sampled_from([-1, 0, -(10**20), 10**20]))
    assume(kind == "control" or not path.endswith(".reason"))
    code, cut = draw(st.sampled_from(CONTROL if kind == "control" else CODE)), draw(st.integers(0, len(value)))
    # A space after a host key begins its comment, which is dropped.
    assume(not (path.endswith("host_key") and cut == len(value)))
    return value[:cut] + code + value[cut:]


def _stray(draw, kind):
    """Where a key is put that nobody knows, and what it holds."""
    if kind == "unknown":
        parent, last = draw(st.sampled_from([*SECTIONS, ""])), draw(st.from_regex(r"[a-z_]{1,12}9", fullmatch=True))
        return f"{parent}.{last}".removeprefix("."), draw(st.sampled_from(["x", 1, True, {}, []]))
    path = draw(st.sampled_from([path for path in PATHS if not any(path.startswith(f"{name}.") for name in NAMED)]))
    *parents, last = path.split(".")
    return ".".join((*parents, last.upper())), "x"


@st.composite
def mistakes(draw):
    """One mistake: the path at which it must be reported, and what it does to the settings."""
    kinds = ["drop", "type", "null", "empty", "huge", "control", "code", "unknown", "case", "name", "range"]
    kind = draw(st.sampled_from(kinds))
    if kind == "drop":
        path = draw(st.sampled_from(REQUIRED))
        return path, lambda data: _drop(data, path)
    if kind in {"unknown", "case"}:
        path, stray = _stray(draw, kind)
        return path, lambda data: put(data, path, stray)
    if kind == "name":
        odd = [*CONTROL, *CODE, "", "x" * 300, "-rf", "A", "../x", "x-"]
        path, name = draw(st.sampled_from(NAMED)), draw(st.sampled_from(odd))
        value = next(iter(at(VALID, path).values()))
        return path, lambda data: at(data, path).update({name: value})
    path = draw(st.sampled_from({"null": PATHS, "type": PATHS, "range": NUMBERS}.get(kind, TEXTS)))
    wrong = _wrong(draw, kind, path)
    assume(wrong != at(VALID, path))
    return path, lambda data: put(data, path, wrong)
