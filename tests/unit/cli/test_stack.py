"""What the command must know of a stack before Pulumi runs."""

import base64
import json
from pathlib import Path

import pytest
import yaml

from catalog.presets.registry import preset
from homeport.cli import stack as stacks
from homeport.cli.stack import read
from homeport.model.errors import SettingsError, ToolError

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
