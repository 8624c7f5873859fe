"""What ctl must know of a stack before Pulumi runs."""

from pathlib import Path

import pytest
import yaml

from catalog.presets.registry import preset
from homeport.cli.stack import read
from homeport.model.errors import ToolError

ROOT = Path(__file__).resolve().parents[3]


def write(folder, settings, name="dev"):
    config = {"homeport:preset": "ai-orchestrator", "homeport:settings": settings}
    (folder / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": config}))
    return read(name, folder)


def test_the_images_are_those_of_the_presets_services():
    wanted = [service.image for service in preset("ai-orchestrator").services]

    assert wanted == read("dev", ROOT).images(), "make up has to have them before Pulumi asks for them"


def test_an_override_and_a_service_that_is_off_change_the_images(tmp_path):
    overrides = {"ai-redis": {"image": "redis:7.4-alpine"}, "ai-n8n": {"enabled": False}}
    images = write(tmp_path, {"services": overrides}).images()

    assert "redis:7.4-alpine" in images, "the override's image is used"
    assert not [image for image in images if "n8n" in image], "nobody builds 2 GB for a service that is off"


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ({"main": {"mode": "local"}}, (True, "unix:///elsewhere.sock")),
        ({"main": {"mode": "adopt", "address": "192.0.2.10", "user": "root"}}, (False, "ssh://root@192.0.2.10:22")),
        (
            {"main": {"mode": "adopt", "address": "192.0.2.10", "user": "u", "port": 2222}},
            (False, "ssh://u@192.0.2.10:2222"),
        ),
    ],
)
def test_docker_is_asked_where_the_program_asks_it(tmp_path, monkeypatch, hosts, expected):
    monkeypatch.setenv("DOCKER_HOST", "unix:///elsewhere.sock")
    stack = write(tmp_path, {"hosts": hosts})

    assert expected == (stack.local, stack.docker_host), (
        "status and repair must look at the same machine as the program"
    )


@pytest.mark.parametrize(
    "settings",
    [None, [], "text", {"hosts": []}, {"hosts": {"main": 3}}, {"services": []}, {"services": {"ai-redis": 1}}],
)
def test_settings_of_any_shape_are_left_to_the_program_to_refuse(tmp_path, settings):
    stack = write(tmp_path, settings)

    assert stack.images(), "the program names every mistake at once; ctl must get that far"


def test_a_stack_that_is_not_there_is_refused_with_the_ones_that_are(tmp_path):
    write(tmp_path, {}, "prod")

    with pytest.raises(ToolError, match=r"Pulumi\.nope\.yaml: there is no such stack; there are: prod"):
        read("nope", tmp_path)


def test_a_broken_stack_file_is_refused_without_its_text(tmp_path):
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  homeport:settings: {canary-4711\n")

    with pytest.raises(ToolError, match=r"Pulumi\.dev\.yaml:\d+") as refused:
        read("dev", tmp_path)
    assert "canary" not in str(refused.value), "the text beside a mistake may be a secret"
