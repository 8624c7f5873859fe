import json

import pytest

from toolchain.engine import choice as choosing
from toolchain.engine import download
from toolchain.engine.choice import choose, ensure_choice
from toolchain.engine.errors import EngineError


def test_a_pulumi_on_path_with_its_language_host_is_used_with_its_own_plugins(places, environ, script):
    binary = script("opt/pulumi")
    script("opt/pulumi-language-python")
    chosen = choose(places, environ | {"PATH": str(binary.parent)})
    assert (True, binary) == (chosen.official, chosen.binary), chosen.why


def test_a_bare_engine_on_path_is_passed_over_because_it_cannot_run_python(places, environ, script):
    bare = script("opt/pulumi")
    chosen = choose(places, environ | {"PATH": str(bare.parent)})
    assert not chosen.official, "an engine without a language host fails at the first preview"
    assert f"{bare} has no pulumi-language-python" in chosen.why


def test_what_this_package_put_on_path_itself_never_counts_as_the_users(places, environ, script):
    own = script(f"{places.shell.relative_to(places.cache.parent)}/pulumi")
    script(f"{places.shell.relative_to(places.cache.parent)}/pulumi-language-python")
    chosen = choose(places, environ | {"PATH": str(own.parent)})
    assert not chosen.official, "the launcher would start itself, for ever"


def test_a_downloaded_cli_comes_before_one_built_here(places, environ, script):
    script(str(places.official.relative_to(places.cache.parent)))
    script(str(places.engine.relative_to(places.cache.parent)))
    assert places.official == choose(places, environ).binary, "Pulumi's own comes first wherever it can be had"


def test_the_user_can_ask_for_the_engine_from_registries(places, environ, script):
    script("opt/pulumi")
    script("opt/pulumi-language-python")
    asked = environ | {"PATH": str(script("opt/pulumi").parent), "HOMEPORT_ENGINE": "registries"}
    assert places.engine == choose(places, asked).binary, "a user's setting always wins"


def test_asking_for_pulumis_own_where_there_is_none_is_an_error_that_says_why(places, environ):
    with pytest.raises(EngineError, match="there is no pulumi on PATH"):
        choose(places, environ | {"HOMEPORT_ENGINE": "official"})


def test_an_unknown_engine_is_refused_by_name(places, environ):
    with pytest.raises(EngineError, match="'mine' is no engine"):
        choose(places, environ | {"HOMEPORT_ENGINE": "mine"})


def test_an_engine_in_place_is_used_without_any_question_to_the_network(places, environ, script, monkeypatch):
    script(str(places.engine.relative_to(places.cache.parent)))
    monkeypatch.setattr(download, "obstacle", lambda _: pytest.fail("an installed world needs no network"))
    assert ensure_choice(places, environ).ready


def test_why_the_download_site_was_no_help_is_remembered_for_the_report(places, environ, script, monkeypatch):
    monkeypatch.setattr(download, "obstacle", lambda _: "the site is a hole in the ground")
    monkeypatch.setattr(choosing, "ensure_engine", lambda p: script(str(p.engine.relative_to(p.cache.parent))))
    ensure_choice(places, environ)
    assert "there is no pulumi on PATH; the site is a hole in the ground" == choose(places, environ).why
    assert {"download": "the site is a hole in the ground"} == json.loads(places.note.read_text())


def test_the_engines_version_is_the_sdks(places):
    from importlib import metadata

    assert metadata.version("pulumi") == places.version, "a newer SDK may ask for calls that the engine lacks"
