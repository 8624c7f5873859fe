import json
import pwd
import stat
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import pytest

from toolchain.engine.choice import Choice
from toolchain.engine.environment import additions, prepare, pulumi_home
from toolchain.engine.errors import EngineError
from toolchain.engine.places import Places


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """The user database says that this user lives in the test's folder."""
    monkeypatch.setattr(pwd, "getpwuid", lambda _: SimpleNamespace(pw_dir=str(tmp_path / "home")))


@pytest.fixture
def ours(places):
    return Choice(official=False, binary=places.engine, why="test")


@pytest.fixture
def official(tmp_path):
    return Choice(official=True, binary=tmp_path / "opt" / "pulumi", why="test")


def logged_in(folder, current="https://example.com"):
    folder.mkdir(parents=True)
    (folder / "credentials.json").write_text(json.dumps({"current": current}))
    return folder


def test_a_user_who_has_set_nothing_gets_a_state_folder_and_a_passphrase_in_the_cache(places, ours, environ):
    added = additions(places, ours, environ)
    assert f"file://{places.state}" == added["PULUMI_BACKEND_URL"]
    assert str(places.passphrase) == added["PULUMI_CONFIG_PASSPHRASE_FILE"]
    assert "true" == added["PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER"]
    assert "true" == added["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"], "the stand-ins' engine never downloads"
    assert str(places.pulumi_home) == added["PULUMI_HOME"], "the user's own ~/.pulumi stays untouched"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PULUMI_BACKEND_URL", "file:///srv/state"),
        ("PULUMI_HOME", "/srv/pulumi"),
        ("PULUMI_CONFIG_PASSPHRASE_FILE", "/srv/passphrase"),
        ("PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER", "false"),
        ("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", "false"),
        ("PULUMI_SKIP_UPDATE_CHECK", "false"),
    ],
)
def test_what_the_user_has_set_is_never_set_again(places, ours, environ, name, value):
    assert name not in additions(places, ours, environ | {name: value}), "user settings always win"


def test_a_passphrase_in_the_environment_keeps_ours_away_even_when_it_is_empty(places, ours, environ):
    added = additions(places, ours, environ | {"PULUMI_CONFIG_PASSPHRASE": ""})
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in added, "an empty passphrase is a choice, too"


def test_a_login_keeps_the_state_where_the_user_keeps_it(places, ours, environ, tmp_path):
    folder = logged_in(tmp_path / "home" / ".pulumi")
    added = additions(places, ours, environ)
    assert "PULUMI_BACKEND_URL" not in added
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in added, "ours would keep Pulumi from asking for theirs"
    assert str(folder) == added["PULUMI_CREDENTIALS_PATH"], "the login must be seen from another PULUMI_HOME"


def test_an_access_token_is_a_login(places, ours, environ):
    assert "PULUMI_BACKEND_URL" not in additions(places, ours, environ | {"PULUMI_ACCESS_TOKEN": "pul-canary"})


def test_a_bucket_as_backend_gets_no_passphrase_of_ours(places, ours, environ):
    added = additions(places, ours, environ | {"PULUMI_BACKEND_URL": "s3://bucket"})
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in added


def test_pulumis_own_cli_keeps_its_home_and_its_downloads(places, official, environ, tmp_path):
    added = additions(places, official, environ)
    assert not {"PULUMI_HOME", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"} & set(added)
    assert tmp_path / "home" / ".pulumi" == pulumi_home(places, official, environ)


def test_launcher_engine_and_python_come_first_on_path_in_this_order(places, ours, environ):
    first = additions(places, ours, environ)["PATH"].split(":")[:3]
    assert [str(places.shell), str(places.engine.parent), str(places.python.parent)] == first


def test_applied_twice_the_environment_is_the_same(places, ours, environ):
    once = environ | additions(places, ours, environ)
    assert once == once | additions(places, ours, once), "a shell may evaluate it again"


def test_state_and_passphrase_are_for_the_owner_alone_and_made_once(places, ours, environ):
    added = additions(places, ours, environ)
    prepare(places, added)
    passphrase = places.passphrase.read_text()
    prepare(places, added)
    assert 0o700 == stat.S_IMODE(places.state.stat().st_mode)
    assert 0o600 == stat.S_IMODE(places.passphrase.stat().st_mode)
    assert passphrase == places.passphrase.read_text(), "a new passphrase would lock every stack"
    assert len(passphrase.strip()) >= 43, "32 random bytes"


@pytest.mark.req("S5-77")
def test_a_lost_passphrase_stops_everything_before_any_change(places, ours, environ):
    added = additions(places, ours, environ)
    prepare(places, added, environ)
    stacks = places.state / ".pulumi" / "stacks" / "homeport"
    stacks.mkdir(parents=True)
    (stacks / "prod.json").write_text("{}")
    prepare(places, added, environ)
    places.passphrase.unlink()

    with pytest.raises(EngineError, match=r"is gone, and .* has stacks whose secrets nobody can read without it"):
        prepare(places, added, environ)
    assert not places.passphrase.exists(), "a new one would read no secret, and hide that the old one is gone"


@pytest.mark.req("S5-77")
def test_a_passphrase_that_is_not_where_the_user_says_stops_everything(places, ours, environ, tmp_path):
    named = environ | {"PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / ".vault_password")}

    with pytest.raises(EngineError, match=r"\.vault_password: is not there, and PULUMI_CONFIG"):
        prepare(places, additions(places, ours, named), named)
    (tmp_path / ".vault_password").write_text("correct horse")
    prepare(places, additions(places, ours, named), named)


def test_nothing_is_made_where_the_user_keeps_state_and_passphrase(places, ours, environ):
    prepare(places, additions(places, ours, environ | {"PULUMI_BACKEND_URL": "s3://bucket"}))
    assert [] == list(places.cache.iterdir()), "nothing is left behind that nobody uses"


@pytest.mark.req("NW-05")
def test_a_shell_gets_the_names_that_no_proxy_is_asked_for(places, ours):
    added = additions(places, ours, {"no_proxy": "localhost", "PATH": "/bin"})
    assert "localhost" == added["no_proxy"], "plain pulumi would send its own calls to the proxy"


@pytest.mark.req("CA-13")
@pytest.mark.parametrize("name", ["with blanks", "100%sure", "a#b?c"])
def test_the_address_of_the_state_is_one_whatever_the_folders_name(tmp_path, ours, name):
    places = Places(cache=tmp_path / name)
    address = additions(places, ours, {})["PULUMI_BACKEND_URL"]
    assert str(places.state) == unquote(urlsplit(address).path), address
