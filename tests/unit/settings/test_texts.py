"""What is meant as a text, and looks like a number or a truth value: YAML and ``config set --path`` read it as one."""

import json
from datetime import date

import pytest

from catalog.presets.registry import declared
from homeport.model.errors import SettingsError
from homeport.settings.load import Configuration, load

APP = {"image": "registry.example.com/app:1.4", "port": 8000}


def _settings(**settings):
    raw = {"homeport:preset": "ai-orchestrator", "homeport:settings": json.dumps(settings)}
    return load(Configuration("dev", raw), date(2026, 11, 21), declared=declared()).settings


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (8, "8"),
        (7.5, "7.5"),
        (0.1, "0.1"),
        (0.0000001, "0.0000001"),
        (1e3, "1000"),
        (10000000, "10000000"),
        (1e7, "10000000"),
        (-1, "-1"),
        (True, "true"),
        (False, "false"),
        ("007", "007"),
        ("1e3", "1e3"),
        ("7.50", "7.50"),
    ],
)
def test_an_option_is_a_text_whatever_it_looks_like(read, text):
    assert text == _settings(options={"qdrant-size": read}).options["qdrant-size"]


@pytest.mark.parametrize(
    ("settings", "path", "text"),
    [
        ({"apps": {"shop": APP | {"env": {"DEBUG": True}}}}, "apps.shop.env.DEBUG", "true"),
        ({"apps": {"shop": APP | {"env": {"SIZE": 7.5}}}}, "apps.shop.env.SIZE", "7.5"),
        ({"apps": {"shop": APP | {"route": {"host": 2048}}}}, "apps.shop.route.host", "2048"),
        ({"smoke": {"shop": {"url": "https://shop.example.com/", "contains": True}}}, "smoke.shop.contains", "true"),
        (
            {"embedding": {"url": "https://a.example.com", "model": 4, "dimensions": 8}},
            "embedding.model",
            "4",
        ),
    ],
)
def test_so_are_other_texts(settings, path, text):
    found = _settings(**settings).model_dump(mode="json")
    for part in path.split("."):
        found = found[part]

    assert text == found


def test_a_number_may_be_a_name_and_a_truth_value_is_none():
    rented = {"mode": "create", "server_type": "cx33", "location": "fsn1"}

    assert "12345678" == _settings(hosts={"main": rented | {"image": 12345678}}).hosts["main"].image, "a snapshot's id"
    with pytest.raises(SettingsError, match=r"hosts\.main\.image"):
        _settings(hosts={"main": rented | {"image": True}})


def test_a_list_is_no_option():
    with pytest.raises(SettingsError, match="must be a text, a number or a truth value"):
        _settings(options={"qdrant-size": [8]})
