"""Having an image: what is pulled, what is built, and what is left alone."""

from types import SimpleNamespace

import pytest

from toolchain.images import daemon, ensure, registry, report
from toolchain.images.__main__ import main
from toolchain.images.errors import ImageError
from toolchain.images.recipe import find, recipes

REDIS = "redis:7.4.11-alpine"


NAMELESS = {
    "": 'Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io on 192.0.2.53:53: no such host',
    "r.example.com": 'Head "https://r.example.com/v2/": dial tcp: lookup r.example.com: no such host',
}


@pytest.fixture
def world(monkeypatch):
    """A daemon that only remembers: `images` by name, `calls`, and why a pull is refused; nothing: it is not."""
    state = SimpleNamespace(images={}, calls=[], refusal=NAMELESS[""])

    def pull(image):
        state.calls.append(f"pull {image}")
        return state.refusal

    monkeypatch.delenv("HOMEPORT_IMAGES", raising=False)
    monkeypatch.setattr(daemon, "inspect", state.images.get)
    monkeypatch.setattr(daemon, "built", list)
    monkeypatch.setattr(daemon, "pull", pull)
    monkeypatch.setattr(daemon, "remove_outdated", lambda identity: state.calls.append(f"rm {identity}"))
    monkeypatch.setattr(ensure, "_build", lambda recipe: state.calls.append(f"build {recipe.image}"))
    return state


def _substitute(image, fingerprint=None):
    recipe = find(image)
    labels = {
        "kind": recipe.kind,
        "recipe": fingerprint or recipe.fingerprint,
        "software": "X",
        "version": "1",
        "source": "Y",
    }
    return daemon.Local(id="sha256:1", labels=labels)


def test_a_present_image_costs_no_question_to_its_registry(world):
    world.images[REDIS] = daemon.Local(id="sha256:1", labels={})
    ensure.ensure([REDIS])
    assert [] == world.calls, "every `make up` would wait for the registry"


def test_a_substitute_of_todays_recipe_stays_while_nobody_knows_the_registrys_name(world):
    world.images[REDIS] = _substitute(REDIS)
    ensure.ensure([REDIS])
    assert [f"pull {REDIS}"] == world.calls, "it was asked for, and nothing is built anew"


def test_nothing_is_said_to_be_pulled_where_there_is_no_registry(world, capsys):
    world.images[REDIS] = _substitute(REDIS)
    ensure.ensure([REDIS])

    assert [
        f"{REDIS}: asking its registry",
        f"{REDIS}: present ({find(REDIS).kind})",
    ] == capsys.readouterr().out.splitlines()


def test_a_substitute_of_an_older_recipe_is_built_anew_after_its_base(world):
    world.images[REDIS] = _substitute(REDIS, fingerprint="older")
    ensure.ensure([REDIS])
    assert [f"pull {REDIS}", "build homeport/base:bookworm", f"build {REDIS}"] == world.calls, (
        "the recipe's hash changed"
    )


def test_a_registry_that_answers_is_pulled_from(world):
    world.refusal = ""
    ensure.ensure([REDIS])
    assert [f"pull {REDIS}"] == world.calls, "the real image is to be had"


@pytest.mark.req("RW-03")
def test_a_substitute_is_replaced_as_soon_as_the_registry_answers(world):
    world.images[REDIS], world.refusal = _substitute(REDIS), ""
    ensure.ensure([REDIS])
    assert [f"pull {REDIS}", "rm sha256:1"] == world.calls, "a stub must not stay under the official name for good"


def test_a_name_that_nobody_knows_is_asked_for_once(world):
    ensure.ensure([REDIS, "caddy:2.11.4-alpine", REDIS])
    assert [f"pull {REDIS}"] == [call for call in world.calls if call.startswith("pull")], (
        "a name server may take seconds: once, not per image"
    )


def test_our_own_names_are_never_looked_for_in_a_registry(world):
    world.refusal = ""
    ensure.ensure(["homeport/base:bookworm"])
    assert ["build homeport/base:bookworm"] == world.calls, (
        "whoever owns that name elsewhere would get into the rehearsal"
    )


REFUSALS = [
    "toomanyrequests: You have reached your pull rate limit.",
    "received unexpected HTTP status: 503 Service Unavailable",
    'Get "https://registry-1.docker.io/v2/": net/http: request canceled while waiting for connection (Client.Timeout)',
    'Get "https://registry-1.docker.io/v2/": dial tcp 192.0.2.1:443: i/o timeout',
    'Get "https://registry-1.docker.io/v2/": dial tcp 192.0.2.1:443: connect: connection refused',
    'Get "https://registry-1.docker.io/v2/": x509: certificate signed by unknown authority',
    'Get "https://registry-1.docker.io/v2/": proxyconnect tcp: dial tcp: lookup proxy.example.com: no such host',
    'Get "https://auth.docker.io/token": dial tcp: lookup auth.example.com: no such host',
    "manifest for redis:7.4.11-alpine not found: manifest unknown",
    "",
]
"""What a daemon says of a pull that failed though the registry has a name; empty: it says nothing."""


@pytest.mark.req("RW-03")
@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("present", [False, True])
def test_a_failed_pull_is_a_failed_pull_and_never_a_stub(world, refusal, present):
    world.refusal = refusal or "no reason given"
    if present:
        world.images[REDIS] = _substitute(REDIS)
    with pytest.raises(ImageError) as refused:
        ensure.ensure([REDIS])
    assert [f"pull {REDIS}"] == world.calls, "nothing is built under an official name because a registry is slow"
    assert world.refusal in str(refused.value), "why, in the registry's own words"
    assert "fix: docker pull" in str(refused.value), "and what helps"


@pytest.mark.req("RW-03")
def test_all_refused_pulls_are_told_at_once(world):
    world.refusal = "denied"
    with pytest.raises(ImageError) as refused:
        ensure.ensure([REDIS, "caddy:2.11.4-alpine", "nobody/nothing:1"])
    for image in (REDIS, "caddy:2.11.4-alpine", "nobody/nothing:1"):
        assert f"{image}: its registry did not hand it out: denied" in str(refused.value), image


@pytest.mark.req("RW-03")
def test_a_substitute_is_to_be_had_on_request(world, monkeypatch):
    monkeypatch.setenv("HOMEPORT_IMAGES", "substitutes")
    world.refusal = ""
    ensure.ensure([REDIS])
    assert f"build {REDIS}" in world.calls, "somebody asked for it"
    assert not [call for call in world.calls if call.startswith("pull")], "and for no traffic"


def test_a_misspelt_request_is_refused(world, monkeypatch):
    monkeypatch.setenv("HOMEPORT_IMAGES", "substitute")
    with pytest.raises(ImageError, match="fix: unset HOMEPORT_IMAGES"):
        ensure.ensure([REDIS])
    assert [] == world.calls, "nothing is done on a doubtful request"


@pytest.mark.parametrize(
    ("image", "refusal", "expected"),
    [
        (REDIS, NAMELESS[""], True),
        ("r.example.com/a:1", NAMELESS["r.example.com"], True),
        ("r.example.com:5000/a:1", NAMELESS["r.example.com"], True),
        ("r.example.com/a:1", NAMELESS[""], False),
        (REDIS, "dial tcp: lookup registry-1.docker.io on 192.0.2.53:53: server misbehaving", True),
        (REDIS, "dial tcp: lookup registry-1.docker.io.: Temporary failure in name resolution", True),
    ],
)
def test_a_registry_without_a_name_is_known_by_the_resolvers_words(image, refusal, expected):
    assert expected == registry.nameless(image, refusal), refusal


def test_no_pull_asks_no_registry(world):
    world.refusal = ""
    ensure.ensure([REDIS], pull=False)
    assert f"build {REDIS}" in world.calls, "--no-pull means recipes only"
    assert f"pull {REDIS}" not in world.calls, "--no-pull means no traffic"


@pytest.mark.usefixtures("world")
def test_one_failing_build_does_not_hide_another(monkeypatch):
    def failing(recipe):
        if recipe.base:
            raise ImageError(recipe.image, "broke")

    monkeypatch.setattr(ensure, "_build", failing)
    with pytest.raises(ImageError) as told:
        ensure.ensure([REDIS, "caddy:2.11.4-alpine"])
    assert {REDIS, "caddy:2.11.4-alpine"} <= set(str(told.value).replace(":\n", " ").replace(": broke", " ").split()), (
        "both are told"
    )


@pytest.mark.usefixtures("world")
def test_an_unknown_image_ends_with_status_one_and_no_traceback(capsys):
    assert main(["ensure", "nobody/nothing"]) == 1, "a script has to notice"
    shown = capsys.readouterr().err
    assert shown.startswith("error: nobody/nothing:latest"), "which image, first of all"
    assert "Traceback" not in shown, "no traceback to a user"


def test_the_report_tells_pulled_real_stub_absent_and_outdated_apart(world):
    world.images[REDIS] = daemon.Local(id="sha256:1", labels={})
    world.images["caddy:2.11.4-alpine"] = _substitute("caddy:2.11.4-alpine")
    world.images["n8nio/n8n:2.38.7"] = _substitute("n8nio/n8n:2.38.7", fingerprint="older")
    world.images["qdrant/qdrant:v1"] = _substitute("qdrant/qdrant:v1")
    states = {line.image: (line.state, line.current) for line in report.lines(["qdrant/qdrant:v1"])}
    expected = {
        REDIS: ("pulled", True),
        "caddy:2.11.4-alpine": ("real", True),
        "n8nio/n8n:2.38.7": ("real", False),
        "qdrant/qdrant:v1": ("stub", True),
        "python:3.11.16-slim-bookworm": ("absent", True),
    }
    assert expected == {image: states[image] for image in expected}, "a test that needs the real thing relies on it"
    assert "STUB" in report.as_text(report.lines(["qdrant/qdrant:v1"])), "a stub stands out in the table"


@pytest.mark.parametrize(
    ("image", "registry_name"),
    [
        ("redis:7", ""),
        ("n8nio/n8n", ""),
        ("r.example.com/a/b:1", "r.example.com"),
        ("localhost/a", "localhost"),
        ("h:5000/a", "h:5000"),
    ],
)
def test_a_registry_is_told_from_a_namespace(image, registry_name):
    assert registry_name == registry.registry_of(image), "Docker tells them apart so"


def test_what_an_update_builds_itself_is_left_to_it_where_its_base_is_to_be_had(world, capsys):
    own = next(image for image, recipe in recipes().items() if recipe.updated)
    base = find(own).base
    world.images[base] = daemon.Local(id="sha256:1", labels={})
    ensure.ensure([own])
    assert [] == world.calls, "by its Dockerfile, on the host that needs it"
    assert f"{own}: built by the update" in capsys.readouterr().out

    world.images[base] = _substitute(base)
    ensure.ensure([own])
    assert f"build {own}" == world.calls[-1], "where no registry has its base, packages alone have to do"
