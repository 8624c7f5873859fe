"""What holds for every configuration, not only for those somebody thought of (docs/requirements.md, A-01 to A-04)."""

import base64
import hashlib
import json
import re
import traceback
from copy import deepcopy

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from catalog.presets.registry import declared
from homeport.cli.stack import path_of, read
from homeport.model.errors import SettingsError, ToolError
from homeport.settings.load import Configuration, load
from homeport.settings.schema import ENVIRONMENTS, PRESETS
from homeport.settings.secret_specs import known_secrets
from tests.support.waits import ends
from tests.unit.settings.mistakes import CODE, CONTROL, HOST_KEY, TEXTS, TODAY, VALID, YAML, mistakes, put

pytestmark = pytest.mark.slow
DECLARED = declared()


def _refusal(settings, stack="customer-a", **more):
    raw = {
        "homeport:preset": "vpai",
        "homeport:settings": settings if isinstance(settings, str) else json.dumps(settings),
        **more,
    }
    with pytest.raises(SettingsError) as refusal:
        load(Configuration(stack, raw), TODAY, declared=DECLARED)
    return refusal.value


def _names(refusal, path):
    """Whether a problem names the path, or what is directly around it (a value of another type hides its own parts)."""
    return any(
        problem.path == f"homeport:settings.{path}"
        or problem.path.startswith((f"homeport:settings.{path}.", f"homeport:settings.{path}["))
        for problem in refusal.problems
    )


def test_the_configuration_that_the_mistakes_start_from_is_valid():
    raw = {"homeport:preset": "vpai", "homeport:settings": json.dumps(VALID)}

    assert "blue" == load(Configuration("customer-a", raw), TODAY, declared=DECLARED).settings.namespace, (
        "else every refusal below proves nothing"
    )


@pytest.mark.req("A-01")
@effort(
    max_examples=1200,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
    derandomize=True,
)
@given(mistakes())
def test_every_single_mistake_is_refused_at_its_path(mistake):
    path, make = mistake
    data = deepcopy(VALID)
    make(data)
    with ends("a refusal takes no time"):
        refusal = _refusal(data)

    assert _names(refusal, path), f"{path} is not named in:\n{refusal}"
    assert all(3 >= len(str(problem).splitlines()) for problem in refusal.problems), "short enough to be read"
    assert all(line.isprintable() for line in str(refusal).splitlines()), (
        "a message writes nothing but text to a terminal"
    )


def _meet(one, other):
    """Whether one mistake hides the other. Without its mode nobody knows which fields a host has."""
    one, other = one.removesuffix(".mode"), other.removesuffix(".mode")
    return one.startswith(other) or other.startswith(one)


@pytest.mark.req("A-03")
@effort(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.lists(mistakes(), min_size=16, max_size=24))
def test_ten_mistakes_are_reported_in_one_run(found):
    chosen = {}
    for path, make in found:
        if not any(_meet(path, other) for other in chosen):
            chosen[path] = make
    assume(len(chosen) >= 10)
    data = deepcopy(VALID)
    for make in chosen.values():
        make(data)
    refusal = _refusal(data)

    assert [] == [path for path in chosen if not _names(refusal, path)], "a user fixes everything in one go"


@effort(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(st.text(max_size=200))
def test_no_text_whatever_ends_in_a_traceback(text):
    try:
        load(Configuration("dev", {"homeport:preset": "vpai", "homeport:settings": text}), TODAY, declared=DECLARED)
    except SettingsError as refusal:
        assert refusal.problems, "a refusal says why"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(sorted(VALID)) | st.text(max_size=10), inner, max_size=5)
    ),
    max_leaves=30,
)


@effort(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(
    st.dictionaries(st.sampled_from(sorted(VALID)), JSON, max_size=8), st.sampled_from([*ENVIRONMENTS, "customer-a"])
)
def test_no_mapping_whatever_ends_in_a_traceback(data, stack):
    try:
        load(
            Configuration(stack, {"homeport:preset": "vpai", "homeport:settings": json.dumps(data)}),
            TODAY,
            declared=DECLARED,
        )
    except SettingsError as refusal:
        assert refusal.problems, "a refusal says why"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return tmp_path_factory.mktemp("stacks")


@pytest.mark.req("A-01")
@effort(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(st.sampled_from(["dev", "prod"]), st.floats(0, 1), st.sampled_from([*CODE, *CONTROL, *YAML]))
def test_no_text_within_a_stack_s_file_ends_in_a_traceback(files, stack, where, text):
    shipped = path_of(stack).read_text()
    at = round(where * len(shipped))
    (files / f"Pulumi.{stack}.yaml").write_text(shipped[:at] + text + shipped[at:])
    try:
        wrong = read(stack, files).wrong
    except ToolError as refusal:
        assert re.match(rf"Pulumi\.{stack}\.yaml(:\d+)?: .+\n  fix: ", str(refusal)), "where, what, and what mends it"
    else:
        assert all(part.isprintable() for one in wrong for part in (one.path, one.what, one.fix))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5_000_000,
        '{"a":' * 2_000_000,
        "9" * 6_000_000,
        '{"domain":' + "1" * 500_000 + "}",
        " " * 7_000_000 + "{}x",
        "\0",
        '{"a": 1e999}',
    ],
)
def test_a_hostile_text_is_refused_whatever_its_size(text):
    with ends("the size of a configuration is bounded"):
        refusal = _refusal(text, stack="dev")

    assert 3 >= len(str(refusal.problems[0]).splitlines()), "and so is the answer"


def _host_key(label):
    blob = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20" + hashlib.sha256(label.encode()).digest()
    return f"ssh-ed25519 {base64.b64encode(blob).decode()}"


def _machines_of_their_own(hosts):
    """Each host another machine: one of them at most is this one, and each has a key of its own."""
    local = [name for name, host in hosts.items() if host["mode"] == "local"]
    kept = {name: host for name, host in hosts.items() if name not in local[1:]}
    return {name: host | ({"host_key": _host_key(name)} if "host_key" in host else {}) for name, host in kept.items()}


name = st.from_regex(r"[a-z][a-z0-9-]{0,20}[a-z0-9]", fullmatch=True)
host_name = st.from_regex(r"([a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?\.){1,3}[a-z]{2,8}", fullmatch=True)
valid = st.fixed_dictionaries(
    {
        "exposure": st.sampled_from(["direct", "tunnel"]),
        "domain": host_name,
        "environment": st.sampled_from(["dev", "preprod"]),
        "cloudflare": st.just(
            {"account_id": "0123456789abcdef" * 2, "zone_id": "fedcba9876543210" * 2, "team": "example"}
        ),
        "access": st.just({"emails": ["admin@example.com"]}),
    },
    optional={
        "protect_data": st.booleans(),
        "hosts": st.dictionaries(
            name,
            st.just({"mode": "local"})
            | st.fixed_dictionaries(
                {
                    "mode": st.just("adopt"),
                    "address": host_name | st.integers(1, 254).map("192.0.2.{}".format),
                    "host_key": st.just(HOST_KEY),
                },
                optional={"port": st.integers(1024, 8000), "roles": st.lists(name, max_size=3, unique=True)},
            )
            | st.fixed_dictionaries(
                {
                    "mode": st.just("create"),
                    "server_type": st.from_regex(r"[a-z]{2,5}[0-9]{1,3}", fullmatch=True),
                    "location": st.just("hel1"),
                }
            ),
            min_size=1,
            max_size=4,
        ).map(_machines_of_their_own),
        # One of the two is the authority's: without 80 and 443 no certificate comes.
        "edge": st.fixed_dictionaries({"http_port": st.integers(8001, 20000), "https_port": st.just(443)})
        | st.fixed_dictionaries({"http_port": st.just(80), "https_port": st.integers(20001, 65535)}),
        "networks": st.dictionaries(name, st.integers(0, 255), max_size=6).map(
            lambda found: {key: f"10.{20 + index}.{octet}.0/24" for index, (key, octet) in enumerate(found.items())}
        ),
        "services": st.dictionaries(
            name,
            st.fixed_dictionaries(
                {},
                optional={
                    "enabled": st.booleans(),
                    "memory": st.integers(16, 1_048_576),
                    "cpus": st.integers(1, 2560).map(lambda tenths: tenths / 10) | st.integers(1, 256),
                },
            ),
            max_size=5,
        ),
        "hostnames": st.lists(
            st.tuples(name, host_name), max_size=4, unique_by=(lambda pair: pair[0], lambda pair: pair[1])
        ).map(dict),
        "wireguard": st.lists(st.integers(2, 254), max_size=6, unique=True).map(
            lambda slots: {"peers": {f"p{slot}": {"slot": slot} for slot in slots}}
        ),
    },
)


@effort(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(valid, st.sampled_from(PRESETS))
def test_every_right_configuration_is_accepted_and_says_the_same_twice(data, preset):
    raw = {"homeport:preset": preset, "homeport:settings": json.dumps(data)}
    loaded = load(Configuration("customer-a", raw), TODAY, declared=DECLARED)

    assert data["domain"] == loaded.settings.domain, "what was said is what is meant"
    assert loaded.settings == load(Configuration("customer-a", raw), TODAY, declared=DECLARED).settings, (
        "the same configuration is the same settings"
    )


CANARY = "cAnArY7"


@pytest.mark.req("P-08", "A-04")
@effort(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(
    st.dictionaries(
        st.sampled_from(sorted(known_secrets(DECLARED))),
        st.sampled_from(["{}", "CHANGE_ME {}", "{}\n", "${{{}}}", "{}" * 40, "'{}'"]),
        min_size=1,
    ),
    st.sampled_from(TEXTS),
    st.booleans(),
)
def test_no_message_repeats_a_value(shapes, path, encrypted):
    secrets = {f"homeport:{name}": shape.format(*[CANARY] * 40) for name, shape in shapes.items()}
    data = deepcopy(VALID)
    put(data, path, f"{CANARY} {CANARY}\n")
    raw = {"homeport:preset": CANARY, "homeport:settings": json.dumps(data), **secrets}
    with pytest.raises(SettingsError) as refusal:
        load(Configuration("customer-a", raw, frozenset(raw if encrypted else ())), TODAY, declared=DECLARED)
    printed = "".join((str(refusal.value), repr(refusal.value), *traceback.format_exception(refusal.value)))

    assert CANARY.lower() not in printed.lower(), "somebody may have pasted a secret there"
    assert len(shapes) < len(refusal.value.problems), "each secret is refused, and so are the preset and the setting"
