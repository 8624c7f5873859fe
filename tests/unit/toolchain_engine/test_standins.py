import json
import subprocess

from toolchain.engine import standins
from toolchain.engine.places import Places
from toolchain.engine.standins import Plugin


def test_names_and_versions_are_those_that_the_installed_sdks_ask_for(tmp_path):
    for name, facts in {
        "pulumi_docker": {"resource": True, "name": "docker", "version": "5.2.0"},
        "pulumi_tool": {"resource": False, "name": "tool", "version": "1.0.0"},
        "pulumi_command": {"resource": True, "name": "command", "version": "v1.2.1"},
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "pulumi-plugin.json").write_text(json.dumps(facts))
    expected = [Plugin(name="command", version="1.2.1"), Plugin(name="docker", version="5.2.0")]
    assert expected == standins.sdk_plugins(tmp_path), (
        "the version on disk has a v of its own, and a tool is no provider"
    )


def test_the_locked_sdks_are_found_in_this_environment():
    names = {plugin.name for plugin in standins.sdk_plugins()}
    assert {"command", "docker", "random"} <= names


def checkout_with(folder, *names):
    for name in names:
        provider = folder / "toolchain" / "plugins" / name / "provider.py"
        provider.parent.mkdir(parents=True)
        provider.touch()
    (folder / "toolchain" / "__init__.py").touch()
    (folder / "toolchain" / "plugins" / "__init__.py").touch()
    main = folder / "toolchain" / "plugins" / "__main__.py"
    main.write_text("import json, os, sys; print(json.dumps([sys.argv[1:], os.environ.get('PYTHONPATH')]))\n")
    return folder


def test_a_standin_is_a_script_at_the_place_where_the_engine_looks(places, tmp_path):
    there = Places(cache=places.cache, python=places.python, checkout=checkout_with(tmp_path / "it's here", "docker"))
    version = {plugin.name: plugin.version for plugin in standins.sdk_plugins()}["docker"]
    paths = standins.install(there, there.pulumi_home)
    expected = there.pulumi_home / "plugins" / f"resource-docker-v{version}" / "pulumi-resource-docker"
    assert [expected] == paths, "only providers that have a stand-in get one"
    done = subprocess.run([expected, "127.0.0.1:1"], capture_output=True, text=True, check=True, env={}, cwd="/")
    assert [["docker", "127.0.0.1:1"], None] == json.loads(done.stdout), "PYTHONPATH would reach the users' commands"


def test_an_official_plugin_in_the_same_place_is_left_alone(places, tmp_path):
    there = Places(cache=places.cache, python=places.python, checkout=checkout_with(tmp_path / "checkout", "docker"))
    (binary,) = standins.install(there, there.pulumi_home)
    binary.write_bytes(b"\x7fELF official")
    assert [] == standins.install(there, there.pulumi_home)
    assert b"\x7fELF official" == binary.read_bytes(), "the official plugin always wins"
    assert not standins.is_standin(binary)


def test_an_installed_standin_is_not_written_again(places, tmp_path):
    there = Places(cache=places.cache, python=places.python, checkout=checkout_with(tmp_path / "checkout", "docker"))
    (binary,) = standins.install(there, there.pulumi_home)
    before = binary.stat()
    standins.install(there, there.pulumi_home)
    assert before.st_ino == binary.stat().st_ino, "an engine that starts it at this moment must not see it replaced"
    assert standins.is_standin(binary)


def test_two_checkouts_with_one_cache_have_homes_of_their_own(places, tmp_path):
    other = Places(cache=places.cache, python=places.python, checkout=tmp_path)
    assert other.pulumi_home != places.pulumi_home, "each starts its own checkout's stand-ins"
    assert other.engine == places.engine, "but the engine is built once"
