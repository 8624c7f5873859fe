"""What the command must know of a stack before Pulumi runs."""

import base64
import json
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from catalog.presets.registry import preset
from homeport.cli import stack as stacks
from homeport.cli.stack import read
from homeport.model.errors import SettingsError, ToolError
from tests.support.waits import ends

ROOT = Path(__file__).resolve().parents[3]
RENTED = {"mode": "create", "server_type": "cx33", "location": "fsn1"}


def write(folder, settings, name="dev"):
    config = {"homeport:preset": "ai-orchestrator", "homeport:settings": settings}
    (folder / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": config}))
    return read(name, folder)


def test_the_images_are_those_of_the_presets_services():
    wanted = [service.image for service in preset("ai-orchestrator").services]

    assert wanted == read("dev").images(), "make up has to have them before Pulumi asks for them"


def test_an_override_and_a_service_that_is_off_change_the_images(tmp_path):
    overrides = {
        "ai-redis": {"image": "redis:7.4-alpine"},
        "ai-n8n": {"enabled": False},
        "ai-caddy": {"enabled": False},
    }
    images = write(tmp_path, {"services": overrides}).images()

    assert "redis:7.4-alpine" in images, "the override's image is used"
    assert not [image for image in images if "n8n" in image], "nobody builds 2 GB for a service that is off"


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ({"main": {"mode": "local"}}, (True, {"DOCKER_HOST": "unix:///elsewhere.sock"})),
        ({"main": RENTED}, (False, {})),
    ],
)
def test_docker_is_asked_where_the_program_asks_it(tmp_path, monkeypatch, hosts, expected):
    monkeypatch.setenv("DOCKER_HOST", "unix:///elsewhere.sock")
    stack = write(tmp_path, {"hosts": hosts})

    assert expected == (stack.local, stack.docker), (
        "status and repair must look at the same machine as the program; another's address is in its state"
    )


@pytest.mark.parametrize(
    "settings",
    [{"hosts": []}, {"hosts": {"main": 3}}, {"services": []}, {"services": {"ai-redis": 1}}],
)
def test_wrong_settings_of_any_shape_are_refused_as_the_program_refuses_them(tmp_path, settings):
    with pytest.raises(SettingsError, match=f"homeport:settings.{next(iter(settings))}"):
        write(tmp_path, settings).images()


def test_a_secret_that_the_file_cannot_show_is_left_to_the_program(tmp_path):
    stack = write(tmp_path, {"exposure": "direct", "hosts": {"main": RENTED}}, "prod")

    assert ("prod", False) == (stack.environment, stack.local), (
        "the token of Hetzner Cloud is encrypted, and not missing"
    )


def test_a_stack_that_is_not_there_is_refused_with_the_ones_that_are(tmp_path):
    write(tmp_path, {}, "prod")

    with pytest.raises(ToolError, match=r"Pulumi\.nope\.yaml: there is no such stack; there are: prod"):
        read("nope", tmp_path)


def test_a_broken_stack_file_is_refused_without_its_text(tmp_path):
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  homeport:settings: {canary-4711\n")

    with pytest.raises(ToolError, match=r"Pulumi\.dev\.yaml:\d+") as refused:
        read("dev", tmp_path)
    assert "canary" not in str(refused.value), "the text beside a mistake may be a secret"


def bomb(first, more):
    """A thousand characters that stand for thousands of millions: each line names the one before nine times."""
    lines = [f"{new}: &{new} {more.format(', '.join([f'*{old}'] * 9))}" for old, new in pairwise("abcdefghijk")]
    return "config:\n  homeport:settings:\n" + "".join(f"    {line}\n" for line in (f"a: &a {first}", *lines))


UNUSABLE = {
    "aliases of lists": (bomb("[canary]", "[{}]"), ": its aliases stand for more than"),
    "aliases of mappings": (bomb("{x: canary}", "{{<<: [{}]}}"), ": its aliases stand for more than"),
    "an alias of a long text": (
        f"config:\n  a: &a {'x' * 9000}\n  b: [{', '.join(['*a'] * 200)}]\n",
        ": its aliases stand for more than",
    ),
    "a list in itself": ("config:\n  homeport:settings: &a [*a]\n", ":2: it holds itself"),
    "a mapping in itself": ("config: &a\n  homeport:settings: {hosts: *a}\n", ":1: it holds itself"),
    "a section twice": (
        "config:\n  homeport:settings:\n    edge: {}\n    edge: {bind: canary}\n",
        ":4: edge stands there twice",
    ),
    "settings twice": ("config:\n  homeport:settings: {}\n  homeport:settings: {}\n", ":3: homeport:settings stands"),
    "an odd key twice": ('config: {"canary 1": 1, "canary 1": 2}\n', ":1: a key stands there twice"),
    "a tab": ("config:\n\thomeport:preset: canary\n", ":2: this is not valid YAML"),
    "a day that there is not": ("config:\n  homeport:settings: {x: 2027-02-31}\n", ":2: this is no value"),
    "a day as a key": ("config: {2027-02-01: canary}\n", ":1: a key is no word"),
    "bytes as a key": ("config: {!!binary Y2FuYXJ5: 1}\n", ":1: a key is no word"),
    "a list as a key": ("config: {? [canary] : 1}\n", ":1: a key is no word"),
    "a number of thousands of digits": (f"config: {{a: {'9' * 5000}}}\n", ":1: this is no value"),
    "no truth value": ("config: {a: !!bool canary}\n", ":1: this is no value"),
    "no number": ("config: {a: !!int ''}\n", ":1: this is no value"),
    "no time": ("config: {a: !!timestamp canary}\n", ":1: this is no value"),
    "an object of Python's": ("config: {a: !!python/name:os.system canary}\n", ":1: this is not valid YAML"),
    "a zero": ("config: {a: 'cana\0ry'}\n", ": this is not valid YAML"),
    "depth": ("config: " + "[" * 5000 + "]" * 5000, ": it is nested too deeply"),
    "two documents": ("config: {}\n---\nconfig: {a: canary}\n", ":2: this is not valid YAML"),
    "size": (f"config: {{a: {'x' * 1_048_576}}}\n", ": it is larger than"),
}


@pytest.mark.req("A-01")
@pytest.mark.parametrize("name", UNUSABLE)
def test_a_file_that_no_settings_can_be_read_of_is_refused_at_its_line_and_ends(tmp_path, name):
    text, words = UNUSABLE[name]
    (tmp_path / "Pulumi.dev.yaml").write_text(text)

    with ends("nothing is unfolded to find out"), pytest.raises(ToolError) as refused:
        read("dev", tmp_path)
    assert str(refused.value).startswith(f"Pulumi.dev.yaml{words}"), str(refused.value)
    assert ["  fix: edit Pulumi.dev.yaml"] == str(refused.value).splitlines()[1:]
    assert "canary" not in str(refused.value), "a value may be a secret"


def test_what_aliases_are_for_is_read_as_it_is_meant(tmp_path):
    (tmp_path / "Pulumi.dev.yaml").write_text(
        "x-limits: &limits {memory: 512, cpus: 2}\n"
        "config:\n"
        "  homeport:preset: ai-orchestrator\n"
        "  homeport:settings:\n"
        "    services: {ai-redis: {<<: *limits, memory: 128}, ai-n8n: *limits}\n"
    )
    stack = read("dev", tmp_path)

    assert {"memory": 128, "cpus": 2} == stack.settings["services"]["ai-redis"], "its own word comes before"
    assert () == stack.wrong


@pytest.mark.req("NW-10")
def test_a_lock_of_this_checkouts_is_none_of_the_tests(tmp_path, monkeypatch):
    image = read("dev").images()[0]
    pin = {"digest": f"sha256:{'a' * 64}", "origin": "registry", "day": "2026-11-29"}
    (tmp_path / "images.dev.lock.json").write_text(json.dumps({image: pin}))
    monkeypatch.setattr(stacks, "ROOT", tmp_path)
    assert image == read("dev").images()[0], "a test looks at what is shipped"
    monkeypatch.delenv("HOMEPORT_STACK_FILES")
    write(tmp_path, {})
    assert f"{image}@{pin['digest']}" == read("dev").images()[0], "the command at what this machine has"


def test_a_rehearsed_stack_is_known_by_its_clouds_addresses(tmp_path):
    content = {"homeport:preset": "ai-orchestrator", "hcloud:endpoint": "http://127.0.0.1:1/v1", "hcloud:token": "x"}
    (tmp_path / "Pulumi.prod.yaml").write_text(yaml.safe_dump({"config": content}))

    assert {"hcloud:endpoint": "http://127.0.0.1:1/v1"} == dict(read("prod", tmp_path).endpoints), (
        "its images were built here, and no registry's digest is asked for"
    )


def _sealed(size):
    return "v1:" + base64.b64encode(bytes(12)).decode() + ":" + base64.b64encode(bytes(size + 16)).decode()


@pytest.mark.req("NW-02")
@pytest.mark.parametrize(("size", "words"), [(0, "is empty"), (12, "its issuer's have 64"), (64, "")])
def test_a_token_that_is_empty_or_cut_off_is_in_the_first_list(tmp_path, size, words):
    settings = {"environment": "prod", "hosts": {"main": RENTED}, "domain": "example.org"}
    config = {"homeport:preset": "ai-orchestrator", "homeport:settings": settings}
    config["homeport:hcloud-token"] = {"secure": _sealed(size)}
    (tmp_path / "Pulumi.prod.yaml").write_text(yaml.safe_dump({"config": config}))
    wrong = [one.what for one in read("prod", tmp_path).wrong if one.path == "homeport:hcloud-token"]

    assert bool(words) == bool(wrong), wrong
    assert all(words in what for what in wrong)


def test_what_another_keeper_of_secrets_has_encrypted_shows_no_length():
    assert None is stacks._length("AAABAGZvbyBiYXI=") is stacks._length("v1:x:y"), "nothing is guessed"


def test_a_file_in_another_encoding_is_named_with_its_line(tmp_path):
    (tmp_path / "Pulumi.dev.yaml").write_bytes("config:\n  # für\n".encode("latin-1"))

    with pytest.raises(ToolError, match=r"Pulumi\.dev\.yaml:2: this is not UTF-8\n  fix: save"):
        read("dev", tmp_path)
