"""Having an image: what is pulled, what is built, and what is left alone."""

from types import SimpleNamespace

import pytest

from toolchain.images import daemon, ensure, registry, report
from toolchain.images.__main__ import main
from toolchain.images.errors import ImageError
from toolchain.images.recipe import find

REDIS = "redis:7-alpine"


@pytest.fixture
def world(monkeypatch):
    """A daemon and a registry that only remember: `images` by name, `calls`, and whether the registry answers."""
    state = SimpleNamespace(images={}, calls=[], answers=False, refuses=False)

    def pull(image):
        state.calls.append(f"pull {image}")
        if state.refuses:
            raise ImageError(image, "denied")

    def asked(image):
        state.calls.append(f"ask {image}")
        return state.answers

    monkeypatch.setattr(daemon, "inspect", state.images.get)
    monkeypatch.setattr(daemon, "built", list)
    monkeypatch.setattr(daemon, "pull", pull)
    monkeypatch.setattr(registry, "_asked", asked)
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


def test_a_substitute_of_todays_recipe_is_left_alone(world):
    world.images[REDIS] = _substitute(REDIS)
    ensure.ensure([REDIS])
    assert [] == world.calls, "nothing has changed"


def test_a_substitute_of_an_older_recipe_is_built_anew_after_its_base(world):
    world.images[REDIS] = _substitute(REDIS, fingerprint="older")
    ensure.ensure([REDIS])
    assert [f"ask {REDIS}", "build homeport/base:bookworm", f"build {REDIS}"] == world.calls, (
        "the recipe's hash changed"
    )


def test_a_registry_that_answers_is_pulled_from(world):
    world.answers = True
    ensure.ensure([REDIS])
    assert [f"ask {REDIS}", f"pull {REDIS}"] == world.calls, "the real image is to be had"


def test_a_registry_is_asked_once_for_all_its_images(world):
    ensure.ensure([REDIS, "caddy:2.10-alpine", REDIS])
    assert [f"ask {REDIS}"] == [call for call in world.calls if call.startswith("ask")], (
        "five seconds once, not per image"
    )


def test_our_own_names_are_never_looked_for_in_a_registry(world):
    world.answers = True
    ensure.ensure(["homeport/base:bookworm"])
    assert ["build homeport/base:bookworm"] == world.calls, (
        "whoever owns that name elsewhere would get into the rehearsal"
    )


def test_a_refused_pull_falls_back_to_the_recipe_and_says_so(world, capsys):
    world.answers = world.refuses = True
    ensure.ensure([REDIS])
    assert f"build {REDIS}" in world.calls, "a rate limit must not stop a rehearsal"
    assert "denied" in capsys.readouterr().out, "why there is a substitute has to be told"


def test_a_refused_pull_without_a_recipe_is_an_error(world):
    world.answers = world.refuses = True
    with pytest.raises(ImageError, match="denied"):
        ensure.ensure(["nobody/nothing:1"])


def test_no_pull_asks_no_registry(world):
    world.answers = True
    ensure.ensure([REDIS], pull=False)
    assert f"build {REDIS}" in world.calls, "--no-pull means recipes only"
    assert f"ask {REDIS}" not in world.calls, "--no-pull means no traffic"


@pytest.mark.usefixtures("world")
def test_one_failing_build_does_not_hide_another(monkeypatch):
    def failing(recipe):
        if recipe.base:
            raise ImageError(recipe.image, "broke")

    monkeypatch.setattr(ensure, "_build", failing)
    with pytest.raises(ImageError) as told:
        ensure.ensure([REDIS, "caddy:2.10-alpine"])
    assert {REDIS, "caddy:2.10-alpine"} <= set(str(told.value).replace(":\n", " ").replace(": broke", " ").split()), (
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
    world.images["caddy:2.10-alpine"] = _substitute("caddy:2.10-alpine")
    world.images["n8nio/n8n:2.38.7"] = _substitute("n8nio/n8n:2.38.7", fingerprint="older")
    world.images["qdrant/qdrant:v1"] = _substitute("qdrant/qdrant:v1")
    states = {line.image: (line.state, line.current) for line in report.lines(["qdrant/qdrant:v1"])}
    expected = {
        REDIS: ("pulled", True),
        "caddy:2.10-alpine": ("real", True),
        "n8nio/n8n:2.38.7": ("real", False),
        "qdrant/qdrant:v1": ("stub", True),
        "python:3.11-slim-bookworm": ("absent", True),
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
